"""Plan → cells → results: what a run computes, where it is kept, and what it adds up to."""

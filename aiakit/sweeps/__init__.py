"""A defense over a grid of its options, or over a search of them: what is claimed, what leaks, and what is left."""

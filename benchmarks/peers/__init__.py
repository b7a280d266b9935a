"""aiakit against other tools on the same data and split, one command each."""

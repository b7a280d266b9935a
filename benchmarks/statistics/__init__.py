"""Whether figures keep their promise: simulations of people with a known truth, measured by the product's functions."""

"""Pure functions on arrays: metrics, the bootstrap over people, paired tests, ranking, Pareto fronts, pooling."""

"""Benchmark suites: which releases of which data set are compared, and the published figures they stand beside."""

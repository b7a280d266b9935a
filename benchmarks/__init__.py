"""Benchmarks: suites as TOML, published figures as data, and what things cost."""

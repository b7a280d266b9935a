"""The suites of ``aiakit benchmark``, one TOML file each."""

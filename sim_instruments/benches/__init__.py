"""Packaged simulated benches, one TOML file each."""

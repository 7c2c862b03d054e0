"""Records of simulated samples, one TOML file each."""

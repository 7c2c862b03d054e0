"""Simulated counterparts of the papers' figures: the score's experiments, one noise seed. `make docs-figures` rewrites them."""

"""Ensembles of dry runs: one procedure many times on the twin of a bench, over seeds, samples and parameters."""

"""Estimators and figures: pure functions on arrays, each result with its standard error and the name of its method."""

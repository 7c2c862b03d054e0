"""Nights: a file of runs that depend on each other, checked as a whole, run unattended, reported in the morning."""

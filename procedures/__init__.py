"""Measurements: one file each. A procedure says what to set and read, how to draw it, and how to reduce it."""

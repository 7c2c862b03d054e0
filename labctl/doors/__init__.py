"""Doors: labctl benches in the programs of others."""

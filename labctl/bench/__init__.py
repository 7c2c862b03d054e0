"""The bench: instruments by role, physical quantities instead of registers."""

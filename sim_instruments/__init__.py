"""Emulated instruments, and the physical twin they all read and move."""

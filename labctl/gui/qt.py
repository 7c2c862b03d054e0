"""What every file of the window takes from Qt under qtpy's names, where type checkers cannot see that qtpy has them."""

from __future__ import annotations

from qtpy.QtCore import Signal  # type: ignore[attr-defined]

__all__ = ["Signal"]

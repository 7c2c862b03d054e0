"""Help after a mistyped name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """Write the nearest known names, or all of them, as the tail of an error message."""
    names = sorted(known)
    if not names:
        return "There is none."
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(names)}."

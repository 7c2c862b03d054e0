"""Times and sizes as people say them."""

from __future__ import annotations


def human_time(seconds: float) -> str:
    """Write seconds as people say them: 45 s, 3 min 20 s, 2 h 05 min."""
    whole = round(max(seconds, 0.0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def human_bytes(count: float) -> str:
    """Write a file size: 512 bytes, 74 kB, 1.2 GB."""
    for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count:.0f} bytes"

"""What is the same for every tool: the numbers that are measured, by instruments that take no time."""

from __future__ import annotations

import numpy as np

PIXELS, NUMBERS, FRAMES = 2048, 8, 64
NAMES = tuple(f"value_{index}" for index in range(NUMBERS))


def frames() -> np.ndarray:
    """Give what the camera reads, (frames, pixels): 900 photons a pixel with their noise."""
    return np.random.default_rng(1).poisson(900, (FRAMES, PIXELS)).astype("u4")


def position(index: int) -> float:
    """Give where the axis goes, in nm."""
    return 400.0 + 1e-3 * index


def numbers(index: int) -> dict[str, float]:
    """Give the numbers that are read."""
    return {name: 0.1 * place + index for place, name in enumerate(NAMES)}

"""How long a motor takes that speeds up, runs and slows down."""

from __future__ import annotations

import math


def travel_seconds(distance: float, velocity: float, acceleration: float) -> float:
    """Give the duration of a trapezoidal move: d/v + v/a, or 2·sqrt(d/a) when the distance is too short to reach v."""
    if distance >= velocity**2 / acceleration:
        return distance / velocity + velocity / acceleration
    return 2 * math.sqrt(distance / acceleration)

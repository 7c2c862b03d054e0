"""A blade that a stage moves through the pump beam where the sample is: what it leaves of the light."""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, pi, sqrt
from typing import Any

import numpy as np

from sim_instruments.twin.more_elements import Stage
from sim_instruments.twin.path import Part
from sim_instruments.twin.pump import Stage as Optic

TRAVEL_MM = 2e-4                   # over which the light behind it changes noticeably, for a spot of a micrometre


def blades(parts: Sequence[Part]) -> list[Optic]:
    """Give the stages of all blades of a light path; a blade meets the sample's spot unless it is given a size of its own."""
    spot = next((part.options for part in parts if part.kind == "sample"), {})
    shape, diameter_um = str(spot.get("spot_shape", "disc")), float(spot.get("spot_diameter_um", 1.2))
    return [blade_stage(part.element, shape, float(part.options["diameter_um"] or diameter_um), float(part.options["centre_mm"]))
            for part in parts if part.kind == "blade" and isinstance(part.element, Stage)]


def blade_stage(element: Stage, shape: str, diameter_um: float, centre_mm: float) -> Optic:
    """Make the stage of a blade that clears the beam at high positions and closes it at low ones.

    `diameter_um` is that of the spot across the blade: 1/e² of a Gaussian, else of a disc, whose middle meets the edge at
    `centre_mm`.
    """
    (mover,) = element.axes.values()
    radius_mm = diameter_um * 0.5e-3

    def transmission(state: tuple[Any, ...], wavelength: np.ndarray) -> Any:
        return cleared((state[0] - centre_mm) / radius_mm, shape)

    return Optic(element.role, lambda when: (round(mover.at(when), 9),), transmission, ((mover, TRAVEL_MM),))


def cleared(edge: float, shape: str) -> float:
    """Give the part of a spot below an edge, in radii from its middle: ½ erfc(−√2 u), or the segment of a disc."""
    if shape == "gaussian":
        return 0.5 * erfc(-sqrt(2.0) * edge)
    inside = float(np.clip(edge, -1.0, 1.0))
    return 0.5 + (inside * sqrt(1.0 - inside**2) + float(np.arcsin(inside))) / pi

"""What is known about the power at the sample without asking any instrument."""

from __future__ import annotations

import math

from labctl.analysis import attenuator
from labctl.bench.config import BenchConfig
from labctl.bench.optics import PumpBeam
from labctl.core.errors import AnalysisError


def power_now(config: BenchConfig, beam: PumpBeam | None) -> tuple[float | None, str]:
    """Give the power at the sample with the shutter open, in W, and how it is known.

    "measured" at the pick-off since the last move, "calibrated" from where plate and filters stand, else the highest that the
    bench file allows ("limit"); None when nothing limits it ("unknown").
    """
    if beam is not None:
        if beam.reported is not None and beam.reported[0] == beam.standing():
            return beam.reported[1], "measured"
        if (power := _predicted(beam)) is not None:
            return power, "calibrated"
    highest = config.safety.limits.get("pump.power", (0.0, math.inf))[1]
    return (highest, "limit") if math.isfinite(highest) else (None, "unknown")


def _predicted(beam: PumpBeam) -> float | None:
    """Give what the calibration says to plate and filters as they stand; None when it cannot."""
    calibration, where = beam.calibration(), beam.wavelength.value
    if calibration is None or where is None or beam.plate.position is None or not calibration.covers("pump.wavelength", where):
        return None
    if beam.wheel is not None and beam.wheel.position is None:
        return None
    slot = 1 if beam.wheel is None else round(beam.wheel.position or 1)
    try:
        share = beam.transmissions(where).get(slot, 0.0)         # a slot that is not listed lets no light through
    except AnalysisError:
        return None
    return attenuator.transmission(calibration.curve, where, beam.plate.position) * share * beam.pickoff.ratio(where)

"""How large the pump spot is: as it was measured with a knife edge, else as the bench file states it."""

from __future__ import annotations

from labctl.bench.config import Spot
from labctl.core.calibration import Calibration

KIND = "spot_size"


def spot_of(stated: Spot, calibration: Calibration | None) -> Spot:
    """Give size, definition and uncertainty of the spot; a calibration takes the place of what the bench file states."""
    if calibration is None:
        return stated
    return stated.model_copy(update={
        "shape": "gaussian", "diameter_um": float(calibration.curve["diameter_um"]), "definition": "1/e2", "method": "knife edge",
        "date": calibration.date[:10], "wavelength_nm": float(calibration.curve["wavelength_nm"]),
        "uncertainty": calibration.uncertainty})

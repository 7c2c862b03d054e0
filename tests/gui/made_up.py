"""Headers and readings of runs that nobody measured."""

from __future__ import annotations

import numpy as np

from labctl.core.plan import Point, Reading

PIXELS = 64
WAVELENGTH = np.linspace(520.0, 540.0, PIXELS)
SATURATED = 65535.0


def header(points: int = 5, **more) -> dict:
    """Give the header of a scan of the pump wavelength read by a camera."""
    scan = [Point({"pump.wavelength": 500.0 + k}, exposure_s=1.0).as_json() for k in range(points)]
    coordinate = {"values": WAVELENGTH.tolist(), "unit": "nm", "long_name": "Emission wavelength", "medium": "vacuum"}
    counts = {"unit": "counts", "dims": ["emission_wavelength"], "shape": [PIXELS], "dtype": "u4", "long_name": "Counts",
              "coords": {"emission_wavelength": coordinate}}
    return {"run_id": "0" * 32, "procedure": "scan", "parameters": {}, "plan": [Point(kind="dark").as_json(), *scan],
            "plots": [], "default_signal": "counts", "channels": {"counts": counts}, "constants": {}, "seed": 1, **more}


def reading(index: int, level: float = 100.0, kind: str = "scan", flags: tuple[str, ...] = (), **values: float) -> Reading:
    """Give a frame: an offset of 300 counts and a line of a height, 1.5 nm wide at 1/e, in the middle."""
    counts = np.full(PIXELS, 300, dtype="u4")
    if kind == "scan":
        counts = (counts + level * np.exp(-((WAVELENGTH - WAVELENGTH[32]) / 1.5) ** 2)).astype("u4")
    camera = {"exposure_s": 1.0, "effective_exposure_s": 1.0, "gain_e_per_count": 2.0, "read_noise_e": 3.0,
              "saturation_counts": SATURATED, "elapsed_s": float(index)}
    point = Point({"pump.wavelength": 499.0 + index} if kind == "scan" else {}, kind=kind, exposure_s=1.0)
    return Reading(index, point, {"counts": counts}, {**camera, **values}, flags)

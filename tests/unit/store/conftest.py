"""A small run to store: 6 wavelengths × 40 pixels with dark, reference and flags, and a power grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labctl.core.plan import Point, plan_hash
from labctl.store.journal import Journal

PIXELS = 40
WAVELENGTHS = np.linspace(518.0, 540.0, PIXELS) ** 1.0001       # unevenly spaced, as behind a grating
GRANTED = {"exposure_s": 1.0, "effective_exposure_s": 1.003, "gain_e_per_count": 2.5, "read_noise_e": 6.0,
           "saturation_counts": 65535.0}


def spectrum_channel() -> dict[str, Any]:
    axis = {"values": WAVELENGTHS.tolist(), "unit": "nm", "long_name": "Emission wavelength (air)", "medium": "air"}
    return {"unit": "counts", "dims": ["emission_wavelength"], "shape": [PIXELS], "dtype": "u4", "long_name": "Counts",
            "coords": {"emission_wavelength": axis}}


def make_header(points: list[Point], **changes: Any) -> dict[str, Any]:
    return {
        "run_id": "00c0ffee" * 4, "run_number": 7, "procedure": "ple", "title": "PLE scan",
        "parameters": {"step": {"value": 0.1 + 0.2, "unit": "nm", "label": "Step"},
                       "frames": {"value": 2, "unit": "", "label": ""},
                       "fast": {"value": True, "unit": "", "label": "Fast"}, "mode": {"value": "up", "unit": "", "label": "Mode"}},
        "plan": [point.as_json() for point in points], "plan_hash": plan_hash(points),
        "scan_axes": ["pump.wavelength"], "shape": None,
        "plots": [{"kind": "map", "y": "pump.wavelength"}], "default_signal": "counts", "channels": {"counts": spectrum_channel()},
        "companions": {}, "instruments_start": {"ccd": {"identity": "Andor DU401, serial 4711"}, "laser": {"identity": "EXR-15"}},
        "serials": {"ccd": "4711"}, "calibrations": [], "bench": {"name": "ying2021", "text": "schema = 1\n", "simulated": True},
        "sample": "CsPbBr₃", "user": "ada", "note": "first light", "seed": 42, "start_utc": "2026-11-21T13:00:00+00:00",
        "environment": {"packages": {"labctl": "0.1.0"}}, "procedure_source": "class PLE: ...\n",
        "constants": {"repetition_rate_hz": 78e6, "pump.bandwidth": 1.75, "detection.instrument_fwhm": 0.12},
        "estimate": {"seconds": 61.5},
        **changes,
    }


def scan_points(wavelengths: Any = (500.0, 500.5, 501.0, 501.5, 502.0, 502.5), flagged: Any = (502.5,)) -> list[Point]:
    def lit(value: float, **more: Any) -> Point:
        return Point(set={"pump.wavelength": float(value), "pump.photon_flux": 1e12}, exposure_s=1.0, **more)

    scan = [lit(value, flags=("pump_overlap",) if value in flagged else ()) for value in wavelengths]
    dark, reference = Point(kind="dark", light=False, exposure_s=1.0), lit(501.0, kind="reference")
    return [dark, dark, reference, *scan, reference]


def counts_of(index: int) -> np.ndarray:
    return (1000 + 10 * index + np.arange(PIXELS)).astype("u4")


def write_points(journal: Journal, points: list[Point], upto: int | None = None, start: int = 0) -> None:
    for index, point in list(enumerate(points))[start:upto]:
        values = {**point.set, **GRANTED, "elapsed_s": 1.5 * index}
        if point.light:
            values |= {"pump.wavelength_measured": point.set["pump.wavelength"] + 0.01, "pump.power": 3e-6}
        journal.point(index, point=point.as_json(), started_s=1.5 * index - 0.2, arrays={"counts": counts_of(index)}, values=values,
                      flags=point.flags, checkpoint=b"state %d" % index)


def write_journal(path: Path, points: list[Point] | None = None, *, upto: int | None = None, status: str = "done",
                  **changes: Any) -> Path:
    """Write a whole journal, or its beginning; `changes` go into the header."""
    points = scan_points() if points is None else points
    with Journal.create(path, make_header(points, **changes)) as journal:
        write_points(journal, points, upto)
        journal.event("info", 3.0, "cooled to −60 °C", {"kelvin": 213.15})
        if status:
            journal.end(status, end={"problems": [], "seconds": 99.5, "end_utc": "2026-11-21T13:02:00+00:00",
                                     "truth": {"resonance_nm": 526.4, "levels": [1.0, 2.5], "dipole": {"angle_deg": 31.0}}})
    return path


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What tests need to write journals of their own."""
    return SimpleNamespace(header=make_header, points=scan_points, write=write_points, journal=write_journal,
                           wavelengths=WAVELENGTHS)


@pytest.fixture
def make_journal(tmp_path: Path) -> Callable[..., Path]:
    """Write a whole journal and give its path."""
    return lambda *args, name="run", **more: write_journal(tmp_path / f"{name}.journal", *args, **more)

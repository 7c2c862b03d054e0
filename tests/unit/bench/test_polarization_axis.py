"""`detection.polarization`: angles of the light turned into angles of the mount, for both schemes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from labctl.bench.config import DetectedPolarization
from labctl.bench.polarization import DetectionPolarization
from labctl.core.calibration import Calibration
from labctl.core.steps import Steps


class Mount:
    """A mount that goes where it is sent, off by a little."""

    name = "analyser.angle"
    limits = (-360.0, 360.0)
    at = 0.0

    def check(self, value: float, at: Mapping[str, float]) -> list[Any]:
        return []

    def eta(self, start: float | None, stop: float) -> float:
        return abs(stop - (start or 0.0)) / 10.0

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        self.at = value + 0.01
        yield 0.0
        return {"analyser.angle_measured": self.at}

    def read(self) -> Steps[float]:
        yield 0.0
        return self.at


def finish(steps: Steps[Any]) -> Any:
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value


def axis(scheme: Any, zero: float = 3.0, calibration: Calibration | None = None) -> DetectionPolarization:
    return DetectionPolarization(Mount(), DetectedPolarization(scheme=scheme, zero_deg=zero), lambda: calibration)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scheme", "angles"), [
    ("analyser", {0.0: 3.0, 90.0: 93.0, 357.0: 360.0, 360.0: 3.0}), ("half_wave_plate", {0.0: 3.0, 90.0: 48.0, 360.0: 183.0})])
def test_the_mount_turns_by_the_scheme(scheme: str, angles: dict[float, float]) -> None:
    made = axis(scheme)
    assert {light: made.mount_angle(light) for light in angles} == pytest.approx(angles)


@pytest.mark.parametrize(("scheme", "off"), [("analyser", 0.01), ("half_wave_plate", 0.02)])
def test_the_read_back_is_an_angle_of_the_light(scheme: str, off: float) -> None:
    made = axis(scheme)
    assert finish(made.move(40.0, {}))["detection.polarization_measured"] == pytest.approx(40.0 + off)
    assert finish(made.read()) == pytest.approx(40.0 + off)


def test_a_calibrated_zero_takes_the_place_of_the_bench_files() -> None:
    calibration = Calibration("polarization_calibration", "zero", {"zero_deg": -2.0}, {}, {}, "2026-01-01T00:00:00+00:00")
    assert axis("analyser", calibration=calibration).mount_angle(10.0) == pytest.approx(8.0)


def test_more_than_a_turn_is_refused() -> None:
    (problem,) = axis("analyser").check(361.0, {})
    assert "one turn holds every polarisation twice" in problem.text

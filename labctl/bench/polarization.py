"""`detection.polarization`: which linear polarisation the detection sees, as an angle in the laboratory's frame.

Two schemes (`[detection.polarization]`): a rotating polariser passes θ at its own angle θ + zero; a rotating half-wave plate before
a fixed polariser passes θ at θ/2 + zero, and the light always meets the grating in the same polarisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labctl.bench.config import DetectedPolarization
from labctl.bench.devices import DriverAxis
from labctl.core.calibration import Calibration
from labctl.core.plan import Problem
from labctl.core.steps import Steps

FULL_TURN = 360.0
TURN_OF_THE_MOUNT = {"analyser": 1.0, "half_wave_plate": 0.5}      # per degree of polarisation


class DetectionPolarization:
    """Angle of the polarisation that reaches the detector, 0 to 360 deg; 180 deg apart is the same light by another way."""

    name = "detection.polarization"
    unit = "deg"
    illuminates = False
    after: tuple[str, ...] = ()
    limits = (0.0, FULL_TURN)

    def __init__(self, mount: DriverAxis, config: DetectedPolarization, calibration: Callable[[], Calibration | None]):
        self.mount, self.config, self.calibration = mount, config, calibration

    @property
    def zero_deg(self) -> float:
        """Angle of the mount at which horizontal polarisation passes: calibrated, else as the bench file states it."""
        found = self.calibration()
        return self.config.zero_deg if found is None else float(found.curve["zero_deg"])

    def constants(self) -> dict[str, float]:
        """Give what a run has to remember; the grating's answer only where a polariser rotates and was calibrated."""
        found = self.calibration()
        curve = {} if found is None else found.curve
        told = {"detection.polarization_zero": self.zero_deg, "detection.polarization_turn": TURN_OF_THE_MOUNT[self.config.scheme],
                "detection.polarization_uncertainty": float(curve.get("uncertainty_deg", self.config.uncertainty_deg))}
        if "grating_contrast" in curve:
            told |= {"detection.grating_contrast": float(curve["grating_contrast"]),
                     "detection.grating_axis": float(curve["grating_axis_deg"])}
        return told

    def mount_angle(self, polarization_deg: float) -> float:
        """Give the angle of the mount that passes a polarisation, within what the mount can reach."""
        angle = polarization_deg * TURN_OF_THE_MOUNT[self.config.scheme] + self.zero_deg
        low, high = self.mount.limits
        if low <= angle <= high:
            return angle
        turned = angle % FULL_TURN
        return turned if low <= turned <= high else turned - FULL_TURN

    def check(self, value: float, at: Mapping[str, float]) -> list[Problem]:
        """Refuse angles outside one turn, and those at which the mount cannot stand."""
        low, high = self.limits
        if not low <= value <= high:
            text = f"{value:g} deg is outside {low:g} to {high:g} deg: one turn holds every polarisation twice."
            return [Problem(self.name, text)]
        return self.mount.check(self.mount_angle(value), at)

    def eta(self, start: float | None, stop: float) -> float:
        """Ask the mount."""
        return self.mount.eta(None if start is None else self.mount_angle(start), self.mount_angle(stop))

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Turn the mount and report the read-back as a polarisation."""
        measured = yield from self.mount.move(self.mount_angle(value), at)
        off = (measured[f"{self.mount.name}_measured"] - self.mount_angle(value)) / TURN_OF_THE_MOUNT[self.config.scheme]
        return {f"{self.name}_measured": value + off}

    def read(self) -> Steps[float]:
        """Ask the mount."""
        angle = yield from self.mount.read()
        return ((angle - self.zero_deg) / TURN_OF_THE_MOUNT[self.config.scheme]) % FULL_TURN

    def stop(self) -> Steps[None]:
        """Stop the mount."""
        yield from self.mount.stop()

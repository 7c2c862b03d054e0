"""The bench of the physics tests: one twin on a virtual clock, and how to turn its knobs without instruments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from labctl.core.clock import VirtualClock
from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.twin import PathItem, Twin
from sim_instruments.twin.units import vacuum_to_air

SPOT_CM2 = np.pi / 4 * (1.2e-4) ** 2
RATE_HZ = 78e6

PATH = (
    PathItem("laser", "supercontinuum"), PathItem("filter", "select"), PathItem("cleanup", "clean_up"),
    PathItem("attenuator", "wave_plate_attenuator"), PathItem("nd", "filter_wheel", {"transmissions": [1.0, 0.1, 0.0]}),
    PathItem("power_meter", "pick_off"), PathItem("shutter", "shutter"), PathItem("sample_power", "sample_head"),
    PathItem("sample", "sample"), PathItem("spectrograph", "spectrograph"), PathItem("ccd", "camera"),
)


@dataclass
class Rig:
    """A twin with names for what the tests move."""

    twin: Twin
    clock: VirtualClock

    def __getattr__(self, role: str):
        return self.twin.element(role)

    def tune(self, wavelength_nm: float) -> None:
        """Tune the filter to a wavelength in vacuum."""
        self.filter.tune(0, centre_nm=float(vacuum_to_air(wavelength_nm)), amplitude=1.0)

    def open(self) -> None:
        """Open the shutter at once."""
        self.shutter.opening.move(1.0)

    def set_power(self, watts: float) -> None:
        """Turn the plate to the angle of a power at the sample; the shutter must be open."""
        low, high = self.twin_offset(), self.twin_offset() + 45.0
        for _ in range(60):
            middle = (low + high) / 2
            self.attenuator.angle.move(middle)
            low, high = (middle, high) if self.twin.power_at_sample_now() > watts else (low, middle)

    def twin_offset(self) -> float:
        """Give the plate's hidden offset."""
        return self.twin.truth()["attenuator.offset_deg"]["value"]

    def frame(self, seconds: float = 1.0, **readout) -> np.ndarray:
        """Expose and read one frame."""
        gate = self.ccd.open_gate()
        self.clock.wait(seconds)
        settings = {"rows": (0, 255), "exposure_s": seconds, "gain_e_per_count": 10.0, "read_noise_e": 4.0, "temperature_c": -60.0}
        return self.ccd.read_out(gate, CcdReadout(**(settings | readout)))


@pytest.fixture
def build():
    """Build a rig; any role's options can be replaced."""
    def make(*, seed: int = 5, ideal: bool = True, sample="ying2021", without=(), extra=(), **options) -> Rig:
        clock = VirtualClock()
        path = [PathItem(item.role, item.kind, {**item.options, **options.get(item.role, {})})
                for item in PATH if item.role not in without]
        return Rig(Twin([*path, *extra], sample=sample, clock=clock, bench_seed=seed, ideal=ideal), clock)
    return make


@pytest.fixture
def rig(build) -> Rig:
    """An ideal bench."""
    return build()


@pytest.fixture(scope="session")
def ying() -> Sample:
    return load_sample("ying2021")


@pytest.fixture(scope="session")
def fluence():
    """Give the fluence in J/cm² of a mean power in W on the 1.2 µm disc at 78 MHz."""
    return lambda power_w: power_w / RATE_HZ / SPOT_CM2

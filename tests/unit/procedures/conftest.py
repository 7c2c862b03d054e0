"""A run and a bench that exist only in memory, for procedures under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from labctl.core.calibration import Calibration
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from labctl.core.plan import Point
from labctl.core.procedure import Procedure

# Excitation spectrum of the stimulated pair at constant photon flux, band 1.75 nm, of the 4 K sample with its absorption at
# 2.354 eV: 500 to 530 nm in 0.5 nm, relative to its maximum, which lies at 526.41 nm. Solved once, free of noise.
BAND_1_75 = np.array([
    .128, .132, .136, .140, .144, .145, .146, .147, .148, .150, .151, .152, .154, .155, .157, .159, .161, .163, .166, .169, .172,
    .176, .181, .187, .194, .202, .211, .222, .235, .250, .268, .288, .312, .339, .350, .363, .376, .390, .405, .420, .436, .451,
    .466, .479, .490, .499, .510, .528, .567, .641, .760, .914, .985, 1.0, .964, .782, .558, .385, .186, .065, 1e-4,
])
SPLITTING_EV, BROAD_EV, BROAD_FWHM_EV, PAIR_FWHM_EV = 2.0e-3, 2.336, 17.8e-3, 1.1e-3


@dataclass
class FakeBench:
    """Answers a plan's questions; the source is weaker towards the blue, as supercontinua are."""

    bandwidth: float = 1.75
    limits: tuple[float, float] = (400.0, 700.0)
    lowest: float = 1e11
    name: str = "fake"
    constants: Mapping[str, float] = field(default_factory=dict)
    reaches: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)

    def reach(self, axis: str, at: Mapping[str, float]) -> tuple[float, float]:
        if axis in self.reaches:
            return self.reaches[axis]
        if axis == "pump.wavelength":
            return self.limits
        assert axis == "pump.photon_flux"
        return self.lowest, 1.6e14 * (1.0 + (at["pump.wavelength"] - 500.0) / 100.0)

    def calibration(self, kind: str) -> Calibration | None:
        return self.calibrations.get(kind)

    def defaults(self, procedure: str) -> dict[str, Any]:
        return {}

    def constant(self, name: str) -> float:
        known = {"pump.bandwidth": self.bandwidth, "detection.instrument_fwhm": 0.1455, **self.constants}
        if name not in known:
            raise AnalysisError(f"bench {self.name} does not know {name}")
        return known[name]


@dataclass
class FakeRun:
    """A run view over points and per-point numbers of one kind; spectra are made when there are any."""

    points: Sequence[Point]
    values: dict[str, np.ndarray] = field(default_factory=dict)
    spectra: np.ndarray | None = None
    errors: np.ndarray | None = None
    pixels_nm: np.ndarray | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)
    others: dict[str, FakeRun] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    extra_flags: dict[str, np.ndarray] = field(default_factory=dict)
    raw: np.ndarray | None = None
    runs: dict[str, FakeRun] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    coordinates: dict[tuple[str, str], tuple[str, str, np.ndarray]] = field(default_factory=dict)

    def other(self, name: str) -> FakeRun:
        if name not in self.runs:
            raise AnalysisError(f"there is no run {name}")
        return self.runs[name]

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self.values:
            return self.values[name]
        if not self.points or name not in self.points[0].set:
            raise KeyError(name)
        return np.array([point.set[name] for point in self.points])

    def select(self, kind: str) -> FakeRun:
        return self.others[kind]

    def flag(self, name: str) -> np.ndarray:
        planned = np.array([name in point.flags for point in self.points], dtype=bool)
        return planned | self.extra_flags.get(name, np.zeros(len(self.points), dtype=bool))

    def signal(self, per_pulse: bool = False) -> np.ndarray:
        assert self.spectra is not None
        return self.spectra

    def sigma(self, per_pulse: bool = False) -> np.ndarray:
        assert self.errors is not None
        return self.errors

    def counts(self, channel: str = "") -> np.ndarray:
        found = self.arrays[channel] if channel else self.raw
        assert found is not None
        return found

    def coordinate(self, channel: str, dim: str = "") -> tuple[str, str, np.ndarray] | None:
        return self.coordinates.get((channel, dim))

    def wavelength(self, medium: str = "vacuum") -> np.ndarray:
        assert self.pixels_nm is not None
        return self.pixels_nm

    def wavelengths(self, medium: str = "vacuum") -> np.ndarray:
        return np.broadcast_to(self.wavelength(medium), (len(self.points), len(self.wavelength(medium))))


def _unit(energy: np.ndarray, centre: float, fwhm: float) -> np.ndarray:
    """A Gaussian of unit area in energy, written independently of the analysis."""
    return np.sqrt(4 * np.log(2) / np.pi) / fwhm * np.exp(-4 * np.log(2) * (energy - centre) ** 2 / fwhm**2)


def spectra(pump_nm: np.ndarray, pair: np.ndarray, pixels_nm: np.ndarray, *, broad: float = 6e4, leak: float = 1e5,
            blue_shift_ev: np.ndarray | float = 0.0) -> np.ndarray:
    """Electrons/s per pixel: the pair (areas in electrons/s), the broad line, stray light and the pump's band."""
    energy = energy_ev(pixels_nm)
    width = np.abs(np.gradient(energy))
    shift = np.broadcast_to(blue_shift_ev, pump_nm.shape)
    lower = [0.55 * a * _unit(energy, 2.335 + s, PAIR_FWHM_EV) for a, s in zip(pair, shift, strict=True)]
    upper = [0.45 * a * _unit(energy, 2.335 + SPLITTING_EV + s, PAIR_FWHM_EV) for a, s in zip(pair, shift, strict=True)]
    pump = [leak * np.exp(-4 * np.log(2) * (pixels_nm - p) ** 2 / 1.75**2) for p in pump_nm]
    return (np.array(lower) + upper + broad * _unit(energy, BROAD_EV, BROAD_FWHM_EV)) * width + np.array(pump) + 5.0


def ple_run(procedure: Procedure, rng: np.random.Generator, *, bandwidth: float = 1.75, peak: float = 1.2e5, noise: float = 0.01,
            curve: Callable[[np.ndarray], np.ndarray] | None = None, drift: float = 0.0) -> FakeRun:
    """Run a PLE plan on an invented sample: power error per point, Poisson and read noise, 1 s exposures."""
    points = list(procedure.plan(FakeBench(bandwidth=bandwidth)))
    grid = np.arange(500.0, 530.01, 0.5)
    response = curve or (lambda nm: np.interp(nm, grid, BAND_1_75))
    pixels = np.linspace(527.65, 587.0, 1024)
    constants = {"pump.bandwidth": bandwidth, "detection.instrument_fwhm": 0.1455, "pump.power_uncertainty": 0.05}

    def view(kind: str) -> FakeRun:
        chosen = [point for point in points if point.kind == kind]
        run = FakeRun(chosen, constants=constants, pixels_nm=pixels)
        pump = run["pump.wavelength"]
        # The flux error is not seen by the pick-off: that is what makes it an error.
        flux = 1.0 + noise * rng.standard_normal(len(pump))
        if kind == "reference":
            flux = flux * np.array([1.0, 1.0 + drift])
        exact = spectra(pump, peak * response(pump) * flux, pixels, blue_shift_ev=6e-4 + 3e-4 * (526.0 - pump) / 26.0)
        run.spectra = rng.poisson(exact) + rng.normal(0.0, 4.0, exact.shape)
        run.errors = np.sqrt(np.clip(run.spectra, 0, None) + 16.0)
        return run

    scan = view("scan")
    scan.others = {"reference": view("reference")}
    return scan


@pytest.fixture
def make_ple_run() -> Callable[..., FakeRun]:
    """The maker of invented PLE runs."""
    return ple_run


@pytest.fixture
def fake_bench() -> type[FakeBench]:
    """The bench that only answers questions."""
    return FakeBench


@pytest.fixture
def fake_run() -> type[FakeRun]:
    """The run view over given numbers."""
    return FakeRun


@pytest.fixture
def pair_spectra() -> Callable[..., np.ndarray]:
    """The maker of exact spectra."""
    return spectra


@pytest.fixture
def excitation_curve() -> np.ndarray:
    """The true excitation spectrum from 500 to 530 nm, relative to its maximum."""
    return BAND_1_75

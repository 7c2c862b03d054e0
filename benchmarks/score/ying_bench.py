"""Ying et al. 2021, what is claimed about the bench: pump line, resolution, repetition rate, range of power and temperature."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from benchmarks.score.detectors import Camera
from benchmarks.score.experiment import Experiment, Results
from benchmarks.score.ying import BENCH, OFF_NM, ON_NM, RATE_HZ
from labctl.analysis.attenuator_fit import fit_plate
from labctl.analysis.lines import gaussian_line
from labctl.core.clock import VirtualClock
from labctl.core.photons import vacuum_to_air
from sim_instruments.twin.light import acousto_optic_line
from sim_instruments.twin.pulses import number
from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation
from sim_instruments.twin.spectrograph import Geometry, Window, window
from sim_instruments.twin.twin import PathItem, Twin

GEOMETRY, LINES_PER_MM, SLIT_UM = Geometry(320.0, 12.0, 1024, 26.0), 1200.0, 50.0
BAND_NM, DOUBLET_NM = 1.75, 530.75
LAMP_FWHM_NM = 1e-3
GATE_S = 1.0
ANGLES_DEG, SETTLE_S, AVERAGES = np.arange(0.0, 90.0, 5.0), 5.0, 100
COLDEST_K, WARMEST_K, SOAK_S = 4.0, 300.0, 1800.0


@dataclass(frozen=True)
class Line:
    """A line on the camera, with the window it was seen in."""

    seen: Window
    light: np.ndarray
    error: np.ndarray


def _expose(seed: int, centre_nm: float, emitted: Emission) -> Line:
    """Take a spectrum around a wavelength (vacuum nm) with the bench's own dispersion and width."""
    seen = window(GEOMETRY, LINES_PER_MM, float(vacuum_to_air(centre_nm)), SLIT_UM)
    camera = Camera(seen.wavelength_nm, seed, peak_e=2e4)
    camera.window = seen
    return Line(seen, *camera.take(lambda _: emitted, 1.0))


# ------------------------------------------------------------------ lines
def pump_lines(seed: int) -> tuple[Line, Line]:
    """Take the pump line at 526 and 495 nm, and a lamp line between the doublet's."""
    lines = []
    for centre in (ON_NM, OFF_NM):
        grid = np.arange(centre - 20.0, centre + 20.0, 0.01)
        lines.append(_expose(seed, centre, Emission(grid, acousto_optic_line(grid, centre, BAND_NM), Polarisation())))
    return lines[0], lines[1]


def estimate_pump_lines(lines: tuple[Line, Line]) -> Results:
    """Give the width of the pump line in nm, instrument removed, and the photon energy of the off-resonant pump."""
    near, far = (gaussian_line(line.seen.wavelength_nm, line.light, line.error, half_range_nm=BAND_NM,
                               instrument_fwhm_nm=float(np.median(line.seen.fwhm_nm))) for line in lines)
    return {"pump_bandwidth": near.fwhm_nm.value, "pump_energy_off": far.centre_ev.value}


def lamp_line(seed: int) -> Line:
    """Take a narrow line where the doublet stands."""
    dark = np.array([DOUBLET_NM - 30.0, DOUBLET_NM + 30.0])
    lamp = NarrowLine(DOUBLET_NM, LAMP_FWHM_NM, 1.0, Polarisation())
    return _expose(seed, DOUBLET_NM, Emission(dark, np.zeros(2), Polarisation(), (lamp,)))


def estimate_lamp_line(line: Line) -> Results:
    """Give the width of the narrow line in µeV."""
    found = gaussian_line(line.seen.wavelength_nm, line.light, line.error, half_range_nm=1.0)
    return {"instrument_fwhm_energy": 1e3 * found.fwhm_mev.value}


def sync(seed: int) -> int:
    """Count sync pulses for a second."""
    return number(RATE_HZ * GATE_S, np.random.default_rng(seed))


def estimate_sync(pulses: int) -> Results:
    """Give the repetition rate in MHz."""
    return {"repetition_rate": 1e-6 * pulses / GATE_S}


# ------------------------------------------------------------------ power and temperature
def bench_twin(extra: Iterable[PathItem] = (), *, seed: int) -> tuple[Twin, VirtualClock]:
    """Make the twin of the packaged bench, hidden facts dealt anew by the seed."""
    text = resources.files("sim_instruments.benches").joinpath(f"{BENCH}.toml").read_text(encoding="utf-8")
    section: dict[str, Any] = tomllib.loads(text)["twin"]
    path = [PathItem(role, options["kind"], {name: value for name, value in options.items() if name != "kind"})
            for role, options in section["elements"].items()]
    clock = VirtualClock()
    return Twin([*path, *extra], sample=section["sample"], clock=clock, bench_seed=seed), clock


@dataclass(frozen=True)
class Powers:
    """Readings of a head at the sample in W, (slots, angles), with the transmission of each slot from the readings' top."""

    angle_deg: np.ndarray
    power_w: np.ndarray


def powers(seed: int) -> Powers:
    """Turn the plate with a head at the sample position, every filter in turn that lets light pass."""
    twin, clock = bench_twin([PathItem("sample_power", "sample_head")], seed=seed)
    elements: Any = twin.elements
    elements["filter"].tune(0, centre_nm=float(vacuum_to_air(ON_NM)), amplitude=1.0)
    elements["sample_power"].zero()
    elements["shutter"].opening.move(1.0)
    readings = []
    for slot in range(1, 6):
        elements["nd"].slot.move(float(slot))
        row = []
        for angle in ANGLES_DEG:
            elements["attenuator"].angle.move(float(angle))
            clock.wait(SETTLE_S)
            row.append(elements["sample_power"].measure(float(vacuum_to_air(ON_NM)), AVERAGES))
        readings.append(row)
    return Powers(ANGLES_DEG, np.array(readings))


def estimate_powers(data: Powers) -> Results:
    """Give the largest power in µW, and the smallest: the fitted minimum of the plate times the weakest filter."""
    plate = fit_plate(ON_NM, data.angle_deg, data.power_w[0])
    top = int(np.argmax(plate.power(data.angle_deg)))
    weakest = float(data.power_w[-1, top] / data.power_w[0, top])
    return {"pump_power_max": 1e6 * plate.maximum_w, "pump_power_min": 1e6 * plate.maximum_w * plate.minimum_ratio * weakest}


def temperatures(seed: int) -> np.ndarray:
    """Settle the cryostat cold and at room temperature, each with a soak; gives the sample's temperatures in K."""
    twin, clock = bench_twin([PathItem("cryostat", "cryostat")], seed=seed)
    cryostat: Any = twin.elements["cryostat"]
    reached = []
    for target in (COLDEST_K, WARMEST_K):
        cryostat.sensor_k.move(max(target, cryostat.base_k))
        clock.wait(SOAK_S)
        reached.append(cryostat.sample_k)
    return np.array(reached)


def estimate_temperatures(kelvin: np.ndarray) -> Results:
    """Give the ends of the range."""
    return {"temperature_min": float(kelvin.min()), "temperature_max": float(kelvin.max())}


EXPERIMENTS = (
    Experiment("pump line", BENCH, pump_lines, estimate_pump_lines),
    Experiment("lamp line", BENCH, lamp_line, estimate_lamp_line),
    Experiment("sync rate", BENCH, sync, estimate_sync),
    Experiment("range of power", BENCH, powers, estimate_powers),
    Experiment("range of temperature", BENCH, temperatures, estimate_temperatures, basis="model"),
)

"""The light path as a bench file describes it: roles, kinds, options; and the hidden facts each bench is dealt from its seed.

| kind | options (defaults) |
|---|---|
| supercontinuum | repetition_rate_hz (78e6), pulse_s (10e-12), emission (true), level (1), tilt (0: per nm) |
| opa | wavelength_nm (800, vacuum), pulse_energy_j (1e-6), repetition_rate_hz (1e3), pulse_s (100e-15), |
| | bandwidth_nm (that of a pulse without chirp): amplifier or parametric amplifier set by hand |
| select | bandwidth_nm (1.75) |
| varia | none; its bandwidth is set by the instrument, 10 nm at least |
| clean_up | offset_nm (2.5) beyond the filter's line, blocking (1e-5); passive, follows the filter |
| wave_plate_attenuator | offset_deg, extinction, transmission, plate_wavelength_nm (all hidden), angle_deg (0), |
| | achromatic (false: exact at plate_wavelength_nm only) |
| filter_wheel | transmissions (one per slot, default six open), slot (1) |
| pick_off | fraction, slope per 100 nm (hidden); sensor ("S130C" silicon, "S120VC" UV, "S132C" germanium, "ES111C" energy) |
| sample_head | sensor ("S130C"); a second power head at the sample position |
| transmitted_head | sensor ("S130C"); a power head behind a cuvette that the z stage moves through the focus (z-scan) |
| shutter | none |
| sample | spot_diameter_um (1.2), spot_shape ("disc", "gaussian": 1/e² diameter, peak fluence), spot (0: number of the place), |
| | temperature_k (the record's), lens (transmission behind the pick-off; default: the objective's curve) |
| analyser | scheme ("polariser", "half_wave_plate"), angle_deg (0), zero_deg (hidden), fixed_deg (0), extinction (1e-3) |
| probe | transmissions (one per slot of its wheel, the last one blocked), slot (1), thickness_um (0.15: what it crosses of the |
| | sample), electrons_per_s (2e5, brightest column without sample); white light of its own for pump and probe |
| detection_wheel | filters (one per slot, default six open: a transmission, the name of a table in benches/filters, or |
| | {wavelength_nm, transmission} in air), slot (1); behind the sample |
| blade | centre_mm (0), diameter_um (the spot's), position_mm (0.5): cuts the beam behind everything else from its position up |
| lamp | line_electrons_s (3e5, of the green line), white_electrons_s (6e5, per nm at 550 nm), colour_k (2856) |
| long_pass | edge_nm, width_nm (0.5), blocking (1e-6): passive detection filter, vacuum nm |
| spectrograph | gratings ([[1200, "500NM"]]), focal_length_mm (320), half_angle_deg (12), slit_um (50), centre_nm (557, air) |
| | groove_deg (hidden), centre_errors_nm (hidden; one per grating) |
| bias | wiring_ohm (50): contacts of the sample; current and capacitance are the record's |
| cryostat | temperature_k (the sample's), base_k (4), lag_s (120: of the sample behind the sensor) |
| stages | axes (["x", "y", "z"]; also "stripe": length of a pumped stripe, "start": where it begins behind the film's edge, |
| | "delay"), start_mm (of each axis, default 0) |
| counter | irf_fwhm_ps (180), irf_tail (0), bandwidth_nm (2: of the exit slit), arrival_ps (10000: cables), dark_hz (100) |
| camera | columns (1024), rows (256), pixel_um (26), temperature_c (-60: found cold), pump_angle_deg (70) |

Hidden options are drawn from the bench seed (or nominal when `ideal`) unless a bench file gives them. Passive kinds have no
emulator; an analyser may be passive too. `pump_angle_deg` is the analyser angle that extinguishes scattered pump light. Pump
elements stand in the order of the path; filter and clean-up always come right behind the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim_instruments.clock import Clock
from sim_instruments.twin import elements as el
from sim_instruments.twin import more_elements as more
from sim_instruments.twin.lamp import CalibrationLamp
from sim_instruments.twin.noise import frozen

Drawer = Callable[[np.random.Generator], float]


@dataclass(frozen=True)
class PathItem:
    """One thing in the light path."""

    role: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hidden:
    """A property nobody typed: how it is drawn, and its nominal value."""

    draw: Drawer
    nominal: float
    unit: str


_UNIFORM = np.random.Generator.uniform
HIDDEN: dict[str, dict[str, Hidden]] = {
    "wave_plate_attenuator": {
        "offset_deg": Hidden(lambda draw: _UNIFORM(draw, -5.0, 5.0), 0.0, "deg"),
        "extinction": Hidden(lambda draw: float(10.0 ** _UNIFORM(draw, np.log10(3e-4), np.log10(3e-3))), 1e-3, "1"),
        "transmission": Hidden(lambda draw: _UNIFORM(draw, 0.90, 0.96), 0.93, "1"),
        "plate_wavelength_nm": Hidden(lambda draw: _UNIFORM(draw, 505.0, 525.0), 513.0, "nm"),
    },
    "pick_off": {
        "fraction": Hidden(lambda draw: _UNIFORM(draw, 0.03, 0.05), 0.04, "1"),
        "slope": Hidden(lambda draw: _UNIFORM(draw, -0.3, 0.3), 0.0, "1/(100 nm)"),
    },
    "analyser": {"zero_deg": Hidden(lambda draw: _UNIFORM(draw, -4.0, 4.0), 0.0, "deg")},
    "spectrograph": {"groove_deg": Hidden(lambda draw: _UNIFORM(draw, 0.0, 180.0), 0.0, "deg")},
}
"""By kind: what each bench is dealt."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "supercontinuum": {"repetition_rate_hz": 78e6, "pulse_s": 10e-12, "emission": True, "level": 1.0, "tilt": 0.0},
    "opa": {"wavelength_nm": 800.0, "pulse_energy_j": 1e-6, "repetition_rate_hz": 1e3, "pulse_s": 100e-15, "bandwidth_nm": None,
            "emission": True},
    "select": {"bandwidth_nm": 1.75},
    "varia": {},
    "clean_up": {"offset_nm": 2.5, "blocking": 1e-5},
    "wave_plate_attenuator": {"angle_deg": 0.0, "achromatic": False},
    "filter_wheel": {"transmissions": [1.0] * 6, "slot": 1},
    "detection_wheel": {"filters": [1.0] * 6, "slot": 1},
    "probe": {"transmissions": [1.0, 1.0, 1.0, 1.0, 1.0, 0.0], "slot": 1, "thickness_um": 0.15, "electrons_per_s": 2e5},
    "pick_off": {"sensor": "S130C"},
    "sample_head": {"sensor": "S130C"},
    "transmitted_head": {"sensor": "S130C"},
    "shutter": {},
    "sample": {"spot_diameter_um": 1.2, "spot_shape": "disc", "spot": 0, "temperature_k": None, "lens": None},
    "analyser": {"scheme": "polariser", "angle_deg": 0.0, "fixed_deg": 0.0, "extinction": 1e-3},
    "blade": {"centre_mm": 0.0, "diameter_um": None, "position_mm": 0.5},
    "lamp": {"line_electrons_s": 3e5, "white_electrons_s": 6e5, "colour_k": 2856.0},
    "long_pass": {"edge_nm": 500.0, "width_nm": 0.5, "blocking": 1e-6},
    "bias": {"wiring_ohm": 50.0},
    "cryostat": {"temperature_k": None, "base_k": 4.0, "lag_s": 120.0},
    "stages": {"axes": ["x", "y", "z"], "start_mm": {}},
    "counter": {"irf_fwhm_ps": 180.0, "irf_tail": 0.0, "bandwidth_nm": 2.0, "arrival_ps": 10e3, "dark_hz": 100.0},
    "spectrograph": {"gratings": [[1200.0, "500NM"]], "focal_length_mm": 320.0, "half_angle_deg": 12.0, "slit_um": 50.0,
                     "centre_nm": 557.0, "centre_errors_nm": None},
    "camera": {"columns": 1024, "rows": 256, "pixel_um": 26.0, "temperature_c": -60.0, "pump_angle_deg": 70.0},
}
CENTRE_ERROR_SD_NM = 0.1
ONE_OF_A_KIND = ("supercontinuum", "opa", "sample", "analyser", "spectrograph", "camera", "bias", "cryostat", "counter", "lamp",
                 "probe")


class PathError(ValueError):
    """A light path cannot be built as described."""


@dataclass(frozen=True)
class Part:
    """An item of the path made real: all its options, and the element its emulator moves (None when passive)."""

    role: str
    kind: str
    options: dict[str, Any]
    element: el.Element | None


def build(path: Sequence[PathItem], clock: Clock, bench_seed: int, ideal: bool, changed: Callable[[], None],
          sample_k: float = 295.0) -> list[Part]:
    """Make every part; PathError names the role and what is wrong. A cryostat without a temperature is found at `sample_k`."""
    for kind in ONE_OF_A_KIND:
        roles = [item.role for item in path if item.kind == kind]
        if len(roles) > 1:
            raise PathError(f"{' and '.join(roles)} are both of kind {kind}; the light path has room for one")
    parts = []
    for item in path:
        options = _options(item, bench_seed, ideal)
        if item.kind == "cryostat" and options["temperature_k"] is None:
            options["temperature_k"] = sample_k
        parts.append(Part(item.role, item.kind, options, _element(item, options, clock, changed)))
    return parts


def _options(item: PathItem, bench_seed: int, ideal: bool) -> dict[str, Any]:
    if item.kind not in DEFAULTS:
        raise PathError(f"{item.role}: there is no kind {item.kind!r} in the simulated beam; there are: {', '.join(DEFAULTS)}")
    hidden = HIDDEN.get(item.kind, {})
    unknown = set(item.options) - set(DEFAULTS[item.kind]) - set(hidden)
    if unknown:
        known = ", ".join([*DEFAULTS[item.kind], *hidden]) or "none"
        raise PathError(f"{item.role}: {item.kind} has no option {', '.join(sorted(unknown))}; it has: {known}")
    dealt = {name: what.nominal if ideal else float(what.draw(frozen(bench_seed, item.role, name)))
             for name, what in hidden.items()}
    options: dict[str, Any] = DEFAULTS[item.kind] | dealt | dict(item.options)
    if item.kind == "spectrograph" and options["centre_errors_nm"] is None:
        errors = frozen(bench_seed, item.role, "centre_errors_nm").normal(0.0, CENTRE_ERROR_SD_NM, len(options["gratings"]))
        options["centre_errors_nm"] = [0.0 if ideal else float(error) for error in errors]
    return options


def _element(item: PathItem, options: dict[str, Any], clock: Clock, changed: Callable[[], None]) -> el.Element | None:
    role = item.role
    if item.kind == "supercontinuum":
        source = el.SupercontinuumSource(
            role, clock, changed, repetition_rate_hz=float(options["repetition_rate_hz"]), pulse_s=float(options["pulse_s"]),
            tilt=float(options["tilt"]))
        source.emission, source.level = bool(options["emission"]), float(options["level"])
        return source
    if item.kind == "opa":
        width = options["bandwidth_nm"]
        laser = el.PulsedLaser(
            role, clock, changed, wavelength_nm=float(options["wavelength_nm"]), pulse_energy_j=float(options["pulse_energy_j"]),
            repetition_rate_hz=float(options["repetition_rate_hz"]), pulse_s=float(options["pulse_s"]),
            bandwidth_nm=None if width is None else float(width))
        laser.emission = bool(options["emission"])
        return laser
    if item.kind == "wave_plate_attenuator":
        return el.RotatingPlate(role, clock, changed, angle_deg=float(options["angle_deg"]))
    if item.kind == "analyser":
        return el.RotatingPlate(role, clock, changed, angle_deg=float(options["angle_deg"]))
    if item.kind in ("filter_wheel", "detection_wheel", "probe"):
        wheel = el.FilterWheel(role, clock, changed, slots=len(options["filters" if "filters" in options else "transmissions"]))
        wheel.slot.move(float(options["slot"]))
        return wheel
    if item.kind == "spectrograph":
        gratings = tuple(el.Grating(float(lines), str(blaze)) for lines, blaze in options["gratings"])
        return el.Monochromator(role, clock, changed, gratings=gratings, slit_um=float(options["slit_um"]),
                                centre_nm=float(options["centre_nm"]))
    if item.kind == "blade":
        blade = more.Stage(role, clock, changed, axes=[role])
        blade.axes[role].move(float(options["position_mm"]))
        return blade
    if item.kind == "lamp":
        return CalibrationLamp(role, clock, changed, **{name: float(value) for name, value in options.items()})
    if item.kind == "camera":
        camera = el.Camera(role, clock, changed, columns=int(options["columns"]), rows=int(options["rows"]))
        camera.temperature_c.move(float(options["temperature_c"]))
        return camera
    if item.kind == "bias":
        return more.BiasedSample(role, clock, changed, wiring_ohm=float(options["wiring_ohm"]))
    if item.kind == "cryostat":
        return more.Cryostat(role, clock, changed, temperature_k=float(options["temperature_k"]), base_k=float(options["base_k"]),
                             lag_s=float(options["lag_s"]))
    if item.kind == "stages":
        stage = more.Stage(role, clock, changed, axes=[str(axis) for axis in options["axes"]])
        for axis, start_mm in options["start_mm"].items():
            stage.axes[axis].move(float(start_mm))
        return stage
    if item.kind == "counter":
        return more.TcspcPort(role, clock, changed)
    if item.kind in ("pick_off", "sample_head", "transmitted_head"):
        head = el.PowerHead(role, clock, changed)
        head.sensor = str(options["sensor"])
        return head
    simple = {"select": el.SelectFilter, "varia": el.VariaFilter, "shutter": el.BeamShutter}
    return simple[item.kind](role, clock, changed) if item.kind in simple else None

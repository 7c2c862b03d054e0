"""Assembling a bench: from drivers and the bench file to axes, detectors, shutter, actions and constants."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.bench import detection
from labctl.bench.config import BenchConfig, Guard
from labctl.bench.devices import Device, DriverAxis, DriverDetector, DriverShutter, TemperatureAxis
from labctl.bench.filters import DetectionFilters, FilterAxis
from labctl.bench.optics import PumpBeam, PumpLevel, PumpWavelength
from labctl.bench.pickoff import KIND as PICKOFF
from labctl.bench.pickoff import Pickoff
from labctl.bench.polarization import DetectionPolarization
from labctl.bench.spectrum import SpectrumDetector
from labctl.bench.spot import KIND as SPOT
from labctl.bench.spot import spot_of
from labctl.core.calibration import Calibration
from labctl.core.errors import ConfigError
from labctl.core.instrument import ActionSpec, Axis, Detector
from labctl.core.pump_units import LEVELS
from labctl.core.steps import Steps
from labctl.core.suggest import suggestion

# A role and axis that are a quantity of their own have its name too.
QUANTITY_OF = {
    "spectrograph.centre": "emission.centre", "cryostat.temperature": "sample.temperature", "nd.slot": "pump.nd",
    "stage_x.position": "sample.x", "stage_y.position": "sample.y", "stage_z.position": "sample.z",
    "slit.length": "stripe.length", "slit_start.length": "stripe.start",
    "detection_nd.slot": "detection.nd", "detection_filter.slot": "detection.filter",
}
PICKOFF_HEAD, SAMPLE_HEAD = "power_meter", "sample_head"


@dataclass
class Parts:
    """What `Bench` is made of."""

    axes: dict[str, Axis] = field(default_factory=dict)
    detectors: dict[str, Detector] = field(default_factory=dict)
    shutter: DriverShutter | None = None
    actions: dict[str, tuple[Device, ActionSpec]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    calibrations: dict[str, Calibration | None] = field(default_factory=dict)
    beam: PumpBeam | None = None
    guards: list[BandGuard] = field(default_factory=list)
    filters: DetectionFilters = field(default_factory=DetectionFilters)
    gratings: Mapping[int, float] = field(default_factory=dict)      # grooves per mm by number


@dataclass(frozen=True)
class BandGuard:
    """Watches that a quantity stays within a band."""

    name: str
    action: str
    axis: Axis
    low: float
    high: float

    def look(self) -> Steps[str]:
        """Read the quantity; gives what is wrong, or nothing."""
        value = yield from self.axis.read()
        if self.low <= value <= self.high:
            return ""
        return f"{self.axis.name} is {value:g} {self.axis.unit}, outside {self.low:g} to {self.high:g} {self.axis.unit}"


def assemble(config: BenchConfig, devices: dict[str, Device], repetition_rate_hz: float, gratings: Mapping[int, float]) -> Parts:
    """Turn opened devices into quantities; a role that is missing only takes away what needs it."""
    parts = Parts(gratings=gratings)
    upstream = _upstream(config)
    for role, device in devices.items():
        if config.beam and role == config.beam.shutter:
            parts.shutter = DriverShutter(device)
            continue
        for axis, spec in getattr(device.driver, "axes", {}).items():
            kind = TemperatureAxis if spec.unit == "K" else DriverAxis
            made = kind(device, axis, spec, illuminates=spec.illuminates or role in upstream)
            if (role, axis) == ("spectrograph", "centre"):
                made.after = (f"{role}.grating",)      # turning the turret takes the wavelength with it
            if axis == "switched":
                made.after = (f"{role}.voltage",)      # one source: it is held where it switches to, then goes back
            parts.axes[made.name] = made
            if made.name in QUANTITY_OF:
                name = QUANTITY_OF[made.name]
                slots = config.detection.filters.get(role)
                parts.axes[name] = _renamed(made, name) if slots is None else FilterAxis(made, name, slots, _looks_at(devices))
        for action, spec in getattr(device.driver, "actions", {}).items():
            parts.actions[f"{role}.{action}"] = (device, spec)
    parts.filters = DetectionFilters(tuple(axis for axis in parts.axes.values() if isinstance(axis, FilterAxis)),
                                     lambda: _pump_now(parts.axes))
    _polarization(config, parts)
    _detectors(config, devices, parts)
    parts.constants["repetition_rate_hz"] = repetition_rate_hz
    _pump(config, devices, parts, repetition_rate_hz)
    parts.constants |= detection.constants(config, devices, gratings)
    parts.constants |= detection.instrument_width(config, devices, gratings, None)
    parts.constants["detection.transmission"] = config.detection.transmission
    # Of a bench that is only in part there, what is missing is not watched.
    whole = {role for role, each in config.instruments.items() if not each.optional} <= set(devices)
    parts.guards = [_guard(name, guard, parts.axes) for name, guard in config.safety.guards.items()
                    if whole or guard.read in parts.axes]
    return parts


def _guard(name: str, guard: Guard, axes: dict[str, Axis]) -> BandGuard:
    """Make the guard of a bench file's section; raises ConfigError when it watches what the bench does not have."""
    if guard.read not in axes:
        raise ConfigError(f"safety.guards.{name}: this bench has no {guard.read}. {suggestion(guard.read, axes)}")
    low = float("-inf") if guard.min is None else guard.min
    return BandGuard(name, guard.action, axes[guard.read], low, float("inf") if guard.max is None else guard.max)


def _renamed(axis: DriverAxis, name: str) -> DriverAxis:
    """Give a driver's axis once more, under the name of the physical quantity it is ("emission.centre")."""
    renamed = copy.copy(axis)
    renamed.name = name
    return renamed


def _looks_at(devices: dict[str, Device]) -> Callable[[], float | None]:
    """Give a function for the wavelength on which the detection is centred, as the bench file starts it."""
    spectrograph = devices.get("spectrograph")
    return lambda: None if spectrograph is None else spectrograph.config.initial.get("centre")


def _pump_now(axes: dict[str, Axis]) -> tuple[float, float] | None:
    """Give the range in which the pump's wavelength lies: the last one set, else the source's limits; None without a pump."""
    pump = axes.get("pump.wavelength")
    if not isinstance(pump, PumpWavelength):
        return None
    return pump.limits if pump.value is None else (pump.value, pump.value)


def _upstream(config: BenchConfig) -> set[str]:
    """Roles the pump meets before the sample: none of their axes may move while it is lit."""
    if config.beam is None:
        return set()
    path = config.beam.path
    end = path.index(config.beam.sample) if config.beam.sample in path else len(path)
    return set(path[:end])


def _polarization(config: BenchConfig, parts: Parts) -> None:
    """Compose `detection.polarization` of the mount that the bench file names, if it is there."""
    wanted = config.detection.polarization
    mount = parts.axes.get(f"{wanted.role}.angle") if wanted is not None else None
    if wanted is None or not isinstance(mount, DriverAxis):
        return
    axis = DetectionPolarization(mount, wanted, lambda: parts.calibrations.get("polarization_calibration"))
    parts.axes[axis.name] = axis
    parts.constants |= axis.constants()


def _behind_shutter(config: BenchConfig) -> set[str]:
    """Roles that the pump meets only while the shutter is open."""
    if config.beam is None or config.beam.shutter not in config.beam.path:
        return set()
    return set(config.beam.path[config.beam.path.index(config.beam.shutter) + 1:])


def _detectors(config: BenchConfig, devices: dict[str, Device], parts: Parts) -> None:
    """Make the detectors. Arrays are of light, and so is whatever stands in the beam behind the shutter: both want it open."""
    behind = _behind_shutter(config)
    geometry = config.detection.spectrograph
    for role, device in devices.items():
        for name, spec in getattr(device.driver, "detectors", {}).items():
            if name in ("spectrum", "image") and geometry is not None and "spectrograph" in devices:
                made: DriverDetector = SpectrumDetector(
                    device, name, spec, devices["spectrograph"], geometry, lambda: parts.calibrations.get(detection.WAVELENGTH))
            else:
                made = DriverDetector(device, name, spec, exposed=bool(spec.dims) or role in behind)
            if made.exposed:
                made.companions = parts.filters.wheels
            if name in parts.detectors or (role in behind and not spec.dims):
                made.name = f"{role}.{name}"
            parts.detectors[made.name] = made


def _pump(config: BenchConfig, devices: dict[str, Device], parts: Parts, repetition_rate_hz: float) -> None:
    pump = config.pump
    tune = parts.axes.get("filter.centre", parts.axes.get("laser.wavelength"))     # a filter, or a source that is tuned itself
    if pump is None or not isinstance(tune, DriverAxis):
        return
    meter = devices.get(PICKOFF_HEAD)
    heads = [devices[role] for role in (PICKOFF_HEAD, SAMPLE_HEAD) if role in devices]
    wavelength = PumpWavelength(tune, heads, pump.filter_medium)
    parts.axes[wavelength.name] = wavelength
    parts.constants |= {
        "pump.bandwidth": pump.bandwidth_nm, "pickoff.fraction": pump.pickoff.value,
        "pickoff.uncertainty": pump.pickoff.uncertainty,
    }
    if pump.polarization is not None:
        parts.constants["pump.polarization"] = pump.polarization.angle_deg
        parts.constants["pump.polarization_uncertainty"] = pump.polarization.uncertainty_deg
    if pump.source is not None:
        parts.constants["source.spectral_density_w_nm"] = pump.source.spectral_density_w_nm
        parts.constants["source.uncertainty"] = pump.source.uncertainty
    plate, wheel = parts.axes.get("attenuator.angle"), parts.axes.get("nd.slot")
    peaks = [slot.peak for slot in pump.filters]
    if wheel is not None and 0.0 in peaks:
        parts.constants["nd.blocked_slot"] = peaks.index(0.0) + 1.0
        parts.constants["nd.open_slot"] = peaks.index(max(peaks)) + 1.0
    if not isinstance(plate, DriverAxis) or meter is None:
        return
    parts.beam = PumpBeam(
        pump, wavelength, plate, meter, wheel if isinstance(wheel, DriverAxis) else None, repetition_rate_hz,
        lambda: parts.calibrations.get("power_calibration"), config.safety.limits.get("pump.power", (0.0, float("inf"))),
        f"Run 'labctl run power_calibration --bench {config.name}'.", Pickoff(pump, lambda: parts.calibrations.get(PICKOFF)),
        lambda: spot_of(pump.spot, parts.calibrations.get(SPOT)))
    parts.constants |= parts.beam.pickoff.constants()
    parts.constants["spot.area_cm2"] = parts.beam.spot_area_cm2
    parts.constants["spot.uncertainty"] = pump.spot.uncertainty
    for name in LEVELS:
        parts.axes[name] = PumpLevel(name, parts.beam)

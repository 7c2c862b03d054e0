"""Composite quantities of the pump and of the detection: what procedures speak in, made of what motors understand.

`pump.wavelength` tunes the filter and tells the power meter; `pump.power`, `pump.photon_flux` and `pump.fluence` choose a neutral
density filter and an attenuator angle from the calibration and then close the loop on the pick-off head, which stands before the
shutter: the sample stays dark meanwhile. Readings below `[pump] lowest_reading_w` are noise and wandering zero; there the
calibrated law of plate and filters is extrapolated from a brighter reading.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labctl.analysis import attenuator
from labctl.bench.config import Pump, Spot
from labctl.bench.devices import Device, DriverAxis
from labctl.bench.pickoff import KIND, Pickoff
from labctl.core.calibration import Calibration
from labctl.core.errors import AnalysisError, CalibrationNeeded, NotSettled
from labctl.core.photons import air_to_vacuum, fluence_j_cm2, photon_energy_j, spot_area_cm2, vacuum_to_air
from labctl.core.plan import Problem
from labctl.core.quantities import quantity_unit, shown
from labctl.core.steps import Steps

LOOP_TRIES = 5                 # corrections of the closed loop before it is a fault
ZEROS_IN_LOWEST = 20.0         # the lowest reading of the loop, in terms of how far the zero of the head wanders
ATTENUATOR_RANGE = (0.03, 1.0)  # fraction of its maximum within which the plate is well conditioned
LEVEL_SPREAD = 0.009           # unverified: relative, of the source about its calibrated level (twin: 20 % of points beyond 1 %)
PROBE = 5.0                    # times the lowest trusted reading: where the source's level is looked at for points below it


class PumpWavelength:
    """Pump wavelength in vacuum: tunes the filter (scaled in air) and sets the correction of every power head."""

    name = "pump.wavelength"
    unit = "nm"
    illuminates = True
    after: tuple[str, ...] = ()

    def __init__(self, tune: DriverAxis, meters: Sequence[Device], medium: str):
        self.tune, self.meters, self.medium = tune, tuple(meters), medium
        self.value: float | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """The filter's limits, in vacuum."""
        low, high = self.tune.limits
        return (float(air_to_vacuum(low)), float(air_to_vacuum(high))) if self.medium == "air" else (low, high)

    def check(self, value: float, at: Mapping[str, float]) -> list[Problem]:
        """Refuse wavelengths the filter cannot be tuned to."""
        low, high = self.limits
        if np.isfinite(value) and low <= value <= high:
            return []
        role = self.tune.device.role
        return [Problem(self.name, f"{value:g} nm is outside {low:.1f} to {high:.1f} nm, the range of the {role}.")]

    def fine(self, values: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
        """Tell of many wavelengths at once which are certainly good."""
        low, high = self.limits
        return (values >= low) & (values <= high)

    def eta(self, start: float | None, stop: float) -> float:
        """Ask the filter."""
        return self.tune.eta(start, stop) + 0.05

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Tune the filter, tell the power heads, and report the read-back in vacuum."""
        scale = float(vacuum_to_air(value)) if self.medium == "air" else value
        measured = yield from self.tune.move(scale, at)
        for meter in self.meters:
            yield from meter.set("wavelength", scale)
        readback = measured[f"{self.tune.name}_measured"]
        self.value = value
        return {f"{self.name}_measured": float(air_to_vacuum(readback)) if self.medium == "air" else readback}

    def read(self) -> Steps[float]:
        """Ask the filter; vacuum."""
        value = yield from self.tune.read()
        return float(air_to_vacuum(value)) if self.medium == "air" else value

    def stop(self) -> Steps[None]:
        """Stop the filter."""
        yield from self.tune.stop()


@dataclass
class PumpBeam:
    """Everything `pump.power` and its relatives share: parts, calibration, and the way to the sample."""

    config: Pump
    wavelength: PumpWavelength
    plate: DriverAxis
    meter: Device
    wheel: DriverAxis | None
    repetition_rate_hz: float
    calibration: Callable[[], Calibration | None]
    limits_w: tuple[float, float]
    remedy: str
    pickoff: Pickoff
    spot: Callable[[], Spot]
    reported: tuple[tuple[float | None, ...], float] | None = None      # how everything stood, and the power then measured

    def standing(self) -> tuple[float | None, ...]:
        """Give where filter, plate and wheel stand, by their last read-backs."""
        return self.wavelength.tune.position, self.plate.position, None if self.wheel is None else self.wheel.position

    def transmissions(self, wavelength_nm: float) -> dict[int, float]:
        """Give the transmission at a wavelength of every filter that lets light through, by slot; slot 1 alone without a wheel."""
        if self.wheel is None:
            return {1: 1.0}
        return {slot: each.at(wavelength_nm) for slot, each in enumerate(self.config.filters, 1) if each.peak > 0.0}

    @property
    def settle_s(self) -> float:
        """How long the power head needs after a change of light."""
        return float(getattr(self.meter.driver, "settle_s", 0.0))

    @property
    def spot_area_cm2(self) -> float:
        """Area by which power is divided to give the fluence, by the definition that belongs to the spot."""
        spot = self.spot()
        return spot_area_cm2(spot.diameter_um, spot.definition)

    def reach_w(self, wavelength_nm: float) -> tuple[float, float]:
        """Give the lowest and highest power at the sample that can be set at this wavelength, in W."""
        low, high = self.reaches_w(np.array([wavelength_nm]))
        return float(low[0]), float(high[0])

    def reaches_w(self, wavelength_nm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the same at many wavelengths; raises AnalysisError when the calibration does not cover all of them."""
        calibration = self.calibration()
        if calibration is None:
            raise CalibrationNeeded("power_calibration", f"There is no valid power calibration. {self.remedy}")
        if not calibration.covers("pump.wavelength", wavelength_nm):
            low, high = calibration.valid["pump.wavelength"]
            outside = next(each for each in wavelength_nm if not calibration.covers("pump.wavelength", each))
            raise AnalysisError(f"The power calibration covers {low:g} to {high:g} nm, not {outside:g} nm. {self.remedy}")
        lowest, highest = attenuator.reach(calibration.curve, wavelength_nm)
        passing = [self.transmissions(each).values() for each in wavelength_nm]
        ratio = self.pickoff.ratio(wavelength_nm)
        lowest = lowest * [min(each) for each in passing] * ratio
        highest = highest * [max(each) for each in passing] * ratio
        return np.maximum(lowest, self.limits_w[0]), np.minimum(highest, self.limits_w[1])

    def tell_park_angle(self) -> None:
        """Tell the plate's driver where the calibrated minimum of transmission is: that is where `park` turns it."""
        calibration = self.calibration()
        if calibration is not None and hasattr(self.plate.device.driver, "park_angle"):
            self.plate.device.driver.park_angle = (float(calibration.curve["offset_deg"]) + 45.0) % 360.0

    @property
    def parks(self) -> bool:
        """True where `park` turns the attenuator to its minimum: a second barrier behind the shutter."""
        return getattr(self.plate.device.driver, "park_angle", None) is not None

    def choose(self, wavelength_nm: float, reading_w: float, present_slot: int) -> tuple[int, float]:
        """Choose filter slot and plate angle for a wanted reading at the head.

        The present filter is kept while the plate stays within 0.03 to 1 of its maximum; else the densest filter that does.
        """
        calibration = self.calibration()
        assert calibration is not None, "preflight refuses plans without a calibration"   # noqa: S101
        curve = calibration.curve
        _, highest = attenuator.reach(curve, wavelength_nm)
        passing = self.transmissions(wavelength_nm)
        by_density = sorted(passing, key=lambda slot: passing[slot])
        for slot in [slot for slot in (present_slot, *by_density) if slot in passing]:
            fraction = reading_w / (highest * passing[slot])
            if ATTENUATOR_RANGE[0] <= fraction <= ATTENUATOR_RANGE[1]:
                break
        else:
            slot = by_density[0] if reading_w < highest * passing[by_density[0]] else by_density[-1]
        return slot, attenuator.angle_for(curve, wavelength_nm, reading_w / passing[slot])


class PumpLevel:
    """Pump power at the sample, or a quantity proportional to it at a given wavelength (photon flux, fluence)."""

    illuminates = True
    after: tuple[str, ...] = ("pump.wavelength",)

    def __init__(self, name: str, beam: PumpBeam):
        self.name, self.beam = name, beam
        self.unit = quantity_unit(name)

    def per_watt(self, wavelength_nm: float) -> float:
        """Give this quantity for 1 W at the sample."""
        if self.name == "pump.photon_flux":
            return 1.0 / photon_energy_j(wavelength_nm)
        if self.name == "pump.fluence":
            return float(fluence_j_cm2(1.0, self.beam.repetition_rate_hz, self.beam.spot_area_cm2))
        return 1.0

    def _wavelength(self, at: Mapping[str, float]) -> float | None:
        return at.get("pump.wavelength", self.beam.wavelength.value)

    def reach(self, at: Mapping[str, float]) -> tuple[float, float]:
        """Give the reachable range at the wavelength in `at` (or where the filter stands)."""
        wavelength = self._wavelength(at)
        if wavelength is None:
            raise AnalysisError("The pump wavelength is not known yet: put pump.wavelength into the point.")
        low, high = self.beam.reach_w(wavelength)
        return low * self.per_watt(wavelength), high * self.per_watt(wavelength)

    def check(self, value: float, at: Mapping[str, float]) -> list[Problem]:
        """Refuse what the calibrated attenuator cannot give or the sample must not see."""
        try:
            low, high = self.reach(at)
        except AnalysisError as exc:
            return [Problem(self.name, str(exc))]
        where = self._wavelength(at)
        if low <= value <= high:
            return [] if self.beam.pickoff.covers(where) else [self._beyond_calibration()]
        return [Problem(self.name, f"{shown(value, self.name)} at {where:g} nm is outside {shown(low, self.name)} to "
                                   f"{shown(high, self.name)}, the reach of attenuator, filters and the sample's limit.")]

    def _beyond_calibration(self) -> Problem:
        return Problem(self.name, f"the pick-off was calibrated over {self.beam.pickoff.range_text()}; beyond, its last value is "
                                  f"used and powers are less certain. Take a wider {KIND}.", "warning")

    def fine(self, values: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
        """Tell of many levels at once which are certainly good; nothing where the wavelength is not among the set-points."""
        if "pump.wavelength" not in at:
            return np.zeros(len(values), dtype=bool)
        wavelengths, places = np.unique(at["pump.wavelength"], return_inverse=True)
        try:
            low, high = self.beam.reaches_w(wavelengths)
        except AnalysisError:
            return np.zeros(len(values), dtype=bool)
        unit = np.array([self.per_watt(wavelength) for wavelength in wavelengths])
        return (values >= (low * unit)[places]) & (values <= (high * unit)[places]) & self.beam.pickoff.covers(wavelengths)[places]

    def eta(self, start: float | None, stop: float) -> float:
        """Allow for one round of plate and power head and a share of a second, and for two with a change of filter by the law.

        The loop goes round again where the source has left the level of its calibration by more than the tolerance.
        """
        beam = self.beam
        once = beam.plate.eta(0.0, 15.0) + beam.settle_s
        wavelength = beam.wavelength.value or float(np.mean(beam.wavelength.limits))
        if stop / self.per_watt(wavelength) / beam.pickoff.nominal_ratio >= beam.config.lowest_reading_w:
            return once * (1.0 + math.erfc(beam.config.tolerance / (LEVEL_SPREAD * math.sqrt(2.0))))
        return 2.0 * once + (0.0 if beam.wheel is None else beam.wheel.eta(1.0, 2.0))

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Set filter and plate, then correct the plate until the pick-off reads what it should; below its noise follow the law."""
        wavelength = self._wavelength(at)
        wrong = [problem for problem in self.check(value, at) if problem.level == "error"]
        if wavelength is None or wrong:
            text = "the pump wavelength is not known" if wavelength is None else wrong[0].text
            raise NotSettled(self.name, text, state="nothing was moved")
        wanted = value / self.per_watt(wavelength) / self.beam.pickoff.ratio(wavelength)
        if wanted < self.beam.config.lowest_reading_w:
            return (yield from self._by_law(wavelength, wanted))
        return (yield from self._closed_loop(wavelength, wanted))

    def _by_law(self, wavelength: float, wanted: float) -> Steps[dict[str, float]]:
        """Look at the source where the head sees it well, then go by the calibrated law; the reading itself is not reported.

        The head is asked all the same: a filter that is missing or mislabelled shows as light where there should be next to none.
        """
        beam = self.beam
        low, high = (limit / beam.pickoff.ratio(wavelength) for limit in beam.reach_w(wavelength))
        bright = min(PROBE * beam.config.lowest_reading_w, high)
        level = (yield from self._read_at(wavelength, bright)) / bright      # at every point: a resumed run must do the same
        if not level > 0:
            raise self._dark()
        aim = float(np.clip(wanted / level, low, high))
        reading, expected = (yield from self._read_at(wavelength, aim)), aim * level
        if reading > expected + beam.config.lowest_reading_w / 2:
            raise NotSettled(
                self.name, f"the pick-off reads {shown(reading, 'power')} where {shown(expected, 'power')} were expected by the "
                "calibration.", state="the shutter is closed",
                remedy="Is every filter in its slot, as [pump] filters says? Is the zero of the power meter right?")
        report = self._report(wavelength, expected)
        del report["power"]
        return report

    def _read_at(self, wavelength: float, aim: float) -> Steps[float]:
        """Aim, let the head settle and read it."""
        yield from self._aim(wavelength, aim)
        yield self.beam.settle_s
        return float((yield from self.beam.meter.call("power")))

    def _closed_loop(self, wavelength: float, wanted: float) -> Steps[dict[str, float]]:
        beam = self.beam
        aim, reading = wanted, float("nan")
        for _ in range(LOOP_TRIES):
            reading = yield from self._read_at(wavelength, aim)
            if abs(reading / wanted - 1.0) <= beam.config.tolerance:
                return self._report(wavelength, reading)
            aim = self._corrected(wavelength, aim, wanted, reading)
        if wanted * beam.config.tolerance < beam.config.lowest_reading_w / ZEROS_IN_LOWEST:
            return (yield from self._by_law(wavelength, wanted))         # the head's zero wanders by more than the tolerance
        raise NotSettled(
            self.name, f"the pick-off reads {shown(reading, 'power')} where {shown(wanted, 'power')} were wanted, "
            f"after {LOOP_TRIES} corrections.", remedy="Is the laser stable and emitting? Repeat the power calibration.")

    def _aim(self, wavelength: float, reading_w: float) -> Steps[None]:
        beam = self.beam
        present = 1 if beam.wheel is None else round(beam.wheel.position or 1)
        slot, angle = beam.choose(wavelength, reading_w, present)
        if beam.wheel is not None and slot != present:
            yield from beam.wheel.move(float(slot), {})
        yield from beam.plate.move(angle % 360.0, {})

    def _corrected(self, wavelength: float, aim: float, wanted: float, reading: float) -> float:
        """Scale the aim by what was missing, staying inside what the curve can give."""
        if not reading > 0:
            raise self._dark()
        low, high = self.beam.reach_w(wavelength)
        bound = self.beam.pickoff.ratio(wavelength)
        return float(np.clip(aim * wanted / reading, low / bound, high / bound))

    def _dark(self) -> NotSettled:
        return NotSettled(self.name, "the pick-off sees no light.",
                          remedy="Is the laser emitting? Is the path before the head free?")

    def _report(self, wavelength: float, reading: float) -> dict[str, float]:
        """Give what a reading means in every unit; its own name stays with the set-point, the read-back stands beside."""
        power = reading * self.beam.pickoff.ratio(wavelength)
        self.beam.reported = self.beam.standing(), power
        report = {"power": reading, "pump.power": power, "pump.photon_flux_measured": power / photon_energy_j(wavelength)}
        report["pump.fluence"] = float(fluence_j_cm2(power, self.beam.repetition_rate_hz, self.beam.spot_area_cm2))
        if self.name != "pump.photon_flux":
            report[f"{self.name}_measured"] = report.pop(self.name)
        return report

    def read(self) -> Steps[float]:
        """Read the pick-off and convert."""
        wavelength = yield from self.beam.wavelength.read()
        reading = yield from self.beam.meter.call("power")
        return float(reading) * self.beam.pickoff.ratio(wavelength) * self.per_watt(wavelength)

    def stop(self) -> Steps[None]:
        """Stop the plate."""
        yield from self.beam.plate.stop()

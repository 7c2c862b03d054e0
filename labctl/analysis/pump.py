"""The pump as a run measured it: fluence and power at the sample, with their systematic errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from labctl.core.plan import Result
from labctl.core.reduction import RunView

UNIT = "µJ/cm²"
READING_ERROR = 0.005       # relative, of one reading of the pick-off head (unverified)
NORMAL_MEDIAN = 0.6745      # of the absolute value of a standard normal variable
BANDWIDTHS_CLEAR, INSTRUMENT_WIDTHS_CLEAR = 1.5, 3.0     # how far the pump band stays from the emission


@dataclass(frozen=True)
class PumpScale:
    """What turns a fluence in µJ/cm² into the average power in µW, and the relative systematic errors of power and spot area."""

    microwatt_per_fluence: float
    power_error: float
    area_error: float

    @classmethod
    def of(cls, constants: Mapping[str, Any]) -> PumpScale:
        """Take the scale from the constants of a run; the area's relative error is twice that of the diameter."""
        needed = ("repetition_rate_hz", "spot.area_cm2")
        missing = [name for name in needed if not constants.get(name)]
        if missing:
            raise AnalysisError(f"The fluence at the sample needs {', '.join(missing)}, which the bench file does not give.")
        return cls(float(constants["spot.area_cm2"]) * float(constants["repetition_rate_hz"]),
                   float(constants.get("pump.power_uncertainty", 0.0)), 2.0 * float(constants.get("spot.uncertainty", 0.0)))

    def fluence(self, result: Result) -> Result:
        """Add the systematic error to a fluence."""
        return replace(result, systematic=abs(result.value) * float(np.hypot(self.power_error, self.area_error)))

    def power(self, result: Result) -> Result:
        """Give the average power in µW that belongs to a fluence; its systematic error is that of the power alone."""
        factor = self.microwatt_per_fluence
        return replace(
            result, value=result.value * factor, unit="µW", stderr=None if result.stderr is None else result.stderr * factor,
            systematic=abs(result.value) * factor * self.power_error,
            interval=None if result.interval is None else (result.interval[0] * factor, result.interval[1] * factor))


def pump_fluence(run: RunView) -> np.ndarray:
    """Give the pump fluence per pulse in µJ/cm² as the pick-off head read it at each point, (points,).

    The head stands before the shutter and is read just before it opens. Raises AnalysisError without what turns its reading into a
    fluence at the sample.
    """
    if "pickoff.ratio" not in run.constants:
        raise AnalysisError("The bench file does not say which fraction of the pump the power head sees, so no fluence is known.")
    return run["power"] * pickoff_ratio(run) * 1e6 / PumpScale.of(run.constants).microwatt_per_fluence


def steady_fluence(run: RunView) -> np.ndarray:
    """Give the pump fluence per pulse in µJ/cm² as the head read it or, where it cannot, as the attenuator has it, (points,).

    `pickoff.lowest_reading_w` of the bench file says below which reading the head's wandering zero is worse than the law,
    which then has set the level. The slope of a power law needs it: a zero that is off bends the whole series.
    """
    read = pump_fluence(run)
    lowest = float(run.constants.get("pickoff.lowest_reading_w", 0.0))
    try:
        return np.where(run["power"] < lowest, run["pump.fluence_measured"] * 1e6, read)
    except KeyError:
        return read


def pickoff_ratio(run: RunView) -> Any:
    """Give power at the sample over the reading of the pick-off head, at the pump wavelength of each point where it is calibrated.

    A point that does not say at which wavelength it was taken has the calibration's mean.
    """
    mean = float(run.constants["pickoff.ratio"])
    if "pickoff.ratios" not in run.constants:
        return mean
    try:
        wavelength = run["pump.wavelength"]
    except KeyError:
        return mean
    known = np.isfinite(wavelength)
    calibrated = np.interp(wavelength, run.constants["pickoff.wavelengths_nm"], run.constants["pickoff.ratios"])
    return np.where(known, calibrated, mean)


def reading_error(run: RunView) -> float:
    """Give the relative standard error of one reading of the pump, from how far it lies from the one that set the level.

    The median over the points of a series of two readings each; at least what the head repeats to. Weak light on a noisy head makes
    it large.
    """
    try:
        apart = np.abs(run["pump.fluence_measured"] * 1e6 / pump_fluence(run) - 1.0)
    except KeyError:
        return READING_ERROR
    return max(READING_ERROR, float(np.median(apart)) / NORMAL_MEDIAN)


def about_the_pump(run: RunView) -> dict[str, Result]:
    """Give photon energy and highest average power of a series at one pump wavelength: `pump_energy`, `pump_power_max`."""
    scale, energy = PumpScale.of(run.constants), energy_ev(run["pump.wavelength_measured"])
    highest = float(pump_fluence(run).max())
    power = scale.power(Result(highest, highest * READING_ERROR, UNIT, "highest reading of the pick-off head"))
    return {"pump_energy": Result(float(energy.mean()), None, "eV", "mean read-back of the filter"), "pump_power_max": power}


def clear_of_pump(pump_nm: float, bandwidth_nm: float, instrument_fwhm_nm: float) -> float:
    """Give the wavelength in nm from which the light of a pump band no longer counts as light of the sample."""
    return pump_nm + margin(bandwidth_nm, instrument_fwhm_nm)


def margin(bandwidth_nm: float, instrument_fwhm_nm: float) -> float:
    """Give the distance in nm that a pump band needs from what is to be seen beside it."""
    return BANDWIDTHS_CLEAR * bandwidth_nm + INSTRUMENT_WIDTHS_CLEAR * instrument_fwhm_nm

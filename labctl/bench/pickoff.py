"""From the reading of the pick-off head to the power at the sample: by its calibration, without one by the data sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.bench.config import Pump
from labctl.core.calibration import Calibration

KIND = "pickoff_calibration"


@dataclass(frozen=True)
class Pickoff:
    """What one watt at the pick-off head means at the sample; `calibration` gives the valid one, None without."""

    config: Pump
    calibration: Callable[[], Calibration | None]

    @property
    def nominal_ratio(self) -> float:
        """Power at the sample over the reading by the data sheets: (1 - fraction) / fraction × transmission behind."""
        fraction = self.config.pickoff.value
        return (1.0 - fraction) / fraction * self.config.transmission.value

    @property
    def nominal_uncertainty(self) -> float:
        """Relative standard uncertainty of that."""
        return float(np.hypot(self.config.pickoff.uncertainty, self.config.transmission.uncertainty))

    def ratio(self, wavelength_nm: Any) -> Any:
        """Give power at the sample over reading at vacuum wavelengths in nm.

        Beyond the calibrated range its last value goes on: the data sheet's would be a step of up to its 25 % within a scan.
        """
        found = self.calibration()
        if found is None:
            return self.nominal_ratio if np.ndim(wavelength_nm) == 0 else np.full(np.shape(wavelength_nm), self.nominal_ratio)
        ratio = np.interp(wavelength_nm, found.curve["wavelength_nm"], found.curve["ratio"])
        return float(ratio) if np.ndim(wavelength_nm) == 0 else ratio

    @property
    def uncertainty(self) -> float:
        """Relative standard uncertainty of the ratio that is used."""
        found = self.calibration()
        return self.nominal_uncertainty if found is None else found.uncertainty

    def covers(self, wavelength_nm: Any) -> Any:
        """Tell at which wavelengths the ratio is known as well as `uncertainty` says."""
        found = self.calibration()
        low, high = (-np.inf, np.inf) if found is None else found.valid["pump.wavelength"]
        return (np.asarray(wavelength_nm) >= low) & (np.asarray(wavelength_nm) <= high)

    def range_text(self) -> str:
        """Give the calibrated range in words."""
        found = self.calibration()
        return "every wavelength" if found is None else "{:g} to {:g} nm".format(*found.valid["pump.wavelength"])

    def constants(self) -> dict[str, Any]:
        """Give what a run has to remember; the lists only where there is a calibration."""
        told: dict[str, Any] = {
            "pickoff.nominal_ratio": self.nominal_ratio, "pickoff.nominal_uncertainty": self.nominal_uncertainty,
            "pickoff.ratio": self.nominal_ratio, "pickoff.lowest_reading_w": self.config.lowest_reading_w,
            "pump.power_uncertainty": self.uncertainty}
        found = self.calibration()
        if found is not None:
            told["pickoff.ratio"] = float(np.mean(found.curve["ratio"]))
            told["pickoff.wavelengths_nm"] = [float(each) for each in found.curve["wavelength_nm"]]
            told["pickoff.ratios"] = [float(each) for each in found.curve["ratio"]]
        return told

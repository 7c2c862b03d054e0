"""Two heads on one beam: power at the sample over the reading of the pick-off head, as a smooth curve over wavelength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, linear_fit
from labctl.core.errors import AnalysisError

HIGHEST_DEGREE = 2          # of the polynomial: a plate's reflection and a lens' coating bend gently over a pump's range
WAVELENGTHS_PER_DEGREE = 2  # fewer than so many different wavelengths more do not tell a bend from noise
SEEN = 20.0                 # times the scatter of a reading: less light than that is no light


@dataclass(frozen=True)
class RatioCurve:
    """Ratio of two heads against wavelength: a polynomial about `centre_nm`, with the errors that the scatter gives."""

    centre_nm: float
    half_span_nm: float
    fit: Fit

    def _design(self, wavelength_nm: np.ndarray) -> np.ndarray:
        return np.vander((wavelength_nm - self.centre_nm) / self.half_span_nm, len(self.fit.values), increasing=True)

    def __call__(self, wavelength_nm: np.ndarray) -> np.ndarray:
        """Give the ratio at wavelengths in nm, (n,)."""
        return self._design(wavelength_nm) @ self.fit.values

    def stderr(self, wavelength_nm: np.ndarray) -> np.ndarray:
        """Give its standard error there, (n,)."""
        return np.array([self.fit.error_of(row) for row in self._design(wavelength_nm)])

    @property
    def slope_per_nm(self) -> tuple[float, float]:
        """Give the relative change per nm at the centre and its standard error; zero when one wavelength was measured."""
        if len(self.fit.values) < 2:
            return 0.0, 0.0
        value, slope = self.fit.values[:2]
        gradient = np.zeros(len(self.fit.values))
        gradient[:2] = -slope / value**2, 1.0 / value
        return float(slope / value / self.half_span_nm), self.fit.error_of(gradient) / self.half_span_nm


def ratio_curve(wavelength_nm: np.ndarray, pickoff_w: np.ndarray, sample_w: np.ndarray) -> RatioCurve:
    """Fit sample_w / pickoff_w, powers in W read together at vacuum wavelengths in nm, each (points,).

    The degree of the polynomial is as high as the number of wavelengths bears, at most 2; errors come from the scatter of repeated
    readings about the curve. Raises AnalysisError when a head saw no light, or when there are too few points.
    """
    for head, power in (("pick-off head", pickoff_w), ("head at the sample", sample_w)):
        if not np.all(power > 0) or np.median(power) < SEEN * _scatter(wavelength_nm, power):
            raise AnalysisError(f"The {head} saw no steady light (median {np.median(power) * 1e6:.3g} µW). Is it in the beam, and "
                                "its zero right? Put it there and take the calibration again.")
    centre = float(wavelength_nm.min() + wavelength_nm.max()) / 2
    half = max(float(np.ptp(wavelength_nm)) / 2, 1.0)
    degree = min(HIGHEST_DEGREE, (len(np.unique(wavelength_nm)) - 1) // WAVELENGTHS_PER_DEGREE)
    design = np.vander((wavelength_nm - centre) / half, degree + 1, increasing=True)
    return RatioCurve(centre, half, linear_fit(design, sample_w / pickoff_w, what="The ratio of the two heads"))


def _scatter(wavelength_nm: np.ndarray, power_w: np.ndarray) -> float:
    """Give the standard deviation of readings repeated at one wavelength; 0 where none was repeated."""
    groups = [power_w[wavelength_nm == each] for each in np.unique(wavelength_nm)]
    repeated = [group.var(ddof=1) for group in groups if len(group) > 1]
    return float(np.sqrt(np.mean(repeated))) if repeated else 0.0

"""Lasing lines of a cavity: finding them, their distance, quality and regularity, and how these go with the diameter.

Whispering-gallery modes of a sphere or capillary of diameter D: FSR = λ²/(π D n), n the group index. Q = λ/FWHM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks
from scipy.stats import binom

from labctl.analysis.fitting import Fit, linear_fit
from labctl.analysis.lines import Line, gaussian_line
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from labctl.core.plan import Result

SIGNIFICANT = 6.0           # standard errors by which a peak must rise above its surroundings
MEDIAN_EFFICIENCY = 1.2533  # standard error of the median over that of the mean for normal scatter, sqrt(pi/2)


def find_lines(wavelength_nm: np.ndarray, signal: np.ndarray, sigma: np.ndarray, *, share: float = 0.12, half_range_nm: float = 0.3,
               instrument_fwhm_nm: float = 0.0) -> tuple[Line, ...]:
    """Fit a Gaussian to every peak that rises by more than `share` of the highest, in order of wavelength.

    Arrays (pixels,), wavelengths ascending in nm (vacuum). A peak counts when its prominence also exceeds 6 standard errors; one
    whose fit refuses (unresolved, cut off, a shoulder) is left out. Raises AnalysisError when no line remains.
    """
    floor = float(np.percentile(signal, 10))
    top = float(np.max(signal)) - floor
    step = float(np.median(np.diff(wavelength_nm)))
    peaks = find_peaks(signal, prominence=share * top, distance=max(1, round(half_range_nm / 2 / step)))
    prominent = [int(p) for p, rise in zip(peaks[0], peaks[1]["prominences"], strict=True) if rise > SIGNIFICANT * sigma[p]]
    lines, refusals = [], []
    for place in prominent:
        try:
            lines.append(gaussian_line(wavelength_nm, signal, sigma, near_nm=float(wavelength_nm[place]),
                                       half_range_nm=half_range_nm, instrument_fwhm_nm=instrument_fwhm_nm))
        except AnalysisError as exc:
            refusals.append(str(exc))
    if not lines:
        reason = refusals[0] if refusals else "no peak stands out of the noise and the spontaneous emission."
        raise AnalysisError(f"No lasing line was found: {reason}")
    return tuple(lines)


def quality(line: Line) -> Result:
    """Give Q = λ/FWHM of a line, from the width with which it was fitted (instrument removed if its width was given)."""
    value = line.centre_nm.value / line.fwhm_nm.value
    return Result(value, value * (line.fwhm_nm.stderr or 0.0) / line.fwhm_nm.value, "1", f"λ/FWHM, {line.fwhm_nm.estimator}",
                  goodness=line.fwhm_nm.goodness)


def strongest(lines: Sequence[Line]) -> Line:
    """Give the line with the greatest height."""
    return max(lines, key=lambda line: line.height.value)


@dataclass(frozen=True)
class Spacing:
    """Distance of neighbouring lines: mean in nm (at their mean wavelength), group index for a diameter, regularity in energy.

    `relative_sd` is sd/mean of the distances in energy: about 0 for a cavity, near 1 for random lasing. None with two lines.
    """

    fsr_nm: Result
    relative_sd: Result | None
    middle_nm: float
    count: int


def spacing(lines: Sequence[Line]) -> Spacing:
    """Give the mean distance of neighbouring lines and its scatter.

    The mean of neighbours is the span over the number of gaps; its error is that of the two outer centres or, if larger, what the
    scatter of all centres about a smooth comb (quadratic in their number, so that the distance may change evenly) makes of theirs.
    Raises AnalysisError with fewer than two lines.
    """
    if len(lines) < 2:
        raise AnalysisError(f"{len(lines)} line was found; a distance needs two. Widen the window or lower the least height.")
    centre = np.sort([line.centre_nm.value for line in lines])
    gaps = np.diff(centre)
    by_place = sorted(lines, key=lambda line: line.centre_nm.value)
    ends = np.hypot(by_place[0].centre_nm.stderr or 0.0, by_place[-1].centre_nm.stderr or 0.0) / len(gaps)
    in_energy = np.abs(np.diff(energy_ev(centre)))
    scatter = None
    error = float(ends)
    if len(gaps) > 1:
        ratio = float(np.std(in_energy, ddof=1) / np.mean(in_energy))
        scatter = Result(ratio, ratio / np.sqrt(2 * (len(gaps) - 1)), "1", "sd/mean of the distances in energy")
        error = max(error, np.sqrt(2.0) * _off_the_comb(centre) / len(gaps))      # the span has two ends
    return Spacing(Result(float(np.mean(gaps)), error, "nm", "mean distance of neighbouring lines"), scatter,
                   float(np.mean(centre)), len(lines))


def _off_the_comb(centre: np.ndarray) -> float:
    """Give the standard deviation of line centres about a quadratic in their number; about a straight line with four or fewer."""
    number, order = np.arange(len(centre)), 2 if len(centre) > 4 else 1
    left = centre - np.polyval(np.polyfit(number, centre, order), number)
    return float(np.sqrt(np.sum(left**2) / (len(centre) - order - 1)))


def group_index(fsr_nm: Result, wavelength_nm: float, diameter_um: float, diameter_error_um: float = 0.0) -> Result:
    """Give n = λ²/(π D FSR); the error of the diameter is systematic."""
    value = wavelength_nm**2 / (np.pi * diameter_um * 1e3 * fsr_nm.value)
    return Result(float(value), float(value * (fsr_nm.stderr or 0.0) / fsr_nm.value), "1", "λ²/(π D FSR)",
                  float(value * diameter_error_um / diameter_um))


def index_from_diameters(diameter_um: np.ndarray, fsr_nm: np.ndarray, sigma_nm: np.ndarray | None, wavelength_nm: float) -> Result:
    """Give the group index from FSR against 1/D, a straight line through the origin with slope λ²/(π n); arrays (cavities,)."""
    fit = linear_fit((1 / np.asarray(diameter_um, dtype=float))[:, None], fsr_nm, sigma_nm, what="FSR against 1/D")
    value = wavelength_nm**2 / (np.pi * 1e3 * float(fit.values[0]))
    return Result(value, value * float(fit.stderr[0] / fit.values[0]), "1", "FSR against 1/D", goodness=fit.goodness)


@dataclass(frozen=True)
class QualityLaw:
    """Q = intercept + slope × D (slope per µm), the share of the scatter that the line explains, and the greatest Q."""

    slope: Result
    intercept: Result
    r2: float
    greatest: float


def quality_against_diameter(diameter_um: np.ndarray, q: np.ndarray, sigma: np.ndarray | None = None) -> QualityLaw:
    """Fit a straight line to Q against the diameter in µm; arrays (cavities,). Raises AnalysisError with fewer than 3."""
    diameter_um, q = np.asarray(diameter_um, dtype=float), np.asarray(q, dtype=float)
    if len(q) < 3:
        raise AnalysisError(f"{len(q)} cavities are too few for a line of Q against diameter; 3 are needed.")
    fit: Fit = linear_fit(np.column_stack([np.ones_like(diameter_um), diameter_um]), q, sigma, what="Q against diameter")
    left = q - fit.values[0] - fit.values[1] * diameter_um
    return QualityLaw(
        slope=Result(float(fit.values[1]), float(fit.stderr[1]), "1/um", "straight line of Q against D", goodness=fit.goodness),
        intercept=Result(float(fit.values[0]), float(fit.stderr[0]), "1", "straight line of Q against D", goodness=fit.goodness),
        r2=float(1 - np.sum(left**2) / np.sum((q - q.mean()) ** 2)), greatest=float(q.max()),
    )


def median(values: Sequence[float] | np.ndarray, unit: str = "1") -> Result:
    """Give the median over redraws, with the error of normal scatter and a 95 % interval that assumes no distribution.

    The interval is between order statistics (binomial). Quality factors of random modes scatter log-normally and the strongest
    line is not a typical one, so take at least 40 spots. Raises AnalysisError with fewer than 6 values, which have no interval.
    """
    found = np.sort(np.asarray(values, dtype=float))
    if len(found) < 6:
        raise AnalysisError(f"The median of {len(found)} redraws has no 95 % interval; 6 are needed, and 40 are advisable.")
    spread = float(np.subtract(*np.percentile(found, [75, 25]))) / 1.349
    low = int(binom.ppf(0.025, len(found), 0.5))
    interval = (float(found[low - 1]), float(found[len(found) - low]))
    return Result(float(np.median(found)), MEDIAN_EFFICIENCY * spread / np.sqrt(len(found)), unit,
                  f"median of {len(found)} redraws", interval=interval)


def repeated_share(shots: Sequence[np.ndarray], within_nm: float = 0.15) -> Result:
    """Give the share of the lines of a shot found again in the next within `within_nm`, mean over shots with lines.

    `shots` holds the line centres of each shot in nm. Raises AnalysisError when fewer than two pairs of shots have lines.
    """
    shares = [float(np.mean(np.min(np.abs(now[:, None] - then[None, :]), axis=1) <= within_nm))
              for now, then in pairwise(shots) if len(now) and len(then)]
    if len(shares) < 2:
        raise AnalysisError("Fewer than three successive shots with lines: nothing can be found again.")
    return Result(float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(len(shares))), "1",
                  f"lines found again within {within_nm:g} nm")

"""An input-output curve: thresholds, slopes, saturation, and what the spectra below and above threshold look like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis import saturation, slopes, threshold
from labctl.analysis.lines import Line, gaussian_line
from labctl.analysis.pump import READING_ERROR, UNIT, PumpScale
from labctl.analysis.series import Findings, Spectra, widths
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.reduction import CurveData

BELOW, ABOVE = 0.6, 1.3     # thresholds up to which, and from which, slopes of the spontaneous emission are taken
FAR_BELOW = 0.5             # thresholds up to which spectra show spontaneous emission alone
JUST_ABOVE = 1.2            # thresholds from which a line stands well enough to have a place
ROUNDS = 4                  # of kink and range
MISFIT = 50.0               # χ² per degree of freedom from which a power law is none
COLLAPSED_NM = 8.0          # a whole spectrum narrower than this is stimulated emission


def thresholds(data: threshold.Series, scale: PumpScale, found: Findings, *, up_to: float = 0.0) -> dict[str, threshold.Threshold]:
    """Estimate the threshold three ways into `threshold_NAME_fluence` and `threshold_NAME_power`; gives what was fitted.

    Two straight lines describe the curve near its kink only: points beyond `up_to` in µJ/cm² are left out; with 0 those beyond
    twice the kink, where the output saturates.
    """
    fitted, refused = threshold.estimate(up_to_fluence(data, up_to or _twice_the_kink(data)))
    for name, each in fitted.items():
        found.results[f"threshold_{name}_fluence"] = scale.fluence(each.threshold)
        found.results[f"threshold_{name}_power"] = scale.power(each.threshold)
    for name, reason in refused.items():
        found.warn(f"threshold_{name}_fluence", reason)
    return fitted


def up_to_fluence(data: threshold.Series, limit: float) -> threshold.Series:
    """Give the points of a series up to a pump value."""
    inside = data.pump <= limit
    sigma = None if data.sigma is None else data.sigma[inside]
    return replace(data, pump=data.pump[inside], output=data.output[inside], sigma=sigma)


def kink_near(data: threshold.Series) -> threshold.Threshold:
    """Give the kink of the points up to twice itself."""
    return threshold.kink(up_to_fluence(data, _twice_the_kink(data)))


def _twice_the_kink(data: threshold.Series) -> float:
    """Give twice the kink of the points up to twice the kink, or the end of the series when that has no kink or too few points."""
    limit = float(data.pump[-1])
    for _ in range(ROUNDS):
        cut = up_to_fluence(data, limit)
        if len(cut.pump) < threshold.FEWEST_POINTS + 2:
            return float(data.pump[-1])
        try:
            limit = min(2.0 * threshold.kink(cut).threshold.value, float(data.pump[-1]))
        except AnalysisError:
            return float(data.pump[-1])
    return limit


def power_law(data: threshold.Series, scale: PumpScale, found: Findings, *, count: int, suffix: str) -> slopes.PowerLaw | None:
    """Fit the slopes between the breaks of the double-logarithmic curve into `slope_N` and `breakpoint_N_fluence`."""
    law = found.attempt("slope_1" + suffix, lambda: slopes.segments(
        data.pump, data.output, data.sigma, count=count, relative_x=data.relative_pump, unit=data.unit))
    if law is None:
        return None
    if law.reduced_chi2 > MISFIT:
        found.warn("slope_1" + suffix, f"no power law of {count} segment{'s' if count > 1 else ''} describes the curve (χ² per "
                   f"degree of freedom {law.reduced_chi2:.0f}), so its slopes mean little. Try another number of segments.")
    for number, each in enumerate(law.slopes, 1):
        found.results[f"slope_{number}{suffix}"] = each
    for number, each in enumerate(law.breaks, 1):
        found.results[f"breakpoint_{number}_fluence{suffix}"] = scale.fluence(each)
    return law


def bends(data: threshold.Series, scale: PumpScale, found: Findings, place: float) -> None:
    """Say where the output saturates and how straight it is above threshold, `place` in µJ/cm².

    A series that ends before the line to be compared with does is not asked.
    """
    saturated = None if data.pump[-1] < saturation.LINE_TO * place else found.attempt(
        "se_saturation_power", lambda: saturation.saturation(data.pump, data.output, data.sigma, threshold=place, unit=data.unit))
    if saturated is not None:
        found.results["se_saturation_power"] = scale.power(saturated)
    found.attempt("linear_residual", lambda: saturation.straightness(data.pump, data.output, data.sigma, above=place))


def spontaneous(spectra: Spectra, found: Findings, place: float, instrument_fwhm_nm: float) -> Line | None:
    """Fit a Gaussian to the sum of the spectra below half the threshold: `spe_wavelength`, `spe_fwhm`."""
    def fit() -> Line:
        faint = spectra.where(spectra.pump < FAR_BELOW * place)
        if not len(faint.pump):
            raise AnalysisError(f"No spectrum was taken below {FAR_BELOW * place:.4g} {UNIT}, half the threshold. Begin lower.")
        return gaussian_line(spectra.wavelength, *faint.total(), instrument_fwhm_nm=instrument_fwhm_nm)

    line = found.attempt("spe_wavelength", fit)
    if line is not None:
        found.results |= {"spe_wavelength": line.centre_nm, "spe_fwhm": line.fwhm_nm}
    return line


def stimulated(spectra: Spectra, found: Findings, place: float, half_range_nm: float) -> Line | None:
    """Fit a Gaussian around the highest point of the spectrum nearest to 1.3 thresholds: `ase_wavelength`, `ase_fwhm`."""
    index = int(np.argmin(np.abs(spectra.pump - ABOVE * place)))
    line = found.attempt("ase_wavelength", lambda: gaussian_line(
        spectra.wavelength, spectra.signal[index], spectra.sigma[index], half_range_nm=half_range_nm))
    if line is not None:
        found.results |= {"ase_wavelength": line.centre_nm, "ase_fwhm": line.fwhm_nm}
    return line


def separation(spontaneous_line: Line | None, stimulated_line: Line | None, found: Findings, name: str) -> None:
    """Give the energy of the spontaneous emission minus that of the stimulated in meV, when both are known."""
    if spontaneous_line is None or stimulated_line is None:
        return
    high, low = spontaneous_line.centre_ev, stimulated_line.centre_ev
    stderr = float(np.hypot(high.stderr or 0.0, low.stderr or 0.0)) * 1e3
    found.results[name] = Result((high.value - low.value) * 1e3, stderr, "meV", "difference of two Gaussian centres")


def narrowing(spectra: Spectra, found: Findings, place: float, instrument_nm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Give the width of every spectrum in nm with its error; `fwhm_low_pump` and `collapse_fluence` say how it falls."""
    width, error = widths(spectra, instrument_nm)
    seen = np.isfinite(width)
    low = seen & (spectra.pump < FAR_BELOW * place)
    if low.any():
        spread = float(width[low].std(ddof=1) / np.sqrt(low.sum())) if low.sum() > 1 else float(error[low][0])
        found.results["fwhm_low_pump"] = Result(
            float(width[low].mean()), spread, "nm", f"width at half maximum, mean of {low.sum()} spectra below half the threshold")
    if np.any(width[low] > COLLAPSED_NM):
        found.attempt("collapse_fluence", lambda: saturation.onset(
            spectra.pump[seen], width[seen], COLLAPSED_NM, rising=False, unit=UNIT))
    return width, error


def spontaneous_slopes(band: Spectra, found: Findings, place: float) -> None:
    """Give the slope of the spontaneous band against the pump below 0.6 and above 1.3 thresholds."""
    value, error = band.integral()
    for name, chosen in (("spe_slope_below", band.pump < BELOW * place), ("spe_slope_above", band.pump > ABOVE * place)):
        found.attempt(name, lambda chosen=chosen: slopes.slope(
            band.pump[chosen], value[chosen], error[chosen], READING_ERROR).slopes[0])


def blue_shift(spectra: Spectra, found: Findings, place: float, half_range_nm: float) -> None:
    """Give the shift of a line from just above threshold to the highest pump, where it is the strongest: `laser_blue_shift`, meV.

    The same line in both spectra: which mode of a cavity is the strongest changes with the pump.
    """
    def fit() -> Result:
        above = np.flatnonzero(spectra.pump > JUST_ABOVE * place)
        if len(above) < 2:
            raise AnalysisError(f"Fewer than two spectra lie above {JUST_ABOVE * place:.4g} {UNIT}. Extend the series.")
        order = above[np.argsort(spectra.pump[above])]
        last = gaussian_line(spectra.wavelength, spectra.signal[order[-1]], spectra.sigma[order[-1]], half_range_nm=half_range_nm)
        first = gaussian_line(spectra.wavelength, spectra.signal[order[0]], spectra.sigma[order[0]], half_range_nm=half_range_nm,
                              near_nm=last.centre_nm.value)
        stderr = float(np.hypot(first.centre_ev.stderr or 0.0, last.centre_ev.stderr or 0.0))
        return Result((last.centre_ev.value - first.centre_ev.value) * 1e3, stderr * 1e3, "meV",
                      "strongest line, highest pump minus just above threshold; positive is blue")

    found.attempt("laser_blue_shift", fit)


def curves(data: threshold.Series, kink: threshold.Threshold | None, law: slopes.PowerLaw | None) -> dict[str, CurveData]:
    """Give the curve twice, abscissa in J/cm²: `emission` with the power law, `kink` with the two straight lines."""
    def curve(x: np.ndarray | None = None, y: np.ndarray | None = None, error: np.ndarray | None = None) -> CurveData:
        return CurveData("pump.fluence", data.pump * 1e-6, data.output, "1/s", "Emission (electrons)", data.sigma,
                         fit_x=None if x is None else x * 1e-6, fit_y=y, fit_sigma=error)

    fine = np.geomspace(data.pump[0], data.pump[-1], 301)
    found = {"emission": curve() if law is None else curve(fine, law.curve(fine), law.curve_error(fine))}
    if kink is not None:
        end = kink.corners[-1][0]
        line = np.linspace(data.pump[0], end, 301)
        found["kink"] = curve(line, kink.curve(line), kink.curve_error(line))
    return found


def width_curve(pump: np.ndarray, width: tuple[np.ndarray, np.ndarray]) -> dict[str, CurveData]:
    """Give the widths in nm against the pump, as far as there are any."""
    seen = np.isfinite(width[0])
    if not seen.any():
        return {}
    return {"width": CurveData("pump.fluence", pump[seen] * 1e-6, width[0][seen], "nm", "Width at half maximum", width[1][seen])}

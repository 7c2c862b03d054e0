"""Pairs of frames without and with pump: bleach of a band against delay or fluence, spectrum of the net gain. See `bleach`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labctl.analysis import bleach
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.occupancy import mean_occupancy
from labctl.analysis.pump import PumpScale
from labctl.analysis.series import Findings
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, RunView

DELAY, FLUENCE = "delay.time", "pump.fluence"
AROUND_PEAK = 0.75          # of the highest net gain, above which a parabola is laid through the spectrum
JOINED_NM = 1.0             # pixels of a spectrum that are looked at together there
GAIN_PS = 60.0              # until where the fall of the net gain is looked at
FALLS = (("bleach_lifetime", 1, True), ("bleach_lifetime_single", 1, False), ("bleach_lifetime_fast", 2, False))
"""Laws of a fall by the name of their shortest lifetime: how many exponentials, and whether a constant stays."""
CROWDED = 0.5
"""Of the shorter lifetime: until then three excitons and more are about. Their Auger rate, as n²(n-1), is 4.5 times that of two and
they bleach no more than two: with them the fall of pairs looks slower."""


@dataclass(frozen=True)
class Excited:
    """What turns a fluence into excitations: cross-section in cm² at the pump's wavelength (nm), share that enters, density."""

    section_cm2: float
    wavelength_nm: float
    coupling: float
    density: float

    def per_uj_cm2(self) -> float:
        """Give the excitations for 1 µJ/cm², mean over the depth: the probe crosses all of it, (1 − 10^−OD)/(OD ln 10)."""
        per = float(mean_occupancy(np.array([1e-6]), self.section_cm2, self.wavelength_nm)[0]) * self.coupling
        depth = self.density * float(np.log(10.0))
        return per * (-float(np.expm1(-depth)) / depth if depth else 1.0)


@dataclass(frozen=True)
class Pairs:
    """Frames with and without pump (pairs, pixels), the sample's own light subtracted, their errors, and what they run against."""

    against: str
    x: np.ndarray
    wavelength: np.ndarray
    pumped: np.ndarray
    unpumped: np.ndarray
    noise: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, run: RunView, against: str) -> Pairs:
        """Take the pairs of a run; the own light is that of the nearest fluence."""
        alone, own = run.select("reference"), run.select("zero")
        nearest = np.array([int(np.argmin(np.abs(own[FLUENCE] - fluence))) for fluence in run[FLUENCE]])
        noise = np.hypot(run.sigma(), own.sigma()[nearest]), alone.sigma()
        return cls(against, run[against], run.wavelength("vacuum"), run.signal() - own.signal()[nearest], alone.signal(), noise)

    def course(self, inside: np.ndarray) -> bleach.Bleach:
        """Give the bleach of a band (mask of pixels), blocks averaged."""
        return bleach.averaged(self.x, *bleach.band_bleach(self.pumped, self.unpumped, self.noise, inside))


def falls(series: bleach.Bleach, found: Findings) -> CurveData:
    """Fit the fall of a bleach against delay: the lifetimes of `FALLS`, and `bleach_amplitude` (at the pump).

    A film's pairs of excitons fall in a cascade, which one exponential does not follow: each law states its χ². Two exponentials
    begin where no crystal holds three excitons any more. The curve carries the line of the best.
    """
    drawn = CurveData(DELAY, series.x, series.bleach, "1", "-Δα d", series.sigma)
    fits: list[tuple[bleach.Fall, float]] = []
    for name, count, constant in FALLS:
        fit = found.attempt(name, lambda count=count, constant=constant: bleach.fall(series, count, constant=constant))
        if fit is not None:
            begin = CROWDED * fit.lifetimes[0].value if count == 2 else 0.0
            fit = _later(series, begin, fit) if begin else fit
            fits.append((fit, begin))
            found.results[name] = fit.lifetimes[0]
            if constant:
                found.results["bleach_amplitude"] = fit.amplitude
    if not fits:
        return drawn
    best, begin = min(fits, key=lambda each: each[0].lifetimes[0].goodness or np.inf)
    fine = np.linspace(max(series.x.min(), begin), series.x.max(), 601)
    return CurveData(DELAY, series.x, series.bleach, "1", "-Δα d", series.sigma, fit_x=fine, fit_y=best.at(fine))


def _later(series: bleach.Bleach, begin: float, whole: bleach.Fall) -> bleach.Fall:
    """Fit two exponentials from a delay in ps on; where too few points are left the fit of all stays."""
    kept = series.x >= begin
    try:
        fit = bleach.fall(bleach.Bleach(series.x[kept], series.bleach[kept], series.sigma[kept]), 2, constant=False)
    except AnalysisError:
        return whole
    words = f"{fit.lifetimes[0].estimator} from {begin:.0f} ps"
    return replace(fit, lifetimes=tuple(replace(each, estimator=words) for each in fit.lifetimes))


def relative(pairs: Pairs, series: bleach.Bleach, absorbed: float, scale: PumpScale, excited: Excited,
             found: Findings) -> dict[str, CurveData]:
    """Set the bleach over the absorption of the band, and say when or where it passes 1: transparency.

    Results against delay: `gain_lifetime` (ps, until it falls below 1), `net_gain_lifetime` (ps, until what is above 1 has fallen
    to 1/e); against fluence: `gain_onset_fluence`, `gain_threshold_n`, `bleach_end_slope`.
    """
    share = bleach.Bleach(series.x, series.bleach / absorbed, series.sigma / absorbed)
    if pairs.against == DELAY:
        place = found.attempt("gain_lifetime", lambda: bleach.crossing(share, 1.0))
        if place is not None:
            found.results["gain_lifetime"] = Result(place.value, place.stderr, "ps", place.estimator)
            found.attempt("net_gain_lifetime", lambda: _net_gain(share))
        return {"relative": CurveData(DELAY, share.x, share.bleach, "1", "-Δα/α₀", share.sigma)}
    place = found.attempt("gain_onset_fluence", lambda: bleach.crossing(share, 1.0))
    if place is not None:
        stderr = place.stderr or 0.0
        onset = scale.fluence(Result(place.value * 1e6, stderr * 1e6, "µJ/cm²", place.estimator))
        per = excited.per_uj_cm2()
        found.results |= {"gain_onset_fluence": onset, "gain_threshold_n": Result(
            onset.value * per, stderr * 1e6 * per, "1", "σ F/hν inside", (onset.systematic or 0.0) * per)}
    found.attempt("bleach_end_slope", lambda: end_slope(share))
    return {"relative": CurveData(FLUENCE, share.x, share.bleach, "1", "-Δα/α₀", share.sigma)}


def end_slope(share: bleach.Bleach) -> Result:
    """Give the slope of a bleach against fluence over its highest third, double-logarithmic: 0 where it is saturated."""
    last = share.x >= np.quantile(share.x, 2 / 3)
    if not np.all(share.bleach[last] > 0):
        raise AnalysisError("The bleach is lost in noise even at the highest fluences. Take more blocks.")
    slope = np.polyfit(np.log(share.x[last]), np.log(share.bleach[last]), 1)[0]
    return Result(float(slope), None, "1", "d ln(-Δα/α₀) / d ln F, highest third")


def _net_gain(share: bleach.Bleach) -> Result:
    early = share.x <= GAIN_PS
    fit = bleach.fall(bleach.Bleach(share.x[early], share.bleach[early], share.sigma[early]))
    tau = fit.lifetimes[0]
    value = bleach.until_one_over_e(fit, 1.0)
    return Result(value, None if tau.stderr is None else value * tau.stderr / tau.value, "ps",
                  f"1/e of -Δα/α₀ above 1, {tau.estimator} until {GAIN_PS:g} ps", goodness=tau.goodness)


def _peak(wavelength: np.ndarray, gain: np.ndarray, error: np.ndarray) -> Result:
    """Give where a gain is largest; pixels are joined first, whose noise would hide which are the highest."""
    join = max(round(JOINED_NM / float(np.median(np.diff(wavelength)))), 1)
    whole = len(wavelength) // join * join
    place, height, variance = (each[:whole].reshape(-1, join).mean(axis=1) for each in (wavelength, gain, error**2))
    peak = parabola_maximum(place, height, np.sqrt(variance / join), above=AROUND_PEAK)
    words = f"parabola above {AROUND_PEAK:.0%} of the peak"
    return Result(peak.wavelength_nm, peak.stderr_nm, "nm", words, goodness=peak.reduced_chi2)


def net(pairs: Pairs, series: bleach.Bleach, bare: np.ndarray, found: Findings) -> CurveData:
    """Give the absorption with pump at every wavelength, where the bleach is largest; `bare` is the probe without sample (pixels,).

    Results, with net gain somewhere: `gain_band_blue_edge`, `gain_band_red_edge`, `gain_peak_wavelength` (nm).
    """
    strongest = series.x[int(np.argmax(series.bleach))]
    chosen = pairs.x == strongest
    with_pump = pairs.pumped[chosen].mean(axis=0)
    absorbed = -np.log(with_pump / bare)
    error = pairs.noise[0][chosen].mean(axis=0) / with_pump / np.sqrt(chosen.sum())
    edges = found.attempt("gain_band_blue_edge", lambda: bleach.gain_band(pairs.wavelength, absorbed, error))
    if edges is not None:
        found.results |= dict(zip(("gain_band_blue_edge", "gain_band_red_edge"), edges, strict=True))
        found.attempt("gain_peak_wavelength", lambda: _peak(pairs.wavelength, -absorbed, error))
    return CurveData("emission.wavelength", pairs.wavelength, absorbed, "1",
                     f"α d at {shown(float(f'{strongest:.3g}'), pairs.against)}", error)

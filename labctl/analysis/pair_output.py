"""The stimulated pair against the pump: its area, its place, and its share of all emission."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.input_output import JUST_ABOVE
from labctl.analysis.pair_series import Emission, Series, learn_shape, pair_fits
from labctl.analysis.pump import UNIT
from labctl.analysis.series import Findings, Spectra
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

SHARE_AT_UW, RATIO_AT_UW = 10.0, 20.0       # powers at which Ying (2021) compares stimulated and spontaneous emission


@dataclass(frozen=True)
class PairCurve:
    """Areas (electrons/s) of the pair and of the broad line with their errors, and the pair's centre in eV, all (points,)."""

    pump: np.ndarray
    pair: np.ndarray
    pair_sigma: np.ndarray
    broad: np.ndarray
    broad_sigma: np.ndarray
    centre_ev: np.ndarray
    centre_sigma_ev: np.ndarray


def pair_curve(spectra: Spectra, pump_nm: float, emission: Emission) -> PairCurve:
    """Fit the pair and the broad line in every spectrum; raises AnalysisError when the brightest do not show the pair."""
    series = Series(np.full(len(spectra.pump), pump_nm), spectra.wavelength, spectra.signal, spectra.sigma)
    shape, _ = learn_shape(series, emission, np.ones(len(spectra.pump), dtype=bool))
    fits = pair_fits(series, emission, shape)

    def column(*path: str) -> np.ndarray:
        return np.array([getattr(fit if len(path) == 1 else getattr(fit, path[0]), path[-1]) for fit in fits])

    return PairCurve(spectra.pump, column("pair"), column("pair_stderr"), column("broad"), column("broad_stderr"),
                     column("shape", "pair_ev"), column("shape_stderr", "pair_ev"))


def blue_shift(curve: PairCurve, found: Findings, place: float) -> None:
    """Give the shift of the pair from just above threshold to the highest pump in meV: `se_blue_shift`."""
    def fit() -> Result:
        above = np.flatnonzero(curve.pump > JUST_ABOVE * place)
        if len(above) < 2:
            raise AnalysisError(f"Fewer than two spectra lie above {JUST_ABOVE * place:.4g} {UNIT}. Extend the series.")
        order = above[np.argsort(curve.pump[above])]
        stderr = float(np.hypot(curve.centre_sigma_ev[order[0]], curve.centre_sigma_ev[order[-1]]))
        return Result(float(curve.centre_ev[order[-1]] - curve.centre_ev[order[0]]) * 1e3, stderr * 1e3, "meV",
                      "centre of the pair, highest pump minus just above threshold; positive is blue")

    found.attempt("se_blue_shift", fit)


def shares(curve: PairCurve, found: Findings, microwatt_per_fluence: float) -> None:
    """Give `se_share_10uw` = SE/(SE + SPE) and `se_spe_ratio_20uw` = SE/SPE of the areas, between the two nearest powers."""
    power = curve.pump * microwatt_per_fluence
    order = np.argsort(power)
    for name, at, of_all in (("se_share_10uw", SHARE_AT_UW, True), ("se_spe_ratio_20uw", RATIO_AT_UW, False)):
        if not power.min() <= at <= power.max():
            continue
        pair, pair_sigma, broad, broad_sigma = (float(np.interp(at, power[order], values[order])) for values in (
            curve.pair, curve.pair_sigma, curve.broad, curve.broad_sigma))
        under = pair + broad if of_all else broad
        value = pair / under
        stderr = float(np.hypot(pair_sigma * broad, broad_sigma * pair) / under**2) if of_all else float(
            np.hypot(pair_sigma / broad, value * broad_sigma / broad))
        found.results[name] = Result(value, stderr, "1", f"areas of pair and broad line at {at:g} µW")

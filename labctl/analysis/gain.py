"""Gain by the variable stripe length: how the emission from the end of a pumped stripe grows with its length.

    I(L) = (I_sp/g) (e^(gL) - 1)                  Shaklee and Leheny, Appl. Phys. Lett. 18, 475 (1971)

holds while the amplified light does not deplete the gain. It is fitted to stripes up to the length at which the law begins to
miss the points, about 0.8 L_sat, L_sat being the length at which the emission is half of the extrapolated law. The method reads
low where saturation begins early: the twin's film of 154 cm-1 reads 100 cm-1. The spontaneous pedestal has to go first: with it
the same data read 29 cm-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import TRUST, Fit, clean, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

SHARE_OF_SATURATION = 0.8   # of L_sat, up to which the law is fitted where the points have no errors
GROWS = 3.0                 # standard errors of the gain from which a window says anything about it
WINDOW_ERROR = 0.1          # by which the window is moved to see what the gain owes to it
MISFIT = 1.5                # times the smallest reduced χ², up to which the law holds
FEWEST_STRIPES = 5          # in the window; the law has two constants
FIRST_WINDOW = 8            # shortest stripes with which the search for the window begins
LIGHT_CM_PS = 0.0299792458  # speed of light


@dataclass(frozen=True)
class StripeGain:
    """Net modal gain (cm-1), spontaneous emission per length, saturation length (cm) and time (ps), None when not reached.

    `used` marks the stripes in the fit, in the order given.
    """

    gain: Result
    spontaneous: Result
    saturation_length: Result | None
    depletion_time: Result | None
    window_cm: float
    used: np.ndarray
    residuals: np.ndarray
    fit: Fit

    def curve_error(self, length_cm: np.ndarray) -> np.ndarray:
        """Give the standard error of the law itself at lengths in cm."""
        return self.fit.curve_error(lambda constants: _law(length_cm, constants))

    def curve(self, length_cm: np.ndarray) -> np.ndarray:
        """Give the fitted law at lengths in cm."""
        return _law(length_cm, np.array([self.spontaneous.value, self.gain.value]))


def subtract_pedestal(spectra: np.ndarray, pedestal: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Take the spontaneous emission out of spectra (stripes, pixels) by a spectrum of its shape (pixels,).

    `pedestal` is a spectrum at low fluence and short length, where nothing is amplified; it is scaled to each spectrum by least
    squares on the pixels marked `blue`, at energies above the gain. Raises AnalysisError when the pedestal is dark there.
    """
    reference = pedestal[blue]
    power = float(reference @ reference)
    if not np.any(blue) or power <= 0 or reference.mean() <= 0:
        raise AnalysisError("The pedestal spectrum shows no light on the blue side, so it cannot be scaled there.")
    share = spectra[:, blue] @ reference / power
    return spectra - share[:, None] * pedestal[None, :]


def _law(length: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """Give (I_sp/g) (e^(gL) - 1), which is I_sp L where the gain vanishes."""
    spontaneous, gain = constants
    exponent = np.clip(gain * np.asarray(length, dtype=float), -50, 50)
    if abs(gain) < 1e-9:
        return spontaneous * np.asarray(length, dtype=float)
    return spontaneous / gain * np.expm1(exponent)


def stripe_gain(length_cm: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None = None, *, window_cm: float | None = None,
                length_error_cm: float = 0.0, index: float = 2.1) -> StripeGain:
    """Fit the gain from emission (n,), pedestal removed, of stripes of lengths (n,) in cm.

    Without `window_cm` the longest stripe in the fit is found from the data, see `_window`. Its choice and a common offset
    `length_error_cm` of all lengths (blurred edges of the stripe) give the systematic error of the gain; `index` is the group index
    that turns L_sat into the time of depletion, n_g L_sat/c.
    Raises AnalysisError when fewer than 5 stripes lie in the window or when the emission does not grow faster than its length.
    """
    length, seen, error = clean(length_cm, signal, sigma)
    order = np.argsort(length, kind="stable")
    length, seen = length[order], seen[order]
    errors = None if sigma is None else error[order]
    window = _window(length, seen, errors) if window_cm is None else window_cm
    fit = _fit(length, seen, errors, window)
    gain, stderr = float(fit.values[1]), float(fit.stderr[1])
    if gain < 2 * stderr:
        raise AnalysisError(
            f"No gain: the emission of stripes up to {window:.3g} cm grows with {gain:.3g} ± {stderr:.2g} per cm. Raise the "
            "fluence, subtract the spontaneous pedestal, or choose the band of the amplified emission."
        )
    systematic = _systematic(length, seen, errors, window, gain, length_error_cm)
    name = "variable stripe length"
    saturation = _saturation(length, seen, fit, window)
    time = None
    if saturation is not None:
        factor = index / LIGHT_CM_PS
        time = Result(saturation.value * factor, (saturation.stderr or 0.0) * factor, "ps", "n_g L_sat/c")
    return StripeGain(
        gain=Result(gain, stderr, "cm-1", name, systematic, f"stripes up to {window:.3g} cm", fit.goodness),
        spontaneous=Result(float(fit.values[0]), float(fit.stderr[0]), "signal/cm", name, goodness=fit.goodness),
        saturation_length=saturation, depletion_time=time, window_cm=float(window),
        used=np.isfinite(signal) & (np.asarray(length_cm) <= window), residuals=fit.residuals, fit=fit,
    )


def _fit(length: np.ndarray, seen: np.ndarray, error: np.ndarray | None, window: float) -> Fit:
    inside = length <= window
    if np.count_nonzero(inside) < FEWEST_STRIPES:
        raise AnalysisError(
            f"{np.count_nonzero(inside)} stripes are not longer than {window:.3g} cm; the gain needs {FEWEST_STRIPES}. "
            "Measure shorter stripes."
        )
    x, y = length[inside], seen[inside]
    scale = float(np.max(np.abs(y))) or 1.0
    start = [max(float(y[0] / x[0]), 1e-3 * scale / float(x[-1])), 1.0 / float(x[-1])]
    return nonlinear_fit(lambda c: _law(x, c), start, y, None if error is None else error[inside],
                         bounds=([0.0, -30 / float(x[-1])], [np.inf, 40 / float(x[-1])]), what="The law of the stripe")


def _systematic(length: np.ndarray, seen: np.ndarray, error: np.ndarray | None, window: float, gain: float,
                length_error_cm: float) -> float:
    """Give the error of the gain from the choice of the window (± 10 %) and the common offset of the lengths, in quadrature."""
    trials: list[list[float]] = [[], []]
    for shift in (length_error_cm, -length_error_cm):
        trials[0].append(float(_fit(length + shift, seen, error, window + shift).values[1]))
    for factor in (1.0 - WINDOW_ERROR, 1.0 + WINDOW_ERROR):
        try:
            trials[1].append(float(_fit(length, seen, error, window * factor).values[1]))
        except AnalysisError:      # too few stripes in a shorter window: it cannot be told
            continue
    return float(np.sqrt(sum(max((abs(value - gain) for value in found), default=0.0) ** 2 for found in trials)))


def _window(length: np.ndarray, seen: np.ndarray, error: np.ndarray | None) -> float:
    """Find up to which length the law holds.

    With errors: the longest window whose reduced χ² (the errors counting as TRUST degrees of freedom) stays within 1.5 times the
    smallest. Without: 0.8 L_sat, repeated until it stays; L_sat follows the window closely, so that search needs quiet data.
    """
    if error is None:
        return _repeated_window(length, seen)
    windows, misfits = [], []
    for last in range(min(FIRST_WINDOW, len(length)) - 1, len(length)):
        try:
            fit = _fit(length, seen, error, float(length[last]))
        except AnalysisError:
            continue
        if fit.values[1] < GROWS * fit.stderr[1]:
            continue
        windows.append(float(length[last]))
        misfits.append((fit.reduced_chi2 * fit.freedom + TRUST) / (fit.freedom + TRUST) if fit.freedom else 1.0)
    if not windows:
        return float(length[-1])
    return max(window for window, misfit in zip(windows, misfits, strict=True) if misfit <= MISFIT * min(misfits))


def _repeated_window(length: np.ndarray, seen: np.ndarray) -> float:
    window = float(length[min(FIRST_WINDOW, len(length)) - 1])
    for _ in range(20):
        saturation = _saturation(length, seen, _fit(length, seen, None, window), window)
        if saturation is None:
            return float(length[-1])
        least = float(length[FEWEST_STRIPES - 1])
        following = max(SHARE_OF_SATURATION * saturation.value, least)
        if abs(following - window) < 0.01 * window:
            return following
        window = (window + following) / 2
    return window


def _saturation(length: np.ndarray, seen: np.ndarray, fit: Fit, window: float) -> Result | None:
    """Give the length at which the emission is half of the law, between stripes by a straight line of the ratio.

    The error is that of the law there, turned into a length by the slope of the ratio. None when it is not reached.
    """
    ratio = seen / _law(length, fit.values)
    below = np.flatnonzero((ratio < 0.5) & (length > 0.5 * window))
    if not len(below) or below[0] == 0 or np.all(ratio[below[0] :] > 0.5):
        return None
    last = int(below[0])
    slope = (ratio[last] - ratio[last - 1]) / (length[last] - length[last - 1])
    place = float(length[last - 1] + (0.5 - ratio[last - 1]) / slope)
    at = np.array([place])
    gradient = []
    for index in range(2):
        step = np.zeros(2)
        step[index] = 1e-3 * fit.stderr[index]
        gradient.append(float((_law(at, fit.values + step) - _law(at, fit.values - step))[0] / (2 * step[index])))
    relative = fit.error_of(gradient) / float(_law(at, fit.values)[0])
    return Result(place, float(abs(0.5 * relative / slope)), "cm", "length at which the emission is half of the law",
                  goodness=fit.goodness)

"""An absorption line that stands on, or before, the edge of a continuum: where the line is, and where the sum of both is highest.

    h e^(-(E - E₀)²/2s²) + c/2 erfc((E₀ + d - E)/(√2 s)),   d ≥ 0

A bound exciton and the continuum above it, R. J. Elliott, Phys. Rev. 108, 1384 (1957), both broadened alike by a Gaussian. The edge
pulls the highest point of the sum above the line, so that a parabola through the top does not find the line.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, clean, gradient, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

FEWEST = 8                  # points; the law has five constants
BETTER = 9.0                # by which χ² has to fall for an edge of its own to be believed: three standard errors
STANDS_OUT = 3.0            # standard errors of its height by which a line is one
BEGINNINGS = (0.1, 0.2, 0.4)    # widths from which the fit is begun, of the range
INSIDE, HIGHEST = 0.01, 10.0    # where the line begins, from the ends of the range; height and step at most, in highest points
FINE = 2001                 # places among which the highest is looked for


@dataclass(frozen=True)
class LineAtEdge:
    """Line, standard deviation, distance of the edge above the line, and the highest place of the sum, all in eV.

    The distance is 0 and has no error where the data cannot tell the edge from the line. `fit` holds line, standard deviation,
    height and step (and distance), the two in units of the highest point, `scale`.
    """

    line_ev: Result
    sd_ev: Result
    edge_ev: Result
    highest_ev: Result
    fit: Fit
    scale: float

    def curve(self, energy_ev: np.ndarray) -> np.ndarray:
        """Give the fitted law at photon energies in eV."""
        return self.scale * _law(energy_ev, self.fit.values)


def line_at_edge(energy_ev: np.ndarray, absorbed: np.ndarray, sigma: np.ndarray) -> LineAtEdge:
    """Fit a line at an edge to what is absorbed, or weakly excited, against photon energy, arrays (points,), any order.

    The edge begins at the line unless the data are described clearly better by one of its own; what such a one would move the line
    by is the systematic error then. Raises AnalysisError with fewer than 8 points, or when no line stands out within them.
    """
    energy, seen, error = clean(energy_ev, absorbed, sigma)
    if len(energy) < FEWEST:
        raise AnalysisError(f"{len(energy)} points are too few for a line at an edge; {FEWEST} are needed.")
    scale = float(seen.max())
    joined, own = (_fitted(energy, seen / scale, error / scale, own=each) for each in (False, True))
    if not joined and not own:
        raise AnalysisError("No line at an edge describes the spectrum. Measure over a wider range, on both sides of the line.")
    clearly = bool(joined and own) and _left(own[0]) < _left(joined[0]) - BETTER * max(joined[0].reduced_chi2, 1.0)
    if clearly or not joined:
        return _described(energy, own[0], 0.0, scale)
    moved_ev = abs(float(own[0].values[0] - joined[0].values[0])) if own else 0.0
    return _described(energy, joined[0], moved_ev, scale)


def _left(fit: Fit) -> float:
    return float(fit.residuals @ fit.residuals)


def _law(energy: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """Constants are line, standard deviation, height, step, and the distance of the edge where it has one."""
    from scipy.special import erfc  # as in `fitting`: who fits nothing does not wait for it

    line, sd, height, step, *rest = constants
    away = (energy - line) / sd
    return height * np.exp(-0.5 * away**2) + 0.5 * step * erfc(((rest[0] if rest else 0.0) / sd - away) / np.sqrt(2.0))


def _fitted(energy: np.ndarray, seen: np.ndarray, error: np.ndarray, *, own: bool) -> list[Fit]:
    """Fit with an edge at the line, or one of its `own`, from several widths; gives the fits that settle, the best first."""
    span, top = float(np.ptp(energy)), float(energy[np.argmax(seen)])
    top = min(max(top, energy.min() + INSIDE * span), energy.max() - INSIDE * span)
    bounds = ([energy.min(), 1e-3 * span, 0.0, 0.0, *([0.0] if own else [])],
              [energy.max(), span, HIGHEST, HIGHEST, *([span] if own else [])])
    found: list[Fit] = []
    for share in BEGINNINGS:
        start = [top, share * span, 0.5, 0.5, *([share * span] if own else [])]
        with suppress(AnalysisError):       # from another width it may settle, and its constants be told apart
            found.append(nonlinear_fit(lambda c: _law(energy, c), start, seen, error, bounds=bounds, what="A line at an edge"))
    return sorted(found, key=_left)


def _described(energy: np.ndarray, fit: Fit, moved_ev: float, scale: float) -> LineAtEdge:
    """Give what is said about a fit; an edge elsewhere, which the data do not exclude, would move the line by `moved_ev`."""
    line, sd, height = fit.values[:3]
    if height < STANDS_OUT * fit.stderr[2] or not energy.min() < line < energy.max():
        raise AnalysisError(f"No line stands out: its height is {height:.2g} ± {fit.stderr[2]:.2g} of the highest point. Measure "
                            "with less noise, and on both sides of it.")
    words = "line at an edge of its own" if len(fit.values) > 4 else "line at an edge"
    fine = np.linspace(energy.min(), energy.max(), FINE)

    def highest(constants: np.ndarray) -> float:
        return _vertex(fine, _law(fine, constants))

    def result(value: float, stderr: float | None, estimator: str = words, systematic: float | None = None) -> Result:
        note = "systematic: an edge above the line" if systematic else ""
        return Result(float(value), None if stderr is None else float(stderr), "eV", estimator, systematic, note, fit.goodness)

    edge = result(fit.values[4], fit.stderr[4]) if len(fit.values) > 4 else result(0.0, None)
    top = result(highest(fit.values), fit.error_of(gradient(highest, fit)), f"highest place of a {words}")
    return LineAtEdge(result(line, fit.stderr[0], words, moved_ev or None), result(sd, fit.stderr[1]), edge, top, fit, scale)


def _vertex(places: np.ndarray, values: np.ndarray) -> float:
    """Give the highest place of a smooth curve, by the parabola through its highest value and the two beside."""
    at = min(max(int(np.argmax(values)), 1), len(places) - 2)
    before, here, after = values[at - 1:at + 2]
    bend = before - 2.0 * here + after
    return float(places[at] + (0.5 * (before - after) / bend if bend < 0 else 0.0) * (places[1] - places[0]))

"""What decays against fluence say about multiple excitons: the share that absorbed, the fast component, where it sets in.

An excited crystal falls from state to state until one exciton is left; with two or more, most of the way goes by Auger
recombination within 0.1 ns. Ages count from the arrival of the pump as the light of the sample sees it: the response's centroid
and the shift between the colours, which the fit of the weakest decay gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labctl.analysis.decay import Decay
from labctl.analysis.decay_model import live_share
from labctl.analysis.fitting import Fit, nonlinear_fit
from labctl.analysis.lifetimes import Counted, Piece, clock
from labctl.analysis.saturation import onset
from labctl.analysis.series import Findings
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.reduction import CurveData

EARLY_NS, LATE_NS = 0.1, 0.5            # around the pulse, and after it: their ratio shows the fast component
RISEN = 1.15                            # times the ratio at the weakest pump, from which the fast component counts as seen
STRONG, WEAK = 3.2, 0.53                # in onsets: the decay with a clear fast component, and the one free of it
SINGLE_NS = 0.9                         # from here on both are one exciton's
FAST_NS = (0.06, 0.6)                   # in which what is left over is fitted
NS = 1e-3                               # of a picosecond


def ages_ns(data: Counted, fits: Sequence[Decay | None]) -> np.ndarray:
    """Give the age of every bin's middle in ns, (bins,); the shift of colours is the one that the weakest decay shows."""
    weakest = min((piece.value, number) for number, piece in enumerate(data.pieces) if fits[number] is not None)[1]
    fit = fits[weakest]
    shift = 0.0 if fit is None or fit.shift is None else fit.shift.value
    return (np.arange(len(data.irf.shape)) * data.timing.bin_ps - data.irf.centroid_ps - shift) * NS


def in_gate(data: Counted, piece: Piece, inside: np.ndarray) -> tuple[float, float]:
    """Give the incident light in a gate (mask over the bins) in counts per second, and its standard error; pile-up is undone."""
    live = live_share(piece.counts, clock(data.timing, piece))
    scale = 1.0 / (piece.seconds * piece.transmission)
    light = piece.counts[inside] / live[inside]
    return float(light.sum()) * scale, float(np.sqrt(max((light / live[inside]).sum(), 1.0))) * scale


def fast_component(data: Counted, fits: Sequence[Decay | None], found: Findings) -> dict[str, CurveData]:
    """Give the onset of the fast component and its lifetime: `fast_component_onset` (µJ/cm²), `biexciton_lifetime` (ps).

    It is seen from where early over late light stays 15 % above its value at the weakest pump. It is what a decay at about three
    onsets holds beyond one at half an onset, both made equal where only single excitons are left. The values are fluences in J/cm².
    Curve: `early_share`.
    """
    age = ages_ns(data, fits)
    early, late = np.abs(age) < EARLY_NS, age > LATE_NS
    pieces = sorted(data.pieces, key=lambda piece: piece.value)
    seen = np.array([[in_gate(data, piece, gate) for gate in (early, late)] for piece in pieces])
    ratio = seen[:, 0, 0] / seen[:, 1, 0]
    error = ratio * np.hypot(seen[:, 0, 1] / seen[:, 0, 0], seen[:, 1, 1] / seen[:, 1, 0])
    fluence = np.array([piece.value for piece in pieces])
    place = found.attempt("fast_component_onset", lambda: onset(fluence * 1e6, ratio / ratio[0], RISEN, unit="µJ/cm²"))
    if place is not None:
        strong, weak = (pieces[int(np.argmin(np.abs(np.log(fluence * 1e6 / (share * place.value)))))] for share in (STRONG, WEAK))
        found.attempt("biexciton_lifetime", lambda: _left_over(strong, weak, age))
    return {"early_share": CurveData("pump.fluence", fluence, ratio, "1", "Light within 0.1 ns over that after 0.5 ns", error)}


def _left_over(strong: Piece, weak: Piece, age: np.ndarray) -> Result:
    """Fit one exponential to what the strong decay holds beyond the weak one."""
    tail, fitted = age > SINGLE_NS, (age >= FAST_NS[0]) & (age <= FAST_NS[1])
    if strong is weak or weak.counts[tail].sum() <= 0:
        raise AnalysisError("The fast component needs a decay at three times its onset and one at half of it. Widen the series.")
    share = strong.counts[tail].sum() / weak.counts[tail].sum()
    extra, error = strong.counts - share * weak.counts, np.sqrt(strong.counts + share**2 * weak.counts + 1.0)
    scale = FAST_NS[1] / 6.0

    def law(constants: np.ndarray) -> np.ndarray:
        return constants[0] * np.exp(-age[fitted] / (scale * constants[1]))

    fit: Fit = nonlinear_fit(law, [float(extra[fitted].max()), 1.0], extra[fitted], error[fitted], what="The fast component")
    estimator = f"decay at {strong.value * 1e6:.3g} less that at {weak.value * 1e6:.3g} µJ/cm², one exponential"
    return Result(float(fit.values[1]) * scale / NS, float(fit.stderr[1]) * scale / NS, "ps", estimator, goodness=fit.goodness)

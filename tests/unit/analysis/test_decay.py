"""Lifetimes behind a 180 ps instrument at 78 MHz: what reconvolution gives back and what a tail fit makes of it."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from scipy.stats import exponnorm

from labctl.analysis.decay import fit_decay
from labctl.analysis.decay_model import Response, Timing, decay, live_share, response
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

LASER = Timing(bin_ps=4.0, period_ps=1e6 / 78)
BINS = int(LASER.period_ps / LASER.bin_ps)
TIME = np.arange(BINS) * LASER.bin_ps
WIDTH, START = 180.0 / 2.354820, 1000.0


def truth(lifetime: float, timing: Timing = LASER, later: float = 0.0, width: float = WIDTH) -> np.ndarray:
    """Give the exact histogram of one exponential: exponentially modified Gaussians of all earlier pulses and the next."""
    time = np.arange(int(timing.period_ps / timing.bin_ps)) * timing.bin_ps
    pulses = range(-1, int(12 * lifetime / timing.period_ps) + 2)
    density = [exponnorm.pdf(time + k * timing.period_ps, lifetime / width, loc=START + later, scale=width) for k in pulses]
    return np.sum(density, axis=0) * timing.bin_ps


def gaussian(timing: Timing = LASER, width: float = WIDTH, counts: float = 2e6) -> np.ndarray:
    time = np.arange(int(timing.period_ps / timing.bin_ps)) * timing.bin_ps
    shape = np.exp(-0.5 * ((time - START) / width) ** 2)
    return shape / shape.sum() * counts


IRF = response(np.random.default_rng(0).poisson(gaussian() + 0.3), LASER)


def seen(rng: np.random.Generator, lifetime: float, *, counts: float = 3e5, later: float = 12.7,
         scatter: float = 0.0) -> np.ndarray:
    pump = np.interp(TIME - later, TIME, gaussian(counts=1.0))
    return rng.poisson(counts * ((1 - scatter) * truth(lifetime, later=later) + scatter * pump) + 0.5)


# ------------------------------------------------------------------ the model
@pytest.mark.parametrize("lifetime", [5.0, 49.0, 268.0, 3100.0, 16900.0])
@pytest.mark.parametrize("shift", [0.0, 4.0, 13.7, -21.3])
def test_model_is_the_exponentially_modified_gaussian_of_all_pulses(lifetime: float, shift: float) -> None:
    clean = Response(gaussian(counts=1.0), LASER.bin_ps)
    exact = truth(lifetime, later=shift)
    assert decay(clean, lifetime, LASER, shift) == pytest.approx(exact, abs=3e-4 * exact.max())


def test_response_loses_its_background_and_keeps_its_tail() -> None:
    tail = 0.06 * gaussian(width=2 * WIDTH)
    made = response(gaussian() + np.roll(tail, 87) + 50, LASER)
    assert made.shape.sum() == pytest.approx(1)
    assert made.shape[:100].sum() == pytest.approx(0, abs=1e-4)
    assert made.centroid_ps == pytest.approx(START + 350 * 0.06 / 1.06, abs=2)
    assert made.fwhm_ps == pytest.approx(180, abs=3)


@pytest.mark.parametrize(("counts", "reason"), [
    (np.zeros(BINS), "holds no counts"), (gaussian(counts=500), "500 counts"), (truth(3000.0) * 1e6, "room light"),
])
def test_response_that_is_none_is_refused(counts: np.ndarray, reason: str) -> None:
    with pytest.raises(AnalysisError, match=reason):
        response(counts, LASER)


# ------------------------------------------------------------------ recovery
@pytest.mark.parametrize("lifetime", [49.0, pytest.param(268.0, marks=pytest.mark.soak), 3100.0])
def test_lifetime_and_shift_are_recovered_with_honest_errors(recover, lifetime: float) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = fit_decay(seen(rng, lifetime), IRF, LASER, systematics=False)
        assert fit.shift is not None
        return fit.lifetime, fit.shift

    recover(draw, lifetime, 12.7, share=0.15).insist(bias=1.0)


def straight_tail(time: np.ndarray, counts: np.ndarray, baseline_until: float) -> float:
    """Draw the line of a log plot from the peak to a tenth of it over the counts before the pulse, as is often done by hand."""
    height = counts - counts[time < baseline_until].mean()
    peak = int(np.argmax(height))
    end = peak + int(np.flatnonzero(height[peak:] < 0.1 * height[peak])[0]) if np.any(height[peak:] < 0.1 * height[peak]) else None
    tail = slice(peak, end)
    return -1 / np.polyfit(time[tail], np.log(np.maximum(height[tail], 1.0)), 1)[0]


def test_naive_tail_and_reconvolution_of_the_same_histograms() -> None:
    """The table of the twin's specification: the tail fit errs by up to a factor of two where reconvolution does not."""
    rng = np.random.default_rng(5)
    for lifetime, naive, tolerance in ((49.0, 90, 10), (268.0, 275, 5), (3100.0, 2920, 60), (16900.0, 6800, 900)):
        counts = seen(rng, lifetime, counts=1e6)
        assert straight_tail(TIME, counts, START - 300) == pytest.approx(naive, abs=tolerance)
        fit = fit_decay(counts, IRF, LASER, systematics=False).lifetime
        assert abs(fit.value - lifetime) < 4 * fit.stderr + 0.2


def test_fixed_shift_wrong_by_20_ps_turns_49_into_63_ps() -> None:
    """Least squares weighted with the counts reads 61.7 ps: a wrong model has as many answers as estimators."""
    counts = seen(np.random.default_rng(6), 49.0, counts=1e6, later=20.0)
    fixed = fit_decay(counts, IRF, LASER, shift_ps=0.0, shift_error_ps=20.0, scatter=False)
    assert fixed.lifetime.value == pytest.approx(63.5, abs=0.5)
    assert fixed.lifetime.systematic > 10
    assert fixed.shift is None
    free = fit_decay(counts, IRF, LASER)
    assert free.lifetime.value == pytest.approx(49.0, abs=0.8)
    assert free.shift.value == pytest.approx(20.0, abs=0.8)
    assert fixed.lifetime.goodness > 2 * free.lifetime.goodness


def test_width_of_the_response_is_the_systematic_error() -> None:
    """An IRF 2 % too narrow reads 49 ps as 50.8 ps."""
    counts = seen(np.random.default_rng(7), 49.0, counts=1e6)
    fit = fit_decay(counts, IRF, LASER)
    assert fit.lifetime.systematic == pytest.approx(1.9, abs=0.3)
    narrow = fit_decay(counts, IRF.moved(0.0, 0.98), LASER, systematics=False, scatter=False)
    assert narrow.lifetime.value == pytest.approx(50.8, abs=0.4)


def test_lifetime_far_below_the_response_says_that_it_rests_on_it() -> None:
    fit = fit_decay(seen(np.random.default_rng(8), 25.0, counts=1e6), IRF, LASER)
    assert "instrument response" in fit.lifetime.note
    assert fit.lifetime.systematic > 3 * fit.lifetime.stderr
    assert not fit_decay(seen(np.random.default_rng(8), 268.0), IRF, LASER).lifetime.note


def test_lifetime_beyond_the_period_asks_for_a_lower_rate() -> None:
    assert "lower the repetition rate" in fit_decay(seen(np.random.default_rng(9), 16900.0), IRF, LASER).lifetime.note


def test_scattered_light_is_found_where_it_is_and_only_there() -> None:
    rng = np.random.default_rng(10)
    lit = fit_decay(seen(rng, 268.0, counts=1e6, scatter=0.05), IRF, LASER, systematics=False)
    assert lit.scatter is not None
    assert lit.scatter.value == pytest.approx(0.05, abs=4 * lit.scatter.stderr)
    assert lit.lifetime.value == pytest.approx(268, abs=3)
    assert sum(fit_decay(seen(rng, 268.0), IRF, LASER, systematics=False).scatter is None for _ in range(5)) >= 4


def test_two_lifetimes_and_their_averages(recover) -> None:
    """The ligand-exchanged film: amplitudes and averages as defined in the formulas."""
    slow = Timing(bin_ps=64.0, period_ps=1e5)
    irf = response(gaussian(slow, counts=1e6), slow)
    mixture = 4e5 * (0.3 * truth(4500.0, slow) + 0.7 * truth(18000.0, slow)) + 1
    a = np.array([0.3 / 4500, 0.7 / 18000])
    averages = a @ [4500, 18000] / a.sum(), a @ np.square([4500, 18000]) / (a @ [4500, 18000])

    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = fit_decay(rng.poisson(mixture), irf, slow, components=2, systematics=False, scatter=False)
        return *fit.lifetimes, fit.amplitudes[0], fit.amplitude_average, fit.intensity_average

    recover(draw, 4500.0, 18000.0, a[0] / a.sum(), *averages, share=0.2).insist(bias=1.0)


def test_three_lifetimes() -> None:
    slow = Timing(bin_ps=32.0, period_ps=5e4)
    irf = response(gaussian(slow, counts=1e6), slow)
    mixture = 2e6 * (0.2 * truth(300.0, slow) + 0.3 * truth(2000.0, slow) + 0.5 * truth(12000.0, slow)) + 1
    fit = fit_decay(np.random.default_rng(11).poisson(mixture), irf, slow, components=3, systematics=False)
    for found, true in zip(fit.lifetimes, (300, 2000, 12000), strict=True):
        assert abs(found.value - true) < 4 * found.stderr
    assert fit.model.sum() == pytest.approx(2e6, rel=0.01)


# ------------------------------------------------------------------ pile-up
def record(rng: np.random.Generator, expected: np.ndarray, timing: Timing) -> np.ndarray:
    """Simulate the counter: `expected` detections per pulse and bin, dead for the dead time after each one it records."""
    per_pulse = expected.sum()
    arrivals = np.cumsum(rng.exponential(1 / per_pulse, int(1.05 * timing.pulses * per_pulse)))
    arrivals = arrivals[arrivals < timing.pulses]
    bins = np.interp(arrivals % 1, np.concatenate([[0], np.cumsum(expected)]) / per_pulse, np.arange(len(expected) + 1))
    moments = np.floor(arrivals) * timing.period_ps + bins * timing.bin_ps
    counts, ready = np.zeros(len(expected)), -np.inf
    for moment, place in zip(moments.tolist(), bins.astype(int).tolist(), strict=True):
        if moment >= ready:
            counts[place] += 1
            ready = moment + timing.dead_time_ps
    return counts


@pytest.mark.parametrize("period_ps", [12.8e3, 100e3])
def test_live_share_undoes_dead_time_and_pile_up(period_ps: float) -> None:
    """At 0.2 detections per pulse, for a dead time of many periods and for one of about a period."""
    timing = Timing(bin_ps=64.0, period_ps=period_ps, dead_time_ps=95e3, pulses=1e6)
    expected = 0.2 * truth(3100.0, timing)
    counts = record(np.random.default_rng(12), expected, timing)
    share = live_share(counts, timing)
    assert (counts / share).sum() == pytest.approx(expected.sum() * 1e6, rel=0.02)
    filled = counts > 100
    pulls = (counts - expected * share * 1e6)[filled] / np.sqrt(counts[filled])
    assert abs(pulls.mean()) < 0.35
    assert pulls.std() < 1.2


def test_unmodelled_pile_up_shortens_3100_to_2940_ps() -> None:
    timing = Timing(bin_ps=64.0, period_ps=100e3, dead_time_ps=95e3, pulses=1.5e6)
    irf = response(gaussian(timing, counts=1e6), timing)
    counts = record(np.random.default_rng(13), 0.2 * truth(3100.0, timing), timing)
    blind = fit_decay(counts, irf, Timing(64.0, 100e3), systematics=False, scatter=False).lifetime
    seeing = fit_decay(counts, irf, timing, systematics=False).lifetime
    assert blind.value == pytest.approx(2940, abs=40)
    assert abs(seeing.value - 3100) < 4 * seeing.stderr


def test_hopeless_pile_up_is_refused() -> None:
    timing = Timing(bin_ps=64.0, period_ps=12.8e3, dead_time_ps=95e3, pulses=1e6)
    with pytest.raises(AnalysisError, match="Dim the detection, never the pump"):
        live_share(np.full(200, 700.0), timing)


# ------------------------------------------------------------------ refusals
def test_second_component_that_is_not_there_is_refused() -> None:
    with pytest.raises(AnalysisError, match=r"not significant|not resolved|cannot tell|fewer components|shorter than"):
        fit_decay(seen(np.random.default_rng(14), 268.0), IRF, LASER, components=2)


def test_scattered_light_alone_gives_no_lifetime_or_one_that_may_be_nothing() -> None:
    for seed in range(3):
        with suppress(AnalysisError):
            fit = fit_decay(np.random.default_rng(seed).poisson(gaussian(counts=3e4)), IRF, LASER)
            assert fit.lifetime.value < 2 * fit.lifetime.systematic
            assert "instrument response" in fit.lifetime.note


def test_response_itself_is_refused_as_too_short() -> None:
    with pytest.raises(AnalysisError, match=r"shorter than .* ps"):
        fit_decay(np.round(IRF.shape * 1e6).clip(0), IRF, LASER)


@pytest.mark.parametrize(("counts", "reason"), [
    (np.zeros(len(IRF.shape)), "holds 0 counts"), (np.full(len(IRF.shape), 0.5), "whole counts"), (np.ones(7), "7 bins"),
])
def test_histograms_that_are_none_are_refused(counts: np.ndarray, reason: str) -> None:
    with pytest.raises(AnalysisError, match=reason):
        fit_decay(counts, IRF, LASER)

"""Response time of a switched trace, the error of its clock, and when it has none."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.response import Edge, crossing_time, exponential_time, fold, timing_error
from labctl.core.errors import AnalysisError

TAU = 0.030                     # s: the charging of the device, 10-90 % in 66 ms
TRUE = np.log(9) * TAU


def averaged(time: np.ndarray, exposure: float) -> np.ndarray:
    """Give the exponential edge at t = 0, averaged over each exposure."""
    late, early = (np.clip(time + side * exposure / 2, 0, None) for side in (1, -1))
    return ((late - early) + TAU * (np.exp(-late / TAU) - np.exp(-early / TAU))) / exposure


def edge(rng: np.random.Generator, noise: float = 0.03, exposure: float = 0.004, fall: bool = False) -> Edge:
    time = np.arange(-0.1, 0.3, exposure) + rng.uniform(0, exposure)
    height = averaged(time, exposure)
    signal = 1000 * ((1 - 0.8 * height if fall else 0.2 + 0.8 * height) + rng.normal(0, noise, len(time)))
    return Edge(time, signal, np.full(len(time), 1000 * noise), exposure)


@pytest.mark.parametrize("fall", [False, True])
def test_exponential_gives_66_ms_with_an_honest_error(recover, fall: bool) -> None:
    recover(lambda rng: exponential_time(edge(rng, fall=fall)), TRUE, share=0.5).insist()


def test_crossings_agree_with_the_exponential() -> None:
    rng = np.random.default_rng(1)
    values = np.array([crossing_time(edge(rng)).value for _ in range(40)])
    assert values.mean() == pytest.approx(TRUE, rel=0.1)
    claimed = crossing_time(edge(rng))
    assert 0.4 < values.std() / claimed.stderr < 2.5


def test_exposure_is_taken_out_of_the_exponential_and_stays_in_the_crossings() -> None:
    rng = np.random.default_rng(2)
    slow = edge(rng, noise=0.003, exposure=0.020)
    assert exponential_time(slow).value == pytest.approx(TRUE, rel=0.05)
    assert crossing_time(slow).value > 1.02 * TRUE


def test_folded_cycles_have_a_finer_clock() -> None:
    rng = np.random.default_rng(3)
    time = np.arange(0, 41, 0.0377)
    edges = np.arange(1.0, 40.0, 2.0)
    since = time[:, None] - edges[None, :]
    last = np.where((since > -0.3) & (since < 0.9), since, np.inf).min(axis=1)
    signal = 1000 * (0.2 + 0.8 * averaged(np.where(np.isfinite(last), last, 0), 0.0377)) + rng.normal(0, 10, len(time))
    frames, moments = fold(time, edges, 0.2, 0.6)
    assert np.all(np.diff(moments) >= 0)
    many = exponential_time(Edge(moments, signal[frames], np.full(len(frames), 10.0), 0.0377))
    assert many.value == pytest.approx(TRUE, rel=0.1)
    assert many.systematic < 0.1 * TRUE


def test_clock_that_jitters_is_the_systematic_error_or_the_refusal() -> None:
    rng = np.random.default_rng(4)
    good = edge(rng)
    shaky = Edge(good.time_s, good.signal, good.sigma, good.exposure_s, jitter_s=0.010)
    assert exponential_time(shaky).systematic == pytest.approx(0.0142, rel=0.02)
    hopeless = Edge(good.time_s, good.signal, good.sigma, good.exposure_s, jitter_s=0.020)
    for estimator in (exponential_time, crossing_time):
        with pytest.raises(AnalysisError, match="from the clock alone"):
            estimator(hopeless)
    assert timing_error(good, len(good.time_s)) < 0.002


def test_edge_faster_than_the_frames_is_refused() -> None:
    time = np.arange(-1.0, 1.0, 0.1)
    step = np.where(time > 0.01, 1000.0, 200.0) + np.random.default_rng(5).normal(0, 5, len(time))
    with pytest.raises(AnalysisError, match=r"faster than the frames|from the clock alone"):
        crossing_time(Edge(time, step, np.full(len(time), 5.0), 0.1))


def test_insulated_sample_does_not_respond() -> None:
    rng = np.random.default_rng(6)
    flat = Edge(np.arange(-0.1, 0.3, 0.004), 1000 + rng.normal(0, 30, 100), np.full(100, 30.0), 0.004)
    with pytest.raises(AnalysisError, match="do not differ clearly"):
        exponential_time(flat)

"""Decays that other laboratories measured and published: the fits describe them, or their residuals say that they do not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from labctl.analysis.decay_tail import Tail, fit_tail
from labctl.core.errors import AnalysisError

FILES = Path(os.environ.get("LABCTL_REAL_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data" / "real")


def read(name: str, heading: int) -> np.ndarray:
    """Give the columns of a file as (columns, rows); skip the test where the files are not at hand."""
    path = FILES / name
    if not path.is_file():
        pytest.skip(f"{name} is not at hand")
    return np.genfromtxt(path, delimiter=",", skip_header=heading).T


@pytest.fixture(scope="module")
def powers() -> np.ndarray:
    """Time in ns, then counts at five rising pump powers."""
    return read("ise_trpl_sample1.csv", 4)


@pytest.fixture(scope="module")
def raw() -> tuple[np.ndarray, np.ndarray]:
    """Time in ns and counts, with the background put back: before the pulse the variance of counts is their mean."""
    time, counts = read("metrotrpl_G700_N0_raw.csv", 1)
    before = counts[time < -2]
    return time, np.round(counts - before.mean() + before.var())


def chi2(fit: Tail) -> float:
    return fit.lifetimes[0].goodness or 0.0


@pytest.mark.parametrize(("power", "lifetime"), [(1, 6.2), (2, 8.1)])
def test_weakly_pumped_sample_decays_with_one_exponential(powers: np.ndarray, power: int, lifetime: float) -> None:
    time, counts = powers[0], powers[power]
    fit = fit_tail(time, counts, start=time[np.argmax(counts)] + 20, unit="ns")
    assert chi2(fit) == pytest.approx(1, abs=0.06)
    assert fit.lifetimes[0].value == pytest.approx(lifetime, abs=0.3)
    with pytest.raises(AnalysisError, match="not significant"):
        fit_tail(time, counts, start=time[np.argmax(counts)] + 20, components=2, unit="ns")


def test_strongly_pumped_sample_needs_two_and_gets_them(powers: np.ndarray) -> None:
    time, counts = powers[0], powers[5]
    start = time[np.argmax(counts)] + 20
    one, two = (fit_tail(time, counts, start=start, components=k, unit="ns") for k in (1, 2))
    assert chi2(one) > 5
    assert chi2(two) < 1.15
    assert [t.value for t in two.lifetimes] == pytest.approx([64, 183], rel=0.05)


def test_lifetime_grows_with_the_pump(powers: np.ndarray) -> None:
    time = powers[0]
    found = [fit_tail(time, c, start=time[np.argmax(c)] + 20, unit="ns").lifetimes[0].value for c in powers[1:]]
    assert found == sorted(found)


def test_decay_of_changing_rate_shows_in_the_residuals(powers: np.ndarray) -> None:
    """Recombination of pairs is no exponential: the goodness says so instead of a comfortable number."""
    time, counts = powers[0], powers[3]
    assert chi2(fit_tail(time, counts, start=time[np.argmax(counts)] + 20, unit="ns")) > 10


def test_background_that_was_subtracted_is_asked_for() -> None:
    time, counts = read("metrotrpl_G700_N0_raw.csv", 1)
    with pytest.raises(AnalysisError, match="Add it back"):
        fit_tail(time, counts, start=10, unit="ns")


def test_late_decay_over_a_background(raw: tuple[np.ndarray, np.ndarray]) -> None:
    time, counts = raw
    fits = [fit_tail(time, counts, start=20, components=k, unit="ns") for k in (1, 2)]
    assert chi2(fits[0]) > chi2(fits[1])
    assert chi2(fits[1]) < 1.2
    assert fits[1].background.value == pytest.approx(counts[time < -2].mean(), rel=0.05)
    middle = len(fits[1].residuals) // 2
    assert abs(fits[1].residuals[:middle].mean()) < 0.1

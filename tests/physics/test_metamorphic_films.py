"""Change one constant of a film, measure as before: rows of the metamorphic table that the other files do not hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.score import wang


@pytest.fixture(scope="module")
def bands():
    """Bands A and B of the film at 10 K, its biexcitons bound by 50 and by 55 meV; the same noise."""
    found = {}
    record = wang.load_sample
    for more_ev in (0.0, 0.005):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wang, "load_sample", lambda name, more=more_ev: _bound(record(name), more))
            found[more_ev] = wang.estimate_cold(wang.cold_series(5))
    return found


def _bound(sample, more_ev):
    return replace(sample, lines=replace(sample.lines, biexciton_shift_ev=sample.lines.biexciton_shift_ev + more_ev))


def test_more_binding_moves_the_bands_apart(bands) -> None:
    assert bands[0.005]["biexciton_binding"] - bands[0.0]["biexciton_binding"] == pytest.approx(5.8, abs=1.0)


@pytest.mark.parametrize(("name", "stderr"), [("exciton_slope", 0.003), ("biexciton_slope", 0.008)])
def test_more_binding_changes_no_slope(bands, name, stderr) -> None:
    assert bands[0.005][name] == pytest.approx(bands[0.0][name], abs=3 * 2**0.5 * stderr)

"""docs/reference/estimators.md has a row for every result of every case, and its generator counts right."""

from __future__ import annotations

import numpy as np
import pytest

from docs import estimators_reference

QUICK = ("threshold: kink", "threshold: x-intercept", "power law", "Malus", "tail", "occupancy", "Gaussian line")


def test_page_has_a_row_for_every_result() -> None:
    page = estimators_reference.PAGE.read_text(encoding="utf-8")
    for name in QUICK:
        for result in estimators_reference.CASES[name](np.random.default_rng(1)):
            assert f"| {name} | {result} |" in page, "run 'make recovery'"
    assert all(f"- **{name}**: " in page for name in estimators_reference.CASES), "run 'make recovery'"


@pytest.mark.parametrize("name", QUICK)
def test_few_draws_agree_with_the_page(name: str) -> None:
    """The first draws of the table again: a bias or a dishonest error of an estimator shows here."""
    for row in estimators_reference.recover(name, draws=40):
        assert abs(row.pull) < 1.0, row
        assert row.coverage >= 0.8, row
        assert row.refused == 0


def test_rows_count_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from labctl.core.errors import AnalysisError
    from labctl.core.plan import Result

    def draw(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
        value = 10 + rng.normal()
        if value > 12:
            raise AnalysisError("too far")
        return {"x": (Result(value, 1.0, "nm", "mean"), 10.0)}

    monkeypatch.setitem(estimators_reference.CASES, "plain", draw)
    (row,) = estimators_reference.recover("plain", draws=400)
    assert row.draws + row.refused == 400
    assert row.refused == pytest.approx(400 * 0.0228, abs=12)
    assert row.coverage == pytest.approx(0.975, abs=0.02)       # the far upper end is refused

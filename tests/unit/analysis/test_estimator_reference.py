"""docs/reference/estimators.md has a row for every result of every case, and its generator counts right."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("estimators_reference", DOCS / "estimators_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


QUICK = ("threshold: kink", "threshold: x-intercept", "power law", "Malus", "tail", "occupancy", "Gaussian line")


def test_page_has_a_row_for_every_result(generator: ModuleType) -> None:
    page = generator.PAGE.read_text(encoding="utf-8")
    for name in QUICK:
        for result in generator.CASES[name](np.random.default_rng(1)):
            assert f"| {name} | {result} |" in page, "run 'make recovery'"
    assert all(f"- **{name}**: " in page for name in generator.CASES), "run 'make recovery'"


@pytest.mark.parametrize("name", QUICK)
def test_few_draws_agree_with_the_page(generator: ModuleType, name: str) -> None:
    """The first draws of the table again: a bias or a dishonest error of an estimator shows here."""
    for row in generator.recover(name, draws=40):
        assert abs(row.pull) < 1.0, row
        assert row.coverage >= 0.8, row
        assert row.refused == 0


def test_rows_count_what_they_say(generator: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from labctl.core.errors import AnalysisError
    from labctl.core.plan import Result

    def draw(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
        value = 10 + rng.normal()
        if value > 12:
            raise AnalysisError("too far")
        return {"x": (Result(value, 1.0, "nm", "mean"), 10.0)}

    monkeypatch.setitem(generator.CASES, "plain", draw)
    (row,) = generator.recover("plain", draws=400)
    assert row.draws + row.refused == 400
    assert row.refused == pytest.approx(400 * 0.0228, abs=12)
    assert row.coverage == pytest.approx(0.975, abs=0.02)       # the far upper end is refused

"""The instrument response as a run of its own: its width is the twin's, and later decays are fitted with it."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.errors import Refused

BENCH = "ying2021-trpl"
QUICK = {"response_counts": 5e4}


@pytest.fixture
def counted(calibrated, tmp_path):
    """Run a procedure on the bench with the photon counter."""
    calibrated(BENCH)

    def run(name, values=None, seed=3):
        with api.open_bench(BENCH) as bench:
            return api.run(name, bench, values or {}, order=api.Order(name, tmp_path, seed=seed, figure=False))
    return run


def test_width_and_place_are_kept_and_serve_a_decay_without_counting_anew(counted) -> None:
    first = counted("irf", QUICK)
    assert first.status == "done", first.problems
    assert first.results["irf_fwhm"].value == pytest.approx(180.0, rel=0.05)      # of the twin's counter, at a low rate
    second = counted("irf", QUICK, seed=4)
    assert abs(second.results["irf_shift"].value) < 5 * second.results["irf_shift"].stderr
    outcome = counted("trpl", {"stored": "yes", "wanted": 2e4})
    assert outcome.status == "done", outcome.problems
    with api.load(outcome.run) as run:
        assert not len(run.select("reference"))
    assert outcome.results["lifetime"].value == pytest.approx(0.050, abs=0.015)   # ns, of the stimulated pair


@pytest.mark.parametrize(("name", "values", "field", "text"), [
    ("trpl", {"stored": "yes", "wavelength": 520.0}, "stored", "the pump is to stand at 520 nm"),
    ("irf", {"fluence": "1 J/cm^2"}, "fluence", "the reach at 495 nm"),
    ("irf", {"thinnest": 4, "densest": 2}, "densest", "is not denser"),
    ("irf", {"long_pass": 2}, "long_pass", "has no detection.filter"),
])
def test_wrong_input_is_refused(counted, name, values, field, text) -> None:
    if name == "trpl":
        counted("irf", QUICK)
    with pytest.raises(Refused) as caught:
        counted(name, values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems

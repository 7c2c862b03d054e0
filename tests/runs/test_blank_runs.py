"""Runs that name another run: refused while it is not there or not complete, found again when the file is opened later."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.errors import AnalysisError, Refused

FEW = {"start": 524.0, "stop": 528.0, "step": 1.0, "dark_frames": 1}


def test_a_blank_that_is_not_there_is_refused_before_anything_moves(run_ple) -> None:
    with pytest.raises(Refused, match=r"blank: There is no run 99 below"):
        run_ple(blank="99", **FEW)


def test_a_run_as_its_own_blank_leaves_nothing(run_ple, tmp_path) -> None:
    """The same scan subtracted: no pair is left to be found, and the error says so; the file knows its blank by number."""
    first = run_ple(seed=1, **FEW)
    assert first.status == "done"
    with api.load(first.run) as run:
        number = str(run.header["run_number"])
    second = run_ple(seed=2, blank=number, **FEW)
    assert second.status == "done"
    assert "resonance_nm" not in second.results
    with api.load(second.run) as run:
        assert run.parameters["blank"] == number
        assert run.other(number).run_id == first.run_id
        with pytest.raises(AnalysisError, match="98"):
            run.other("98")

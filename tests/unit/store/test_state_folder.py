"""The state folder: calibrations kept, newest first, none lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labctl.core.calibration import Calibration
from labctl.core.errors import StoreError
from labctl.store import state

CALIBRATION = Calibration(
    kind="power_calibration", model="half_wave_plate", curve={"wavelength_nm": np.array([500.0, 510.0]), "offset_deg": 0.1 + 0.2},
    valid={"pump.wavelength": (500.0, 510.0)}, serials={"laser": "17"}, date="2026-11-21T13:00:00+00:00", residuals=(0.01, -0.02),
    uncertainty=0.03, units={"offset_deg": "deg"}, simulated=True, run_id="ab",
)


def test_calibration_comes_back_exactly(tmp_path):
    path = state.save_calibration(tmp_path, "ying2021", CALIBRATION)
    assert path.parent == tmp_path / "calibrations" / "ying2021" / "power_calibration"
    found, = state.newest_calibrations(tmp_path, "ying2021", "power_calibration")
    assert found.to_json() == CALIBRATION.to_json()


@pytest.mark.parametrize(("simulated", "expected"), [(False, ["d", "c", "b", "a"]), (True, ["c", "d", "a", "b"])])
def test_newest_comes_first_by_date_then_by_order_of_keeping_and_simulated_ones_by_order_alone(tmp_path, simulated, expected):
    for run_id, date in (("b", "21T13:00:00"), ("a", "20T13:00:00.5"), ("d", "21T13:00:00.000001"), ("c", "21T13:00:00")):
        date = f"2026-11-{date}+00:00"
        state.save_calibration(tmp_path, "ying2021", replace(CALIBRATION, date=date, run_id=run_id, simulated=simulated))
    assert [c.run_id for c in state.newest_calibrations(tmp_path, "ying2021", "power_calibration")] == expected


def test_benches_and_kinds_are_kept_apart(tmp_path):
    state.save_calibration(tmp_path, "ying2021", CALIBRATION)
    assert state.newest_calibrations(tmp_path, "ying2021-varia", "power_calibration") == []
    assert state.newest_calibrations(tmp_path, "ying2021", "response_calibration") == []


def test_damaged_calibration_is_named_not_passed_over(tmp_path):
    path = state.save_calibration(tmp_path, "ying2021", CALIBRATION)
    path.write_text("{")
    with pytest.raises(StoreError, match=path.name):
        state.newest_calibrations(tmp_path, "ying2021", "power_calibration")


def test_bench_name_cannot_leave_the_folder(tmp_path):
    with pytest.raises(StoreError, match="rename the bench"):
        state.save_calibration(tmp_path, "../elsewhere", CALIBRATION)


def test_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "here"))
    assert state.folder() == tmp_path / "here"
    monkeypatch.delenv("LABCTL_STATE")
    assert state.folder().is_absolute()
    assert "labctl" in Path(state.folder()).parts

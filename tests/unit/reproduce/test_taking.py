"""What a task begins with."""

from __future__ import annotations

from labctl.reproduce.taking import Task, _recall


def test_calibrations_are_those_of_the_beginning_again(tmp_path):
    earlier, state = tmp_path / "earlier", tmp_path / "state"
    (earlier / "calibrations").mkdir(parents=True)
    (earlier / "calibrations" / "power.json").write_text("taken first")
    task = Task("paper", "experiment", 0, tmp_path / "out", state, calibrated=(earlier,))
    _recall(task)
    (state / "calibrations" / "power.json").write_text("taken since")
    (state / "calibrations" / "pickoff.json").write_text("taken since")
    _recall(task)
    assert {path.name: path.read_text() for path in (state / "calibrations").iterdir()} == {"power.json": "taken first"}

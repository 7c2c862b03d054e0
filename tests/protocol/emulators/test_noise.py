"""Where emulators take their noise from: the visit of a point, in one way, so that a repeated point repeats it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sim_instruments
from labctl import api

EMULATORS = sorted(Path(sim_instruments.__file__).parent.glob("*.py"))
OF_ITS_OWN = {
    "wire.py": 1,               # which replies a planned fault hits
    "picoharp_counter.py": 1,   # what a rate meter shows in one gate: seeded by the measurement
}


@pytest.mark.parametrize("path", EMULATORS, ids=lambda path: path.stem)
def test_no_emulator_has_a_generator_of_its_own(path):
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"default_rng\(|import random|RandomState", text)) == OF_ITS_OWN.get(path.name, 0)
    if path.name not in ("wire.py", "faults.py"):
        assert not re.search(r"\b(self|device|meter)\.draw\b", text), "the generator for faults is no source of noise"


@pytest.mark.parametrize(("bench", "role", "question"), [
    ("qin2021", "bias", "voltage"), ("ying2021-cryostat", "cryostat", "temperature"), ("ying2021", "power_meter", "power")])
def test_what_is_read_at_a_point_is_read_there_again(labctl_state, bench, role, question):
    def readings(opened, index):
        opened.point(7, index)
        return [getattr(driver, question) for _ in range(3)]

    with api.open_bench(bench) as opened:
        driver = opened.devices[role].driver
        if role == "bias":
            opened.move({"bias.voltage": 3.0})
        before = opened.checkpoint()
        first, other = readings(opened, 4), readings(opened, 5)
        opened.restore(before)
        again = readings(opened, 4)
    assert first == again
    assert len({*first, *other}) > 3, "there is noise"

"""What may be varied, how it is written, and what is refused before anything is run."""

from __future__ import annotations

import pytest

from labctl.core import registry
from labctl.core.errors import Refused
from labctl.core.procedure import Procedure
from labctl.ensembles.asking import asked, spread
from labctl.ensembles.folder import Folder, Record

SNAPSHOT = registry.find("procedure", "snapshot").declarations()


@pytest.mark.parametrize(("name", "given", "values"), [
    ("seed", "0:4", (0, 1, 2, 3)),
    ("seed", "7", (7,)),
    ("seed", "3, 1, 10:14:2", (3, 1, 10, 12, 14)),
    ("seed", range(2), (0, 1)),
    ("frames", "1:3", (1, 2)),
    ("exposure", "100 ms, 1 s", (0.1, 1.0)),
    ("exposure", "0.1:0.3:0.1", (0.1, 0.2, pytest.approx(0.3))),
    ("exposure", [0.5, "20 ms"], (0.5, 0.02)),
    ("sample", "wang2015; xiong2022", ("wang2015", "xiong2022")),
    ("sample", "wang2015", ("wang2015",)),
])
def test_values_are_read_as_people_write_them(name, given, values):
    assert spread(name, given, SNAPSHOT) == values


def refusals(**what):
    arguments = {"procedure": "snapshot", "bench": "xiong2022", "over": {"seed": "0:2"}, **what}
    with pytest.raises(Refused) as refused:
        asked(**arguments)
    return {problem.field: problem.text for problem in refused.value.problems}


@pytest.mark.parametrize(("over", "field", "word"), [
    ({}, "over", "seed=0:64"),
    ({"sed": "0:2"}, "over", "seed"),
    ({"seed": "4:4"}, "seed", "no value"),
    ({"seed": "-1:2"}, "seed", "-1"),
    ({"seed": [1, 1]}, "seed", "more than once"),
    ({"seed": [0.5]}, "seed", "whole number"),
    ({"exposure": "1 kg"}, "exposure", "kg"),
    ({"exposure": "-1"}, "exposure", "below the lowest"),
    ({"sample": "wang2016"}, "sample", "no model of wang2016"),
    ({"seed": "0:400", "frames": "1:400"}, "over", "159600 runs"),
])
def test_what_cannot_be_varied_is_refused(over, field, word):
    assert word in refusals(over=over)[field]


def test_every_problem_is_named_at_once():
    found = refusals(over={"seed": "2:1", "exposure": "long"}, values={"exposure": "1"})
    assert set(found) == {"seed", "exposure"}


def test_a_bench_without_a_twin_is_refused(tmp_path):
    bench = tmp_path / "bare.toml"
    bench.write_text('schema = 1\nname = "bare"\nbackend = "real"\n'
                     '[safety]\nfailsafe = "nothing moves"\n[instruments.wheel]\ndriver = "filter_wheel"\n'
                     'resource = "ASRL/dev/ttyUSB9::INSTR"\n', encoding="utf-8")
    assert "[twin]" in refusals(bench=str(bench))["bench"]


def test_a_procedure_that_only_this_program_knows_is_refused():
    registry.register("procedure", "mine", Procedure)
    try:
        assert "procedures/mine.py" in refusals(procedure="mine")["procedure"]
    finally:
        registry.forget("procedure", "mine")


def test_members_run_through_every_combination_with_keys_of_their_own():
    wanted = asked("snapshot", "xiong2022", {"exposure": "10 ms, 20 ms", "seed": "0:3"})
    members = wanted.members()
    expected = [(exposure, seed) for exposure in (0.01, 0.02) for seed in range(3)]
    assert [tuple(member.where.values()) for member in members] == expected
    assert len({member.key for member in members}) == len(members)
    assert {member.key for member in members} < {
        member.key for member in asked("snapshot", "xiong2022", {"exposure": "10 ms, 20 ms", "seed": "0:4"}).members()}


class TestFolder:
    def test_it_holds_one_ensemble_and_more_of_it(self, tmp_path):
        folder = Folder(tmp_path / "ensemble")
        with folder.held(asked("snapshot", "xiong2022", {"seed": "0:2"})):
            pass
        with folder.held(asked("snapshot", "xiong2022", {"seed": "0:4"})):
            pass
        with pytest.raises(Refused, match="another values"), \
                folder.held(asked("snapshot", "xiong2022", {"seed": "0:2"}, {"frames": "2"})):
            pass

    def test_it_is_held_by_one(self, tmp_path):
        wanted = asked("snapshot", "xiong2022", {"seed": "0:2"})
        with Folder(tmp_path).held(wanted), pytest.raises(Refused, match="in use"), Folder(tmp_path).held(wanted):
            pass

    def test_a_record_counts_when_it_is_whole_and_its_run_is_there(self, tmp_path):
        folder = Folder(tmp_path)
        with folder.held(asked("snapshot", "xiong2022", {"seed": "0:2"})):
            folder.keep(Record("a", 1, {"seed": 0}, "done", run="runs/lost.nxs"))
            folder.keep(Record("b", 2, {"seed": 1}, "refused"))
            (folder.members / "c.json").write_text('{"key": "c", "num', encoding="utf-8")
            assert set(folder.records()) == {"b"}

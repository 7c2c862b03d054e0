"""The how-to on calibrations is true: every command in it names procedures, parameters and benches that go together."""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from labctl import api
from labctl.bench.opening import CALIBRATION_KINDS
from labctl.core import registry

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "calibrate-a-bench.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_its_bench_can_do(command: str) -> None:
    program, verb, name, *options = shlex.split(command)
    assert (program, verb) == ("labctl", "run")
    values = dict(option.split("=") for flag, option in pairwise(options) if flag == "--set")
    bench = options[options.index("--bench") + 1]
    config, _, _ = api.load_bench_file(bench)
    assert api.make_procedure(name, values, config).check() == []


def test_every_kind_of_calibration_is_named() -> None:
    assert [kind for kind in CALIBRATION_KINDS if f"`{kind}`" not in TEXT] == []


def test_words_in_code_type_that_look_like_procedures_are_procedures() -> None:
    table = re.findall(r"^\| [^|]+ \| ([^|]+) \|", TEXT, re.MULTILINE)
    named = {word for cell in table for word in re.findall(r"`(\w+)`", cell)}
    assert named
    assert named <= set(registry.points("procedure"))


def test_the_instruments_described_are_those_of_the_packaged_bench() -> None:
    (example,) = re.findall(r"^```\n(\[instruments\.lamp\].*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    described = tomllib.loads(example)["instruments"]
    config, _, _ = api.load_bench_file("ying2021-calibration")
    for role, told in described.items():
        there = config.instruments[role]
        assert (told["driver"], told["resource"], told.get("optional", False)) == (there.driver, there.resource, there.optional)

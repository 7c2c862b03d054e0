"""Defaults of procedures that a bench file sets: they are valid, and what a person types wins."""

from __future__ import annotations

from importlib import resources

import pytest

from labctl import api
from labctl.bench import config as bench_config
from labctl.core.errors import Refused

BENCHES = sorted(path.name.removesuffix(".toml") for path in resources.files("sim_instruments.benches").iterdir()
                 if path.name.endswith(".toml"))
FILE = """
schema = 1
name = "small"
backend = "simulated"
[twin]
sample = "ying2021"
[instruments.shutter]
driver = "sc10"
resource = "ASRL/dev/ttyUSB3::INSTR"
[procedures.ple]
step = "1 nm"
start = 510.0
"""


@pytest.mark.parametrize("bench", BENCHES)
def test_packaged_benches_set_what_their_procedures_accept(bench: str) -> None:
    config, _, _ = api.load_bench_file(bench)
    for name in config.procedures:
        assert api.make_procedure(name, {}, config).check() == []


def test_the_benchs_default_replaces_the_procedures() -> None:
    made = api.make_procedure("ple", {}, bench_config.parse(FILE, "small.toml"))
    values = made.values()
    assert (values["start"], values["step"], values["stop"]) == (510.0, 1.0, 530.0)


def test_what_is_typed_wins() -> None:
    made = api.make_procedure("ple", {"start": "505 nm"}, bench_config.parse(FILE, "small.toml"))
    assert (made.values()["start"], made.values()["step"]) == (505.0, 1.0)


def test_an_unknown_parameter_in_the_bench_file_is_refused() -> None:
    with pytest.raises(Refused, match="stpe"):
        api.make_procedure("ple", {}, bench_config.parse(FILE.replace("step", "stpe"), "small.toml"))

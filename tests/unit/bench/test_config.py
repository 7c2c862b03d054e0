"""Bench files: every error at once, with file and line."""

from __future__ import annotations

import pytest

from labctl.bench.config import parse
from labctl.core.errors import ConfigError

GOOD = """
schema = 1
name = "mini"
backend = "simulated"
[twin]
sample = "ying2021"
[instruments.ccd]
driver = "andor"
resource = "sdk:0"
"""


def test_a_small_bench_is_a_bench():
    assert parse(GOOD, "mini.toml").simulated


@pytest.mark.parametrize(("change", "words"), [
    (("schema = 1", "schema = 2"), ["mini.toml:2", "schema"]),
    (('backend = "simulated"', 'backend = "imaginary"'), ["mini.toml:4", "backend", "imaginary"]),
    (('driver = "andor"', 'driver = "../andor"'), ["mini.toml:8", "driver", "entry point"]),
    (('name = "mini"', 'nmae = "mini"'), ["mini.toml:3", "nmae", "no such key"]),
    (('resource = "sdk:0"', ""), ["mini.toml:7", "resource"]),
    (("[twin]\nsample", "[twins]\nsample"), ["twin"]),
    (("schema = 1", "schema = = 1"), ["mini.toml:2", "not TOML"]),
])
def test_errors_name_file_line_and_field(change, words):
    with pytest.raises(ConfigError) as caught:
        parse(GOOD.replace(*change), "mini.toml")
    for word in words:
        assert word in str(caught.value)


def test_all_errors_at_once():
    text = GOOD.replace("schema = 1", "schema = 3").replace('driver = "andor"', 'driver = "A B"')
    with pytest.raises(ConfigError) as caught:
        parse(text + "limits = {centre = [5, 1]}\n", "x.toml")
    assert len(str(caught.value).splitlines()) == 3


def test_safety_order_must_name_instruments():
    with pytest.raises(ConfigError, match="laser"):
        parse(GOOD + '[safety]\norder = ["laser"]\n', "x.toml")


def test_real_bench_must_say_its_failsafe():
    with pytest.raises(ConfigError, match="failsafe"):
        parse(GOOD.replace('"simulated"', '"real"'), "x.toml")

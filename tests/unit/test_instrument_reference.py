"""docs/reference/instruments.md is what the code says, and says something about every instrument."""

from __future__ import annotations

import inspect
import sys

import pytest

from docs import instruments_reference
from labctl.core import registry
from labctl.core.errors import DeviceFault


@pytest.mark.parametrize("name", registry.points("driver"))
def test_every_driver_has_a_section_with_commands_and_faults(name):
    section = instruments_reference.section(name)
    driver = registry.find("driver", name)
    assert f"[`{name}`]" in section
    assert "**Commands** `" in section
    assert "**Simulated faults**" in section
    module = sys.modules[driver.__module__]
    for fault in (each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__):
        assert not issubclass(fault, DeviceFault) or f"`{fault.__name__}`" in section


def test_the_page_names_every_driver():
    page = instruments_reference.PAGE.read_text(encoding="utf-8")
    missing = [name for name in registry.points("driver") if f"[`{name}`]" not in page]
    assert missing == [], "run 'make docs-reference'"


def test_what_is_unverified_is_listed():
    assert "unverified" in instruments_reference.section("lakeshore336")
    assert "PAUSE_S = 0.05" in instruments_reference.section("lakeshore336")

"""docs/reference/instruments.md is what the code says, and says something about every instrument."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

from labctl.core import registry
from labctl.core.errors import DeviceFault

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("instruments_reference", DOCS / "instruments_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", registry.points("driver"))
def test_every_driver_has_a_section_with_commands_and_faults(generator, name):
    section = generator.section(name)
    driver = registry.find("driver", name)
    assert f"[`{name}`]" in section
    assert "**Commands** `" in section
    assert "**Simulated faults**" in section
    module = sys.modules[driver.__module__]
    for fault in (each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__):
        assert not issubclass(fault, DeviceFault) or f"`{fault.__name__}`" in section


def test_the_page_names_every_driver(generator):
    page = generator.PAGE.read_text(encoding="utf-8")
    missing = [name for name in registry.points("driver") if f"[`{name}`]" not in page]
    assert missing == [], "run 'make docs-reference'"


def test_what_is_unverified_is_listed(generator):
    assert "unverified" in generator.section("lakeshore336")
    assert "PAUSE_S = 0.05" in generator.section("lakeshore336")

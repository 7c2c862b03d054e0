"""pandas is not loaded by what only declares parameters, and is there for whoever wants it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labctl.core.declared import put_off

LOADED = "import sys; import labctl.core.procedure as p; sys.exit('pandas' in sys.modules)"


def test_declaring_parameters_does_not_load_pandas():
    assert subprocess.run([sys.executable, "-c", LOADED], check=False).returncode == 0     # noqa: S603  our own interpreter


@pytest.fixture
def unloaded(monkeypatch):
    """A module of the standard library that nobody has loaded."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    return "colorsys"


def test_the_stand_in_loads_the_module_when_it_is_used(unloaded):
    with put_off(unloaded):
        import colorsys as inside
    assert unloaded not in sys.modules
    assert inside.rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert sys.modules[unloaded] is not inside


def test_use_inside_loads_it_too_and_a_loaded_module_is_left_alone(unloaded):
    with put_off(unloaded):
        from colorsys import hsv_to_rgb
    assert hsv_to_rgb(0.0, 1.0, 1.0) == (1.0, 0.0, 0.0)
    loaded = sys.modules[unloaded]
    with put_off(unloaded):
        import colorsys as inside
    assert inside is loaded

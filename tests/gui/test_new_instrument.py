"""An instrument of another package, as the how-to writes it: card, control by hand and place in the beam, no line of the window."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from labctl.core import registry
from tests.gui.windows import opened, until

TREE = Path(__file__).resolve().parents[2]
HOW_TO = TREE / "docs" / "how-to" / "add-an-instrument.md"
BENCH = TREE / "sim_instruments" / "benches" / "ying2021.toml"


@pytest.fixture
def lamp_bench(tmp_path, monkeypatch):
    """Give a bench file with the how-to's lamp in the beam, whose driver and emulator come from a package of their own."""
    driver, emulator = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)[:2]
    package = tmp_path / "lab_of_a_test"
    package.mkdir()
    for name, text in (("__init__", ""), ("lamp", driver), ("emulated_lamp", emulator)):
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry.register("driver", "lamp", importlib.import_module("lab_of_a_test.lamp").Lamp)
    registry.register("emulator", "lamp", importlib.import_module("lab_of_a_test.emulated_lamp").EmulatedLamp)
    text = BENCH.read_text(encoding="utf-8")
    for old, new in (('"cleanup", "attenuator"', '"cleanup", "lamp", "attenuator"'),
                     ("[data]", 'lamp = {kind = "filter_wheel", transmissions = [1.0]}\n\n[data]'),
                     ("[instruments.filter]", '[instruments.lamp]\ndriver = "lamp"\nresource = "ASRL/dev/ttyUSB7::INSTR"\n\n'
                                              "[instruments.filter]")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = tmp_path / "with_a_lamp.toml"
    path.write_text(text, encoding="utf-8")
    yield str(path)
    for kind in ("driver", "emulator"):
        registry.forget(kind, "lamp")
    for name in [name for name in sys.modules if name.startswith("lab_of_a_test")]:
        del sys.modules[name]


def test_new_instrument_needs_no_gui_code(qapp, labctl_state, tmp_path, lamp_bench):
    with opened(tmp_path, lamp_bench, procedure="snapshot") as window:
        assert window.session.bench is not None, [line.text for line in window.session.lines]
        card = next(view for view in window.cards.cards if view.card.role == "lamp")
        assert card.card.title == "Bright & Sons L8"
        until(lambda: window.instruments.shown(card.card).value == "0")
        roles = window.beam._path.roles
        assert roles[roles.index("cleanup") + 1] == "lamp"
        card.more.click()
        setting, field, go = next(each for each in card._targets if each[0].name == "lamp.current")
        assert (setting.low, setting.high, setting.unit) == (0.0, 8.0, "A")
        field.typed.emit("lamp.current", "9")
        assert field.problem
        assert not go.isEnabled()
        field.typed.emit("lamp.current", "2.5 A")
        assert go.isEnabled()
        go.click()
        until(lambda: not window.session.busy)
        assert window.session.bench.emulator("lamp").milliamperes == 2500
        until(lambda: window.instruments.shown(card.card).value == "2.5")
        assert window.instruments.shown(card.card).unit == "A"

"""The documents say what the program does: keys, options, examples."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from typer.main import get_command

from labctl.bench import config
from labctl.cli.main import app
from labctl.core import AnalysisError, Procedure, Refused
from labctl.core.clock import VirtualClock
from labctl.core.errors import LimitError
from labctl.core.quantities import QUANTITIES
from sim_instruments.faults import Fault
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """Give the code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def named(page: str) -> set[str]:
    """Give every `word` that a page sets in code type."""
    words = re.findall(r"`([^`\n]+)`", (DOCS / page).read_text(encoding="utf-8"))
    return {part for word in words for part in re.split(r"[\s|]+", word)}


def execute(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec"), names)  # noqa: S102  our own documents
    return names


def schema_keys() -> set[str]:
    models = [model for model in vars(config).values() if isinstance(model, type) and issubclass(model, BaseModel)]
    return {field.alias or name for model in models if model is not BaseModel for name, field in model.model_fields.items()}


class TestBenchFile:
    def test_every_key_is_documented(self) -> None:
        sections = {"pump", "detection", "safety", "beam", "twin", "data", "instruments"}
        page = named("reference/bench-file.md")
        assert sorted(schema_keys() - sections - page - {"value", "uncertainty"}) == []
        assert all(f"[{section}" in (DOCS / "reference/bench-file.md").read_text(encoding="utf-8") for section in sections)

    def test_example_is_a_bench(self) -> None:
        (example,) = blocks("reference/bench-file.md", "toml")
        assert config.parse(example, "example").simulated

    def test_example_uses_drivers_that_exist(self) -> None:
        (example,) = blocks("reference/bench-file.md", "toml")
        project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        used = {instrument["driver"] for instrument in tomllib.loads(example)["instruments"].values()}
        assert used <= project["entry-points"]["labctl.drivers"].keys()


def commands() -> dict[str, Any]:
    """Give every command by its full name."""
    root: Any = get_command(app)
    found = {}
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {sub}": what for sub, what in inner.items()} if inner else {name: command}
    return found


class TestCommandLine:
    @pytest.mark.parametrize("name", commands())
    def test_command_and_its_options_are_documented(self, name: str) -> None:
        page = (DOCS / "reference/cli.md").read_text(encoding="utf-8")
        assert f"labctl {name}" in page
        options = [option for parameter in commands()[name].params for option in parameter.opts if option.startswith("--")]
        assert [option for option in options if option not in page] == []

    def test_documented_options_exist(self) -> None:
        exist = {option for command in commands().values() for parameter in command.params for option in parameter.opts}
        documented = {word for word in named("reference/cli.md") if word.startswith("--")}
        assert documented - exist == set()


class FakeBench:
    name = "fake"

    def reach(self, axis: str, at: Any) -> tuple[float, float]:
        return 0.0, 1e9

    def constant(self, name: str) -> float:
        return 1.0


class FakeRun:
    """A run with emission ~ power²."""

    def __init__(self, power: np.ndarray):
        self.power = power

    def __getitem__(self, name: str) -> np.ndarray:
        return {"pump.power": self.power}[name]

    def signal(self) -> np.ndarray:
        return np.outer(1e12 * self.power**2, np.ones(4))


@pytest.fixture
def example() -> type[Procedure]:
    return execute(blocks("how-to/write-a-procedure.md", "python")[0])["PowerSeries"]


class TestProcedureExample:
    """docs/how-to/write-a-procedure.md"""

    def test_plans(self, example: type[Procedure]) -> None:
        points = list(example(first="100 nW", last="1 uW", powers=3).plan(FakeBench()))
        assert [point.kind for point in points] == ["dark", "scan", "scan", "scan"]
        assert points[-1].set == pytest.approx({"pump.wavelength": 505.0, "pump.power": 1e-6})
        assert set(points[-1].set) <= QUANTITIES.keys()

    def test_reduces(self, example: type[Procedure]) -> None:
        found: Any = example().reduce(FakeRun(np.geomspace(1e-7, 1e-6, 9)))  # type: ignore[arg-type]
        assert found.results["exponent"].value == pytest.approx(2.0)

    def test_refuses(self, example: type[Procedure]) -> None:
        assert [problem.field for problem in example(first=1e-6, last=1e-7).check()] == ["last"]
        with pytest.raises(Refused):
            example(power=3)
        with pytest.raises(AnalysisError, match="above the dark"):
            example().reduce(FakeRun(np.zeros(5)))  # type: ignore[arg-type]


class TestInstrumentExample:
    """docs/how-to/add-an-instrument.md: the driver and the emulator of the page, on one wire."""

    @pytest.fixture
    def emulator(self) -> Any:
        made = execute(blocks("how-to/add-an-instrument.md", "python")[1])["EmulatedLamp"]
        return made([Unit("lamp", "lamp")], clock=VirtualClock())

    @pytest.fixture
    def lamp(self, emulator: Any) -> Any:
        driver = execute(blocks("how-to/add-an-instrument.md", "python")[0])["Lamp"]
        library = SimulatedVisa({"ASRL7::INSTR": emulator}, emulator.clock)
        return driver("ASRL7::INSTR", clock=emulator.clock, name="lamp", visa_library=library)

    def test_identity_and_current(self, lamp: Any) -> None:
        assert str(lamp.identify()) == "Bright & Sons L8, serial 0815"
        lamp.start_move(1.25)
        assert lamp.current == pytest.approx(1.25)
        lamp.park()
        assert lamp.current == 0

    def test_limit_is_kept_before_anything_is_sent(self, lamp: Any, emulator: Any) -> None:
        with pytest.raises(LimitError, match="nothing was sent"):
            lamp.start_move(9.0)
        assert emulator.milliamperes == 0

    def test_a_lost_reply_is_asked_for_again(self, lamp: Any, emulator: Any) -> None:
        emulator.faults.append(Fault("drop"))
        assert lamp.current == 0
        assert lamp.port.incidents

    def test_axis_names_what_the_driver_has(self, lamp: Any) -> None:
        for spec in lamp.axes.values():
            assert all(hasattr(lamp, name) for name in (spec.read, spec.start, spec.poll, spec.stop, spec.eta))

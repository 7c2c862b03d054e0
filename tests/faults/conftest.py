"""A small run on a simulated bench with something done to it, and the table of the fault matrix at the end of the session."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl import api
from labctl.core import Point, Procedure
from labctl.core.reduction import Reduction
from labctl.engine import runner

MATRIX = tomllib.loads((Path(__file__).parent / "matrix.toml").read_text(encoding="utf-8"))
LONGEST_S = 120.0           # bench time within which any disturbed run of two points has to end; undisturbed it takes about 9 s
LEVEL_FAILED = re.compile(r"^(park|safe) failed: ")
WORDS = {"passed": "passed", "failed": "FAILED", "error": "FAILED", "xfailed": "not yet", "xpassed": "FAILED",
         "skipped": "not shown"}


# ------------------------------------------------------------------ the table
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print every row that was looked at: what was done, what has to come of it, and what the tests say."""
    found = outcomes(terminalreporter.stats)
    if not found:
        return
    terminalreporter.section("fault matrix", sep="-")
    for row in sorted(found):
        told = MATRIX[row]
        words = ", ".join(f"{count} {word}" for word, count in sorted(found[row].items()))
        note = told.get("note", "")
        terminalreporter.line(f"{row[3:]}  {told['fault']:<42} {told['outcome']:<58} {words}{'; ' if note else ''}{note}")


def outcomes(stats: dict[str, list[Any]]) -> dict[str, dict[str, int]]:
    """Count the outcomes of each row over the reports of a session."""
    found: dict[str, dict[str, int]] = {}
    for status, word in WORDS.items():
        for report in stats.get(status, ()):
            nodeid = getattr(report, "nodeid", "")
            if "tests/faults/" in nodeid.replace("\\", "/"):
                for row in set(re.findall(r"row\d\d", nodeid.partition("::")[2])):
                    counts = found.setdefault(row, {})
                    counts[word] = counts.get(word, 0) + 1
    return found


# ------------------------------------------------------------------ the run
class TwoPoints(Procedure):
    """Two lit points with everything moving."""

    title = "two points"
    scan_axes = ("pump.wavelength",)

    def plan(self, bench):
        for wavelength in (518.0, 522.0):
            where = {"pump.wavelength": wavelength, "attenuator.angle": wavelength - 480.0, "nd.slot": 1.0}
            yield Point(set={**where, "emission.centre": 557.0}, read=("power", "spectrum"), exposure_s=0.05)

    def reduce(self, run):
        return Reduction()


@pytest.fixture
def visiting() -> Callable[..., Procedure]:
    """Make a procedure that visits given points."""
    class Visiting(TwoPoints):
        points: tuple[Point, ...] = ()
        scan_axes = ()

        def plan(self, bench):
            yield from type(self).points

    return lambda *points: type("Visiting", (Visiting,), {"points": points})()


@pytest.fixture
def biased(visiting) -> Callable[..., Procedure]:
    """Make a procedure for the bench qin2021 that takes a spectrum at each of some voltages."""
    return lambda *volts: visiting(*(Point(set={"bias.voltage": volt}, read=("spectrum",), exposure_s=0.05) for volt in volts))


@pytest.fixture
def two_points() -> type[Procedure]:
    """The procedure of most tests here."""
    return TwoPoints


def safe_on_the_way_out(bench: Any, outcome: runner.Outcome) -> None:
    """Assert on the twin what P2 promises: dark, shutter closed, bias 0, output off, the engine idle.

    What cannot be commanded any more, and only that, may stand otherwise: the outcome then says unsafe and names it, and the
    emission is off. A laser that only a person can switch off still shines through a shutter that hangs open.
    """
    twin, failed = bench.twin, {problem.field for problem in outcome.problems if LEVEL_FAILED.search(problem.text)}
    obeys = hasattr(bench.devices["laser"].driver, "emission_off")
    assert twin.power_at_sample_now() == 0.0 or ("shutter" in failed and not obeys), "the sample is lit"
    if failed:
        assert outcome.status == "unsafe", outcome.problems
    if outcome.status == "unsafe" and "laser" not in failed and obeys:
        assert not twin.source.emission
    assert twin.element("shutter").closed or "shutter" in failed, "the shutter has to be closed on every way out"
    if "bias" in bench.devices and "bias" not in failed:
        box = bench.emulator("bias")
        assert not box.output_on
        assert box.sample.volts() == pytest.approx(0.0, abs=1e-3)
    lanes = [lane for lane in bench.lanes.values() if not lane.dead]
    assert not any(lane._queue for lane in lanes), "a call is still waiting"


@pytest.fixture
def safe() -> Callable[[Any, runner.Outcome], None]:
    """Give the assertion of what holds on every way out."""
    return safe_on_the_way_out


@pytest.fixture
def run(labctl_state, tmp_path) -> Callable[..., runner.Outcome]:
    """Run two points, with `prepare(bench)` done at bench time `at`; whatever happens, the sample is dark afterwards.

    `look(bench)` is called before the bench is closed.
    """
    def go(prepare=lambda bench: None, control=None, *, at=2.0, bench="ying2021", procedure=None, look=lambda bench: None,
           listeners=None, longest=LONGEST_S):
        with api.open_bench(str(bench)) as opened:
            order = runner.Order("two_points", tmp_path, seed=3, figure=False)
            wrong: list[BaseException] = []

            def strike():
                try:
                    prepare(opened)
                except BaseException as exc:      # the clock would only log it
                    wrong.append(exc)

            opened.clock.call_at(at, strike)
            outcome = runner.run(procedure or TwoPoints(), opened, order, control=control, listeners=listeners)
            assert not wrong, wrong
            safe_on_the_way_out(opened, outcome)
            assert opened.clock.now() < longest
            look(opened)
            return outcome
    return go


@pytest.fixture
def resume(labctl_state) -> Callable[..., runner.Outcome]:
    """Go on with a run of two points, on a fresh bench."""
    def go(outcome, *, bench="ying2021", procedure=None):
        with api.open_bench(str(bench)) as opened:
            return runner.resume(procedure or TwoPoints(), opened, outcome.run.with_suffix(".journal"), figure=False)
    return go


@pytest.fixture
def measured() -> Callable[[runner.Outcome], tuple[np.ndarray, np.ndarray]]:
    """Read wavelengths and counts of a run file, whose status has to be that of the outcome."""
    def read(outcome):
        with api.load(outcome.run) as found:
            assert found.status == outcome.status
            return found["pump.wavelength"], found.counts() if len(found) else np.zeros((0, 1024), dtype="u4")
    return read


@pytest.fixture(scope="session")
def undisturbed(session_state, tmp_path_factory) -> np.ndarray:
    """The counts of the two points when nothing happens, seed 3."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with api.open_bench("ying2021") as bench:
            order = runner.Order("two_points", tmp_path_factory.mktemp("undisturbed"), seed=3, figure=False)
            outcome = runner.run(TwoPoints(), bench, order)
    assert outcome.status == "done"
    with api.load(outcome.run) as found:
        return found.counts()


@pytest.fixture
def changed_bench(tmp_path) -> Callable[..., Path]:
    """Write a copy of a packaged bench file with texts replaced, and give its path."""
    def write(name="ying2021", *changes, more=""):
        _, text, _ = api.load_bench_file(name)
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        path = tmp_path / f"{name}-changed.toml"
        path.write_text(text + more, encoding="utf-8")
        return path
    return write

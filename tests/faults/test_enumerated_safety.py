"""Whatever goes wrong at whichever device call of whichever procedure: safe afterwards, told truly, and resumed to the same data.

Every registered procedure is taken, cut down to a few short points, on the first packaged bench that is meant for it, or else can
do it; one that joins the registry joins this. The default suite draws calls from a seed that the test ids show. `make soak` goes
through every call of one procedure, and through many different calls of the others, with all faults in turn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl import api
from labctl.bench.devices import Device
from labctl.core import registry
from labctl.core.errors import DeviceFault
from labctl.core.plan import Point
from labctl.core.procedure import Procedure
from labctl.core.reduction import Reduction
from labctl.engine import lock, runner
from labctl.engine.control import Control
from labctl.engine.planning import make_plan
from labctl.store.reader import JournalReader
from sim_instruments.faults import Fault
from sim_instruments.sdk import Failure, Library

SEED = 20211121
POINTS, EXPOSURE_S = 3, 0.05        # to which a procedure is cut down
EVERY_CALL = "linearity"            # the procedure whose every call is gone through in the soak
MOST_CALLS = 16                     # of another one in the soak
TIME_COSTS = ("late", "hang", "gone")
GONE_CODE = {"andor": 20075, "picoharp": -1}
BENCHES = sorted(registry.points("bench"))


class HeldBias(Procedure):
    """Spectra of a sample under bias: until the registry has a procedure that applies one, and afterwards."""

    def plan(self, bench):
        for volts in (3.0, -2.0):
            yield Point(set={"bias.voltage": volts}, read=("spectrum",), exposure_s=EXPOSURE_S)


LOCAL = {"held_bias": HeldBias}
PROCEDURES = [*sorted(registry.points("procedure")), *LOCAL]


# ------------------------------------------------------------------ procedures, cut down
def shortened(cls: type[Procedure]) -> type[Procedure]:
    """Give a procedure that visits a few of the points of `cls`, one of every sort, exposed for a moment."""
    class Short(cls):      # type: ignore[valid-type, misc]
        def plan(self, bench):
            if self.bounds(bench) is not None:
                yield from few_of_adaptive(super().plan(bench))
                return
            chosen = few(list(super().plan(bench)))
            self.shape = None
            yield from chosen

        def reduce(self, run):
            return Reduction()

    return Short


def few(points):
    """Choose the first point of every sort, lit ones first, in their order."""
    first: dict[Any, int] = {}
    for index, point in enumerate(points):
        first.setdefault((not point.light, point.kind, point.read, point.do, tuple(point.set)), index)
    chosen = sorted(index for _, index in sorted(first.items(), key=lambda item: item[0][:2])[:POINTS])
    return [replace(points[index], exposure_s=min(points[index].exposure_s, EXPOSURE_S)) for index in chosen]


def few_of_adaptive(steps):
    """Lead an adaptive plan through its first points."""
    point = next(steps)
    for _ in range(POINTS - 1):
        reading = yield point
        try:
            point = steps.send(reading)
        except StopIteration:
            return
    yield point


# ------------------------------------------------------------------ faults
@dataclass
class Calls:
    """Counts the device calls of a run, and does something at one of them."""

    at: int = -1
    strike: Callable[[Device], None] = lambda device: None
    seen: int = 0
    what: list[str] = field(default_factory=list)

    def watch(self, patch: pytest.MonkeyPatch) -> Calls:
        evaluate = Device._evaluate

        def counted(device, method, args, kwargs):
            self.seen += 1
            self.what.append(f"{device.role}.{method}" if isinstance(method, str) else device.role)
            if self.seen == self.at:
                self.strike(device)
            return evaluate(device, method, args, kwargs)

        patch.setattr(Device, "_evaluate", counted)
        return self


class Everything:
    """The names of all functions of a library."""

    def __contains__(self, name: object) -> bool:
        return True


def error(bench, control, device):
    raise DeviceFault(device.role, "it reports a fault of its own (planted).")


def gone(bench, control, device):
    box = bench.emulator(device.role)
    if isinstance(box, Library):
        box.failures.append(Failure("*", GONE_CODE[device.config.driver], times=float("inf")))
    elif hasattr(box, "unplug"):
        box.unplug()
    else:
        box.refuses = True


def late(bench, control, device):
    box = bench.emulator(device.role)
    if hasattr(box, "faults"):
        box.faults.append(Fault("late", seconds=2.0))
    else:
        bench.clock.wait(2.0)


def hang(bench, control, device):
    box = bench.emulator(device.role)
    if isinstance(box, Library):
        box.hang = Everything()      # type: ignore[assignment]
    elif hasattr(box, "hung"):
        box.hung = True
    else:
        box.away = True


def abort(bench, control, device):
    control.request("Ctrl-C")


def abort_at_once(bench, control, device):
    control.request("Ctrl-C")
    control.request("Ctrl-C")


def interlock(bench, control, device):
    bench.emulator("shutter").interlock_open = True


def park_raises(bench, control, device):
    def park():
        raise ZeroDivisionError("a defect in a driver (planted)")

    device.driver.park = park
    control.request("Ctrl-C")


KINDS = {function.__name__: function for function in (error, gone, late, hang, abort, abort_at_once, interlock, park_raises)}


# ------------------------------------------------------------------ runs
@dataclass(frozen=True)
class Undisturbed:
    """A procedure cut down, the bench that can do it, and what it gives there when nothing happens."""

    name: str
    procedure: type[Procedure]
    bench: str
    state: Path
    calls: tuple[str, ...] = ()         # every device call, in order
    data: dict[str, np.ndarray] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    def make(self, bench: Any) -> Procedure:
        """Make the procedure with the bench's own defaults."""
        return self.procedure(**bench.config.procedures.get(self.name, {}))


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Calibrations of these tests: coarse ones, which no other test should find."""
    return tmp_path_factory.mktemp("coarse_state")


@cache
def meant_for(bench: str) -> frozenset[str]:
    """Name the procedures that a bench file has parameters for."""
    return frozenset(api.load_bench_file(bench)[0].procedures)


def benches_for(name: str) -> list[str]:
    """Give the packaged benches, those whose file speaks of the procedure first: most others cannot do it."""
    return sorted(BENCHES, key=lambda bench: name not in meant_for(bench))


_known: dict[str, Undisturbed] = {}


@pytest.fixture
def undisturbed(state, tmp_path, monkeypatch) -> Callable[[str], Undisturbed]:
    def find(name: str) -> Undisturbed:
        if name not in _known:
            procedure = shortened(LOCAL.get(name) or registry.find("procedure", name))
            bare = (Undisturbed(name, procedure, bench, state / "bare") for bench in benches_for(name))
            found = (able(case, monkeypatch, tmp_path) for case in bare)
            case = next(case for case in found if case is not None)
            outcome, calls = disturbed(case, tmp_path / "undisturbed")
            assert outcome.status == "done", outcome.problems
            _known[name] = replace(case, calls=tuple(calls.what), data=data(outcome), times=times(outcome))
        monkeypatch.setenv("LABCTL_STATE", str(_known[name].state))
        return _known[name]
    return find


def able(case: Undisturbed, patch, folder) -> Undisturbed | None:
    """Give the case with the state in which its bench can do it, coarsely calibrated where it needs that; None if it cannot."""
    patch.setenv("LABCTL_STATE", str(case.state))       # whether there is a calibration changes where the plate parks
    plan = planned(case, folder)
    if "power_calibration" in plan.needs:
        case = replace(case, state=case.state.with_name(case.bench))
        patch.setenv("LABCTL_STATE", str(case.state))
        if not case.state.exists():
            calibrate(case.bench, folder)
        plan = planned(case, folder)
    return case if (plan.points or plan.adaptive) and not plan.errors else None


def planned(case: Undisturbed, folder):
    with api.open_bench(case.bench) as bench:
        return make_plan(case.make(bench), bench, folder)


def calibrate(name: str, folder) -> None:
    with api.open_bench(name) as bench:
        values = {"wavelengths": 5, "angles": 7}
        outcome = api.run("power_calibration", bench, values, order=api.Order("power_calibration", folder, seed=1, figure=False))
    assert outcome.status == "done", outcome.problems


def disturbed(case: Undisturbed, folder, at: int = -1, kind: str = "error", look=lambda bench, outcome: None):
    """Run with a fault of a kind at a call (none by default); gives the outcome and the calls."""
    control = Control()
    with pytest.MonkeyPatch.context() as patch, api.open_bench(case.bench) as bench:
        calls = Calls(at, lambda device: KINDS[kind](bench, control, device)).watch(patch)
        order = runner.Order("short", folder, seed=7, figure=False)
        outcome = runner.run(case.make(bench), bench, order, control=control)
        assert calls.seen >= at
        look(bench, outcome)
    return outcome, calls


def data(outcome) -> dict[str, np.ndarray]:
    """Give everything that was measured, but for the time that had passed: numbers and arrays of the scan, dark frame, flags."""
    with api.load(outcome.run) as run:
        found = {name: run[name] for name in run.names if "elapsed" not in name}
        found |= {f"counts of {name}": run.counts(name) for name in run.channels}
        found |= {f"along {name}": along[2] for name in run.channels if (along := run.coordinate(name)) is not None}
        found |= {f"flag {name}": run.flag(name) for name in run.flag_names}
        dark = run.dark() if run.channels else None
        return {**found, "numbers": run.numbers, **({} if dark is None else {"dark": dark})}


def times(outcome) -> dict[str, list[float]]:
    """Give when every point began, by its kind; nothing without points."""
    if not outcome.points:
        return {}
    with api.load(outcome.run) as run:
        return {kind: run.select(kind)["elapsed_s"].tolist() for kind in ("zero", "dark", "reference", "scan")}


def held_up(outcome, case: Undisturbed) -> bool:
    """Tell whether a point that counts as done began later than in the undisturbed run: the fault had cost time before it.

    Source and sample drift with time, so such a run is another one from there on; everything else about it must still be right.
    """
    return any(began != case.times[kind][:len(began)] for kind, began in times(outcome).items())


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert np.array_equal(values, other[name], equal_nan=values.dtype.kind == "f"), name


def go_through(case: Undisturbed, kind: str, at: int, folder, safe) -> None:
    """Run with the fault at call `at`, look at the twin and the file, then resume and compare."""
    outcome, _ = disturbed(case, folder, at, kind, safe)
    allowed = {"abort": ("aborted", "done"), "abort_at_once": ("aborted", "done"), "error": ("failed", "unsafe"),
               "park_raises": ("unsafe", "done")}
    # An instrument that does not tell its settings is recorded as such; one that is parked need not say where it stands.
    untold = case.calls[at - 1].endswith(".settings") or asked_after_park(case, at)
    if untold:
        allowed["error"] = ("done", "failed", "unsafe")
    assert outcome.status in allowed.get(kind, ("done", "aborted", "failed", "unsafe")), outcome.problems
    assert not lock._held, "the engine is not idle"
    with api.load(outcome.run) as told:
        assert told.status == outcome.status
    late = held_up(outcome, case)
    assert not late or untold or kind in TIME_COSTS, "only a fault that costs time, or saves it, shifts a point that is done"
    if outcome.status == "done":
        assert_as_undisturbed(outcome, case, late, costs_time=kind in TIME_COSTS)
        return
    with JournalReader(outcome.run.with_suffix(".journal")) as reader:
        assert len(list(reader.records())) == outcome.points
    with api.open_bench(case.bench) as healed:
        resumed = runner.resume(case.make(healed), healed, outcome.run.with_suffix(".journal"), figure=False)
    assert resumed.status == "done", resumed.problems
    assert_as_undisturbed(resumed, case, late, costs_time=kind in TIME_COSTS)


def asked_after_park(case: Undisturbed, at: int) -> bool:
    """Tell whether call `at` is the question that follows the park of the same instrument."""
    role = case.calls[at - 1].partition(".")[0]
    return next((what for what in reversed(case.calls[:at - 1]) if what.partition(".")[0] == role), "") == f"{role}.park"


def assert_as_undisturbed(outcome, case: Undisturbed, late: bool, *, costs_time: bool) -> None:
    """Compare with the undisturbed run: to the last digit, or in shape alone when its points were held up.

    A fault that costs time may leave the shutter open while an instrument is waited for. A point that was lit longer for that is
    another one (a power head that follows slowly reads more); all the others are the same.
    """
    if late:
        assert {name: values.shape for name, values in data(outcome).items()} == {
            name: values.shape for name, values in case.data.items()}
    else:
        found = data(outcome)
        alike = found["lit_s"] == case.data["lit_s"] if costs_time and "lit_s" in found else np.array(True)
        assert_same(at_points(found, alike), at_points(case.data, alike))


def at_points(measured: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, np.ndarray]:
    """Give what stands at the chosen points, and whatever does not stand at points; `chosen` without dimensions takes all."""
    return {name: values[chosen] if chosen.ndim and values.shape[:chosen.ndim] == chosen.shape else values
            for name, values in measured.items()}


def drawn(index: int, name: str) -> tuple[str, str, float]:
    """Draw a fault and its place in a run (a fraction of its device calls), kinds in turn so that all procedures have them all."""
    place = round(float(np.random.default_rng([SEED, index]).random()), 3)
    return name, list(KINDS)[index % len(KINDS)], place


ROW = {"abort": "row36", "abort_at_once": "row36", "gone": "row19", "hang": "row02", "late": "row03", "interlock": "row33",
       "park_raises": "row52", "error": "row13"}
CASES = [pytest.param(*case, id=f"{ROW[case[1]]}-{'-'.join(map(str, case))}")
         for case in (drawn(index, name) for index, name in enumerate([*PROCEDURES, *[EVERY_CALL] * len(KINDS)]))]


@pytest.mark.parametrize(("name", "kind", "place"), CASES)
def test_safe_and_resumable_after_a_fault_anywhere(undisturbed, safe, tmp_path, name, kind, place):
    case = undisturbed(name)
    go_through(case, kind, 1 + int(place * len(case.calls)), tmp_path / "disturbed", safe)


def chosen(case: Undisturbed) -> list[tuple[int, str]]:
    """Choose calls and kinds of fault for the soak: every call with two kinds, or different calls, each at its first or last.

    Procedures share the code of engine, axes and detectors: what is left to find is what a device does when it is disturbed
    in one of its methods, and each of these is met by several procedures with several faults.
    """
    if case.name == EVERY_CALL:
        kinds = list(KINDS)
        return [(at, kinds[(at + shift) % len(kinds)]) for at in range(1, len(case.calls) + 1) for shift in (0, 3)]
    first = {what: at for at, what in reversed(list(enumerate(case.calls, 1)))}
    last = {what: at for at, what in enumerate(case.calls, 1)}
    places = sorted({*first.values(), *last.values()})
    random = np.random.default_rng([SEED, PROCEDURES.index(case.name)])
    drawn_places = sorted(random.permutation(places)[:MOST_CALLS].tolist())
    return [(at, list(KINDS)[(turn + PROCEDURES.index(case.name)) % len(KINDS)]) for turn, at in enumerate(drawn_places)]


@pytest.mark.soak
@pytest.mark.parametrize("name", PROCEDURES)
def test_safe_and_resumable_after_a_fault_at_many_calls(undisturbed, safe, tmp_path, name, capsys):
    case, found = undisturbed(name), []
    for at, kind in chosen(case):
        try:
            go_through(case, kind, at, tmp_path / f"{at}-{kind}", safe)
        except Exception as exc:      # all of them, so that one run of the soak tells what there is to mend
            found.append(f"{kind} at call {at} of {len(case.calls)} ({case.calls[at - 1]}): {type(exc).__name__}: {exc}")
    many, places = len(chosen(case)), len({at for at, _ in chosen(case)})
    told = f"{name} on {case.bench}: {many} faults at {places} of {len(case.calls)} calls, {len(found)} not survived"
    with capsys.disabled():
        sys.stdout.write("\n" + "\n    ".join([told, *found]) + "\n")
    assert not found

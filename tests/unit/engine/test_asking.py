"""What a person has to set is asked before anything moves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivers.manual import ManualElement
from labctl.bench.config import Instrument
from labctl.bench.devices import Device, DriverAxis
from labctl.core.clock import VirtualClock
from labctl.core.lane import Lane
from labctl.core.operator import Assent, Request
from labctl.core.plan import Bounds, Point
from labctl.engine.asking import ask_beforehand
from labctl.engine.control import Control


class Person:
    """Answers after a minute, or never."""

    def __init__(self, clock, answer=True):
        self.clock, self.answer, self.asked = clock, answer, []

    def request(self, instrument, text, settings):
        self.asked.append(text)
        request = Request(text)

        def reply():
            request.done, request.refused = self.answer, "" if self.answer else "the answer was no"

        if self.answer is not None:
            self.clock.call_at(self.clock.now() + 60.0, reply)
        return request


def make_bench(operator):
    """A bench of one source that only a person can tune; `operator` is made for its clock."""
    clock = VirtualClock()
    person = operator(clock)
    driver = ManualElement(person, clock=clock, name="opa", label="OPA", axes={"wavelength": {"unit": "nm", "limits": [480, 2600]}})
    device = Device("opa", driver, Lane("opa", clock), clock, Instrument(driver="manual", resource="manual:opa"))
    axis = DriverAxis(device, "wavelength", driver.axes["wavelength"], illuminates=True)
    return SimpleNamespace(clock=clock, axes={"opa.wavelength": axis}, person=person,
                           set_by_hand=lambda: {"opa.wavelength": device})


def plan(*wavelengths):
    return SimpleNamespace(points=[Point({"opa.wavelength": value}) for value in wavelengths], adaptive=None)


def test_one_value_is_set_now_and_not_asked_again():
    bench = make_bench(Person)
    assert ask_beforehand(bench, plan(500.0, 500.0), Control()) == []
    assert bench.person.asked == ["Set the wavelength of the OPA to 500 nm, then confirm."]
    assert bench.clock.now() >= 60.0
    assert ask_beforehand(bench, plan(500.0), Control()) == []
    assert len(bench.person.asked) == 1


def test_a_refusal_is_a_problem_of_preflight():
    bench = make_bench(lambda clock: Person(clock, answer=False))
    (problem,) = ask_beforehand(bench, plan(500.0), Control())
    assert problem.field == "opa.wavelength"
    assert "not confirmed (the answer was no)" in problem.text


def test_nobody_there_is_a_problem_of_preflight():
    (problem,) = ask_beforehand(make_bench(lambda clock: None), plan(500.0), Control())
    assert "nobody is there to be asked" in problem.text


def test_several_values_need_somebody_who_stays():
    bench = make_bench(Person)
    assert ask_beforehand(bench, plan(500.0, 510.0), Control()) == []
    assert bench.person.asked == [
        "opa.wavelength is set by hand, 2 times in this run: 500, 510 nm. Will somebody be there to do it?"]
    (problem,) = ask_beforehand(make_bench(lambda clock: Person(clock, answer=False)), plan(500.0, 510.0), Control())
    assert "Plan a run for each value" in problem.text


def test_yes_cannot_stand_for_somebody_who_stays():
    bench = make_bench(lambda clock: Assent(lambda text: None))
    assert ask_beforehand(bench, plan(500.0), Control()) == []
    (problem,) = ask_beforehand(bench, plan(500.0, 510.0), Control())
    assert "without --yes" in problem.text


def test_an_adaptive_plan_is_asked_about_by_its_bounds():
    bench = make_bench(lambda clock: Assent(lambda text: None))
    adaptive = SimpleNamespace(bounds=Bounds(3, {"opa.wavelength": (500.0, 520.0)}))
    assert len(ask_beforehand(bench, SimpleNamespace(points=(), adaptive=adaptive), Control())) == 1


@pytest.mark.parametrize("wavelengths", [(500.0,), (500.0, 510.0)])
def test_an_abort_ends_the_asking(wavelengths):
    bench, control = make_bench(lambda clock: Person(clock, answer=None)), Control()
    bench.clock.call_at(5.0, lambda: control.request("SIGINT received"))
    (problem,) = ask_beforehand(bench, plan(*wavelengths), control)
    assert "SIGINT received while this was asked. Nothing was moved." in problem.text
    assert bench.clock.now() < 60.0


def test_what_the_plan_does_not_set_is_not_asked_for():
    bench = make_bench(Person)
    assert ask_beforehand(bench, SimpleNamespace(points=[Point({})], adaptive=None), Control()) == []
    assert bench.person.asked == []

"""What only a person can set: asked once, believed when confirmed, unknown otherwise."""

from __future__ import annotations

import math

import pytest

from drivers.manual import ManualElement, NotConfirmed
from labctl.core.errors import InstrumentError, LimitError
from labctl.core.instrument import Driver
from labctl.core.operator import Asking, Assent
from sim_instruments.manual import ManualBox
from sim_instruments.twin.elements import PulsedLaser
from sim_instruments.wire import Unit

AXES = {"wavelength": {"unit": "nm", "limits": [480, 2600]}, "emission": {"limits": [0, 1]}}


@pytest.fixture
def laser(clock) -> PulsedLaser:
    return PulsedLaser("opa", clock, wavelength_nm=800.0, pulse_energy_j=1e-6)


@pytest.fixture
def box(clock, laser) -> ManualBox:
    return ManualBox([Unit("opa", "manual", element=laser)], clock=clock)


@pytest.fixture
def opa(box, clock) -> ManualElement:
    return ManualElement(box, clock=clock, name="opa", label="OPA", axes=AXES, repetition_rate_hz=1e3, serial="17")


def finish(opa, clock):
    while opa.moving:
        clock.wait(0.5)


class TestAsking:
    def test_the_twin_is_set_as_a_person_would(self, opa, box, laser, clock):
        opa.start_wavelength(1500.0)
        assert opa.moving
        assert laser.wavelength_nm == 800.0
        finish(opa, clock)
        assert laser.wavelength_nm == opa.read_wavelength() == 1500.0
        assert box.heard == ["Set the wavelength of the OPA to 1500 nm, then confirm."]

    def test_nothing_is_asked_twice(self, opa, box, clock):
        for value in (1500.0, 1500.0, 1400.0):
            opa.start_wavelength(value)
            finish(opa, clock)
        assert len(box.heard) == 2

    def test_unknown_until_confirmed(self, opa, box):
        assert math.isnan(opa.read_wavelength())
        opa.start_wavelength(1500.0)
        assert math.isnan(opa.read_wavelength())

    def test_no_is_an_answer(self, opa, box, clock):
        box.refuses = True
        opa.start_wavelength(1500.0)
        with pytest.raises(NotConfirmed, match="the answer was no"):
            finish(opa, clock)
        assert math.isnan(opa.read_wavelength())
        assert not opa.moving

    def test_limits_come_before_questions(self, opa, box):
        with pytest.raises(LimitError):
            opa.start_wavelength(400.0)
        assert box.heard == []

    def test_without_anybody(self, clock):
        alone = ManualElement(None, clock=clock, name="opa", axes=AXES)
        with pytest.raises(NotConfirmed, match="--yes"):
            alone.start_wavelength(1500.0)

    def test_yes_confirms_everything(self, clock):
        said: list[str] = []
        opa = ManualElement(Assent(said.append), clock=clock, name="opa", axes=AXES)
        opa.start_wavelength(1500.0)
        assert not opa.moving
        assert opa.read_wavelength() == 1500.0
        assert said == ["Set the wavelength of the opa to 1500 nm, then confirm. (confirmed by --yes)"]

    @pytest.mark.parametrize(("answer", "ends"), [(True, "done"), (False, "refused"), (EOFError, "refused")])
    def test_a_person_is_asked_beside_the_run(self, clock, answer, ends):
        def ask(text: str) -> bool:
            clock.wait(30.0)
            if isinstance(answer, bool):
                return answer
            raise answer

        request = Asking(ask, clock).request("opa", "Set it", {})
        assert not request.done
        clock.wait(31.0)
        assert bool(getattr(request, ends))


class TestContract:
    def test_a_driver(self, opa, clock):
        assert isinstance(opa, Driver)
        assert str(opa.identify()) == "set by hand: OPA, serial 17"
        assert (opa.emission, opa.emission_state) == (None, "UNKNOWN")
        opa.start_wavelength(1500.0)
        finish(opa, clock)
        assert opa.settings() == {"set_by_hand": True, "emission": "UNKNOWN", "repetition_rate_hz": 1e3,
                                  "confirmed": {"wavelength": 1500.0, "emission": None}}
        for spec in opa.axes.values():
            assert all(hasattr(opa, name) for name in (spec.read, spec.start, spec.poll, spec.stop, spec.eta))

    def test_parking_asks_nobody(self, opa, box):
        opa.park()
        opa.make_safe()
        assert box.heard == []

    def test_shutdown_asks_for_the_switch(self, opa, box, laser):
        opa.shutdown()
        assert box.heard == ["Switch the OPA off, then confirm."]
        assert laser.emission is False

    def test_shutdown_without_an_answer(self, opa, box):
        box.away = True
        with pytest.raises(NotConfirmed, match="it may emit"):
            opa.shutdown()

    @pytest.mark.parametrize("axis", [{}, {"limits": [1]}, {"limits": "wide"}])
    def test_an_axis_needs_limits(self, clock, axis):
        with pytest.raises(InstrumentError, match="limits"):
            ManualElement(None, clock=clock, name="opa", axes={"wavelength": axis})

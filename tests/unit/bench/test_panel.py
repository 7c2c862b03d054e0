"""Looks that wait for nobody, and what they make of answers that do not come."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.bench.panel import FRESH_S, OFF, ON, UNKNOWN, Ordered, Watch, cards, moving, path, position


@pytest.fixture
def bench():
    with api.open_bench("ying2021") as opened:
        yield opened


@pytest.fixture
def watch(bench):
    made = Watch(bench, now=lambda: made.time)
    made.time = 100.0
    return made


def answered(watch: Watch, *, idle: bool = True) -> None:
    """Ask, and let virtual time go on until the lanes have answered."""
    watch.tick(idle=idle)
    watch.bench.clock.wait(2.0)
    watch.tick(idle=idle)


class TestWatch:
    """What is not known to be dark is lit."""

    def test_nobody_has_said_anything(self, watch):
        assert (watch.beam(), watch.emission("laser")) == (UNKNOWN, UNKNOWN)

    def test_answers(self, watch):
        answered(watch)
        assert (watch.beam(), watch.emission("laser"), watch.sources) == (OFF, ON, ("laser",))
        assert watch.value("ccd", "temperature_c").value == pytest.approx(-60.0, abs=1.0)

    def test_an_old_answer_counts_for_nothing(self, watch):
        answered(watch)
        watch.time += FRESH_S + 0.1
        assert (watch.beam(), watch.emission("laser")) == (UNKNOWN, UNKNOWN)

    def test_open_is_on(self, watch):
        api.light(watch.bench, on=True)
        answered(watch)
        assert watch.beam() == ON

    def test_the_shutter_hangs(self, watch):
        answered(watch)
        watch.bench.emulator("shutter").hung = True
        watch.time += FRESH_S + 0.1
        answered(watch)
        assert watch.beam() == UNKNOWN

    def test_a_busy_bench_is_asked_about_light_only(self, watch):
        answered(watch, idle=False)
        assert watch.value("shutter", "is_closed").value is True
        assert watch.value("ccd", "temperature_c").value is None

    def test_a_debt_is_counted_from_the_question(self, watch):
        watch.tick(idle=True)
        watch.time += 7.0
        assert watch.silent_s("ccd") == pytest.approx(7.0)
        assert watch.silent_s("nobody") == 0.0


class TestCards:
    """What drivers declare, along the light path."""

    def test_order_and_content(self, bench):
        found = {card.role: card for card in cards(bench)}
        assert list(found)[:2] == ["laser", "filter"]
        assert set(found) == set(bench.devices)
        assert found["laser"].source
        assert found["shutter"].shutter
        assert found["filter"].settings[0].name == "pump.wavelength"
        assert [setting.name for setting in found["attenuator"].settings] == ["pump.power", "attenuator.angle"]
        dangerous = {action.name for card in found.values() for action in card.actions if action.dangerous}
        assert dangerous == {"laser.emission_on", "laser.reset_interlock"}

    def test_positions_are_those_last_read(self, bench):
        assert position(bench, "emission.centre") is None or position(bench, "emission.centre") > 0
        bench.move({"pump.wavelength": 515.0})
        assert position(bench, "pump.wavelength") == pytest.approx(515.0)
        assert not moving(bench, "filter")

    def test_path(self, bench):
        found = path(bench)
        assert (found.roles[0], found.tuned_at, found.shutter, found.sample) == ("laser", "filter", "shutter", "sample")


class TestOrdered:
    """Park and safe, from every lane at once."""

    def test_everybody_confirms_and_the_shutter_is_first(self, bench):
        api.light(bench, on=True)
        order = Ordered(bench, "safe")
        assert not order.done
        assert next(iter(order.answers())) == "shutter"
        bench.clock.wait(30.0)
        assert order.done
        assert set(order.answers().values()) == {"done"}
        assert not bench.twin.source.emission

    def test_one_that_hangs_keeps_nobody(self, bench):
        bench.emulator("ccd").hang.add("AbortAcquisition")
        order = Ordered(bench, "park")
        bench.clock.wait(30.0)
        late = {role for role, answer in order.answers().items() if answer != "done"}
        assert late == {"ccd"}

"""What in a plan wants a second thought, from its bounds and from what bench and drivers declare."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.plan import Bounds
from labctl.engine.dangers import dangers


@pytest.fixture(scope="module")
def film(session_state):
    """A bench whose film is under a voltage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with api.open_bench("qin2021") as bench:
            yield bench


def test_a_voltage_is_dangerous_and_no_voltage_is_not(film):
    assert dangers(Bounds(3, {"bias.voltage": (-5.0, 20.0)}), film) == ("bias.voltage up to 20 V",)
    assert dangers(Bounds(3, {"bias.voltage": (-5.0, 2.0)}), film) == ("bias.voltage up to -5 V",)
    assert dangers(Bounds(1, {"bias.voltage": (0.0, 0.0)}), film) == ()
    assert dangers(Bounds(1, {"pump.wavelength": (400.0, 500.0)}), film) == ()


@pytest.fixture(scope="module")
def cold(session_state):
    """A bench with a cryostat and a laser that has an emission of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with api.open_bench("ying2021-cryostat") as bench:
            yield bench


def test_switching_a_source_on_is_dangerous_and_off_is_not(cold):
    assert {"laser.emission_on", "laser.emission_off"} <= set(cold.actions)
    assert dangers(Bounds(1, do=("laser.emission_on", "laser.emission_off")), cold) == ("laser.emission_on",)


def test_warming_is_told_from_where_the_sample_stands(cold):
    stands = cold.axes["sample.temperature"].position
    told = dangers(Bounds(1, {"sample.temperature": (10.0, 400.0)}), cold)
    assert len(told) == 1
    assert "up to 400 K" in told[0]
    assert (stands is None) == ("from 10 K" in told[0])
    assert dangers(Bounds(1, {"sample.temperature": (10.0, 10.0)}), cold) == ()

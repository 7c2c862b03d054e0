"""What a door asks of the engine for what a plan asks of the door."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labctl.api import Order
from labctl.doors.attending import Attendant, Status

AFTER = {"pump.wavelength": (), "pump.photon_flux": ("pump.wavelength",), "pump.power": (), "analyser.angle": ()}


@pytest.fixture
def due(tmp_path):
    """Give the moves for what is asked for, where so much stands."""
    bench = SimpleNamespace(axes={name: SimpleNamespace(after=after) for name, after in AFTER.items()})
    attendant = Attendant(lambda: bench, Order("a plan", tmp_path))
    return lambda asked, standing: attendant._due(bench, asked, standing)


def test_what_was_parked_meanwhile_is_set_again(due):
    assert due({"analyser.angle": 10.0}, {}) == {"analyser.angle": 10.0}
    assert due({}, {}) == {"analyser.angle": 10.0}
    assert due({}, {"analyser.angle": 10.0}) == {}


def test_what_depends_on_a_move_is_made_again_with_it(due):
    due({"pump.wavelength": 500.0}, {})
    due({"pump.photon_flux": 1e12}, {"pump.wavelength": 500.0})
    standing = {"pump.wavelength": 500.0, "pump.photon_flux": 1e12}
    assert due({"pump.wavelength": 510.0}, standing) == {"pump.wavelength": 510.0, "pump.photon_flux": 1e12}


def test_of_several_ways_to_set_the_same_beam_the_last_one_holds(due):
    due({"pump.photon_flux": 1e12}, {})
    assert due({"pump.power": 1e-6}, {"pump.photon_flux": 1e12}) == {"pump.power": 1e-6}
    assert due({}, {}) == {"pump.power": 1e-6}


def test_a_status_is_over_once_and_tells_everybody():
    status, heard = Status(), []
    status.add_callback(heard.append)
    with pytest.raises(TimeoutError):
        status.exception()
    assert not status.done
    status.finish(ValueError("first"))
    status.finish()
    status.add_callback(heard.append)
    assert heard == [status, status]
    assert str(status.exception()) == "first"
    assert (status.done, status.success) == (True, False)
    with pytest.raises(ValueError, match="first"):
        status.result()

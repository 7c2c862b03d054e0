"""What a door asks of the engine for what a plan asks of the door."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labctl.api import Order
from labctl.core.clock import RealClock
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Point, Problem
from labctl.doors.attending import Attendant
from labctl.doors.requests import Request, Status
from labctl.engine.control import Control

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


class TestMovesThatAreGathered:
    @pytest.fixture
    def attendant(self, tmp_path, monkeypatch):
        """One whose bench forbids negative values, and which has not begun with anything."""
        made = Attendant(lambda: pytest.fail("opened"), Order("a plan", tmp_path))
        monkeypatch.setattr(made, "check", lambda point: [Problem(name, "negative") for name, at in point.set.items() if at < 0.0])
        return made

    def asked(self, attendant):
        """Give the set-points of every request that has been put, in order."""
        found = []
        while not attendant._requests.empty():
            found.append(attendant._requests.get().point.set)
        return found

    def test_are_one_request_and_begin_when_they_are_released(self, attendant):
        attendant.gather()
        first, second = attendant.move("a", 1.0), attendant.move("b", 2.0)
        assert first is second
        assert self.asked(attendant) == []
        attendant.release()
        assert self.asked(attendant) == [{"a": 1.0, "b": 2.0}]
        attendant.move("a", 3.0)
        assert self.asked(attendant) == [{"a": 3.0}], "nothing waits that nobody gathers"

    @pytest.mark.parametrize("axes", [("a", "a"), ("pump.power", "attenuator.angle")])
    def test_what_cannot_go_together_goes_in_order(self, attendant, axes):
        attendant.gather()
        first = attendant.move(axes[0], 1.0)
        attendant.gather()
        assert attendant.move(axes[1], 2.0) is not first
        attendant.release()
        assert self.asked(attendant) == [{axes[0]: 1.0}, {axes[1]: 2.0}]

    def test_anything_else_that_is_asked_for_comes_after_them(self, attendant):
        attendant.gather()
        attendant.move("a", 1.0)
        attendant.visit(Point({"c": 3.0}))
        assert self.asked(attendant) == [{"a": 1.0}, {"c": 3.0}]

    def test_one_that_is_refused_leaves_the_others(self, attendant):
        attendant.gather()
        attendant.move("a", 1.0)
        with pytest.raises(Refused, match="negative"):
            attendant.move("b", -1.0)
        attendant.release()
        assert self.asked(attendant) == [{"a": 1.0}]

    def test_a_stop_gives_them_up_and_gathers_no_more(self, attendant):
        """A run engine that goes on after a pause repeats its messages itself; nobody would release them."""
        attendant.gather()
        held = attendant.move("a", 1.0)
        attendant.drop()
        assert isinstance(held.status.exception(), LabctlError)
        attendant.move("b", 2.0)
        assert self.asked(attendant) == [{"b": 2.0}]

    def test_a_stop_is_heard_by_what_has_been_asked_for_and_not_begun(self, attendant):
        early = attendant.visit(Point({"a": 1.0}))
        attendant.drop()
        late = attendant.visit(Point({"a": 2.0}))
        assert not attendant._begin(early, Control())
        assert "stopped" in str(early.status.exception())
        assert attendant._begin(late, Control())
        assert attendant._begin(Request(), Control()), "the end of a session is no wish that can be given up"


def test_an_axis_that_cannot_be_asked_is_told_to_who_asked(tmp_path):
    def silent():
        raise LabctlError("no answer")
        yield

    bench = SimpleNamespace(axes={"a": SimpleNamespace(read=silent)}, clock=RealClock())
    request = Request(ask="a")
    Attendant(lambda: bench, Order("a plan", tmp_path))._tell(bench, request)
    with pytest.raises(LabctlError, match="no answer"):
        request.status.result()

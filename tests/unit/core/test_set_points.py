"""Set-points as text: read, written in full, combined."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core import set_points
from labctl.core.errors import Refused
from procedures.sweep import Sweep


def test_units_ranges_and_lists_are_understood():
    found = set_points.read("pump.power = 1 uW, 2e-6; analyser.angle = 0:20:10")
    assert found == {"pump.power": pytest.approx((1e-6, 2e-6)), "analyser.angle": (0.0, 10.0, 20.0)}


@pytest.mark.parametrize("values", [{"delay.time": np.linspace(0, 1, 7)}, {"sample.x": range(3), "pump.power": ["1 uW", 3e-6]},
                                    {"sample.x": 0.1 + 0.2}])
def test_written_in_full_and_read_again(values):
    text = set_points.write(values)
    assert set_points.write(set_points.read(text)) == text
    first = next(iter(values.values()))
    assert set_points.read(text)[next(iter(values))] == tuple(np.atleast_1d(np.array(list(first) if np.iterable(first) else first)))


@pytest.mark.parametrize(("text", "why"), [
    ("analyser.angle", "not of the form"), ("a = 1; a = 2", "twice"), ("pump.power = 3 nm", "pump.power: '3 nm' is not"),
    ("sample.x =", "no number"), ("sample.x = inf", "not finite"),
])
def test_what_is_wrong_is_named(text, why):
    with pytest.raises(ValueError, match=why):
        set_points.read(text)


def test_nested_and_together():
    axes = {"a": (1.0, 2.0), "b": (5.0, 6.0)}
    assert [tuple(place.values()) for place in set_points.combinations(axes)] == [(1, 5), (1, 6), (2, 5), (2, 6)]
    assert [tuple(place.values()) for place in set_points.combinations(axes, together=True)] == [(1, 5), (2, 6)]
    with pytest.raises(ValueError, match="a has 1, b has 2"):
        set_points.combinations({"a": (1.0,), "b": (5.0, 6.0)}, together=True)


def test_a_level_is_known_by_its_unit():
    assert [set_points.level_named(text) for text in ("5 uW", "20 uJ/cm^2", "1e15 1/s")] == [
        "pump.power", "pump.fluence", "pump.photon_flux"]
    for text in ("20", "20 nm"):
        with pytest.raises(ValueError, match="unit of a pump level"):
            set_points.level_named(text)


@pytest.mark.parametrize(("values", "field"), [
    ({"axes": ""}, "axes"), ({"at": "sample.x = 1, 2"}, "at"), ({"at": "pump.wavelength = 505"}, "at"),
    ({"at": "pump.power = 1 uW; pump.fluence = 1 uJ/cm^2"}, "axes"),
    ({"axes": "sample.x = 1, 2; sample.y = 1", "together": True}, "axes"),
    ({"axes": "sample.x = 0:1:0.001; sample.y = 0:1:0.001"}, "axes"),
])
def test_a_sweep_that_makes_no_plan_says_why(values, field):
    assert [problem.field for problem in Sweep(**values).check()] == [field]


def test_detectors_are_needed():
    with pytest.raises(Refused, match="at least one name"):
        Sweep(detectors=" , ")
    assert Sweep(detectors=["power", "spectrum", "power"]).detectors == "power, spectrum"

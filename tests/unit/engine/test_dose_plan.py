"""What a plan will let fall, place by place, and what the sample's budget says to it."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from labctl.core.dose import Budget, Light, Spot
from labctl.core.plan import Estimate, Point
from labctl.engine import dose_plan
from labctl.engine.dose_plan import LIT_BESIDE_S, check_budget, planned, with_light

RATE_HZ, AREA_CM2 = 1e6, 1e-8


class Level:
    def __init__(self, per_watt):
        self.per_watt = lambda wavelength_nm: per_watt * (wavelength_nm or 1.0)


def bench(highest=float("inf")):
    return SimpleNamespace(
        axes={"pump.power": SimpleNamespace(per_watt=lambda wavelength_nm: 1.0), "pump.photon_flux": Level(1e15)},
        detectors={"spectrum": SimpleNamespace(exposed=True), "power": SimpleNamespace(exposed=False)},
        config=SimpleNamespace(safety=SimpleNamespace(limits={"pump.power": (0.0, highest)})),
        spot_size=lambda: (AREA_CM2, 0.5), constants=lambda: {"repetition_rate_hz": RATE_HZ})


def lit(**where):
    return Point({name.replace("_", ".", 1): value for name, value in where.items()}, exposure_s=1.0)


def light(power_w, points):
    return Light.of(power_w, points * (1.0 + LIT_BESIDE_S), RATE_HZ, AREA_CM2)


def amounts(each):
    return pytest.approx(list(each.as_json().values()))


def the_only(found):
    (each,) = found.values()
    return list(each.as_json().values())


class TestPlanned:
    def test_only_what_is_lit_counts(self):
        points = [lit(pump_power=1e-6), Point(light=False, exposure_s=1.0), Point(read=("power",), exposure_s=1.0)]
        assert the_only(planned(points, bench())) == amounts(light(1e-6, 1))

    def test_a_level_stays_until_it_is_set_again(self):
        points = [lit(pump_power=1e-6), lit(analyser_angle=3.0), lit(pump_power=2e-6)]
        assert the_only(planned(points, bench())) == amounts(light(1e-6, 2) + light(2e-6, 1))

    def test_photon_flux_counts_at_the_wavelength_that_was_set_before(self):
        points = [lit(pump_wavelength=500.0), lit(pump_photon_flux=1e12)]
        found = planned(points, bench(highest=1e-6))
        assert the_only(found) == amounts(light(1e-6, 1) + light(1e12 / (1e15 * 500.0), 1))

    @pytest.mark.parametrize("name", ["attenuator.angle", "pump.nd"])
    def test_after_a_direct_move_the_highest_allowed_counts(self, name):
        points = [lit(pump_power=1e-6), Point({name: 3.0}, exposure_s=1.0)]
        assert the_only(planned(points, bench(highest=5e-6))) == amounts(light(1e-6, 1) + light(5e-6, 1))
        (each,) = planned(points, bench()).values()
        assert each.unknown_s == pytest.approx(1.0 + LIT_BESIDE_S)

    def test_places_are_counted_apart(self):
        points = [lit(pump_power=1e-6, sample_x=x, sample_y=0.0) for x in (1.0, 2.0, 2.0)]
        assert [round(each.lit_s / (1.0 + LIT_BESIDE_S)) for each in planned(points, bench()).values()] == [1, 2]

    def test_the_estimate_is_that_of_the_most_exposed_place(self):
        found = planned([lit(pump_power=1e-6, sample_x=x, sample_y=0.0) for x in (1.0, 2.0, 2.0)], bench())
        told = with_light(Estimate(9.0, 0.0, 8, 3), found)
        assert told.dose_j_cm2 == pytest.approx(light(1e-6, 2).dose_j_cm2)
        assert told.lit_seconds == pytest.approx(light(1e-6, 3).lit_s)

    def test_many_points_in_a_moment(self):
        points = [lit(pump_wavelength=500.0 + index % 7, pump_photon_flux=1e12) for index in range(20_000)]
        started = time.process_time()
        planned(points, bench())
        assert time.process_time() - started < 0.15, "measured: 0.015 to 0.025 s of processor time"


class FakeMeter:
    def __init__(self, budget, before=None, spot=None):
        self.budget, self.had, self._spot = budget, before or Light(), spot or Spot("s", radius_um=0.5)

    def spot(self):
        return self._spot

    def before(self, spot):
        return self.had


class TestBudget:
    def test_none_is_not_enforced(self):
        assert check_budget({(None, None): Light(1e9, 1e9, 1e9, 1e9)}, FakeMeter(Budget())) == []

    def test_refused_with_figures(self):
        (problem,) = check_budget({(None, None): Light(4000.0, 1, 1, 1e-5)}, FakeMeter(Budget(5000.0), Light(1200.0)))
        assert problem.level == "error"
        assert problem.field == "dose"
        assert "has had 1.2 kJ/cm² and the plan adds 4 kJ/cm², together 5.2 kJ/cm²" in problem.text
        assert "the sample's budget of dose is 5 kJ/cm²" in problem.text
        assert "--new-spot" in problem.text

    @pytest.mark.parametrize("budget", [Budget(pulses=10.0), Budget(lit_s=1.0), Budget(peak_j_cm2=1e-9)])
    def test_every_unit_is_kept(self, budget):
        assert len(check_budget({(None, None): Light(1.0, 11.0, 2.0, 1e-8)}, FakeMeter(budget))) == 1

    def test_exactly_the_budget_is_allowed(self):
        assert check_budget({(None, None): Light(0.1 + 0.2)}, FakeMeter(Budget(0.3))) == []

    def test_unknown_power_cannot_keep_a_dose(self):
        (problem,) = check_budget({(None, None): Light(lit_s=2.0, unknown_s=2.0)}, FakeMeter(Budget(5000.0)))
        assert "not known for 2 s" in problem.text
        assert check_budget({(None, None): Light(lit_s=2.0, unknown_s=2.0)}, FakeMeter(Budget(lit_s=3.0))) == []

    def test_neighbours_that_touch_add_up(self):
        places = {(0.0, 0.0): Light(3.0), (0.0009, 0.0): Light(3.0), (1.0, 0.0): Light(3.0)}
        assert len(check_budget(places, FakeMeter(Budget(5.0)))) == 2
        assert check_budget(places, FakeMeter(Budget(6.0))) == []

    def test_many_places_are_counted_not_listed(self):
        places = {(float(index), 0.0): Light(3.0) for index in range(100)}
        found = check_budget(places, FakeMeter(Budget(1.0)))
        assert len(found) == 4
        assert "97 more" in found[-1].text


def test_an_adaptive_plan_counts_its_brightest_corner_at_every_point():
    corners = (lit(pump_power=1e-6), lit(pump_power=2e-6))
    adaptive = SimpleNamespace(bounds=SimpleNamespace(corners=lambda: corners, dose_j_cm2=None, known=()), total=10)
    assert the_only(dose_plan.planned_at_most(adaptive, bench())) == amounts(light(2e-6, 10))

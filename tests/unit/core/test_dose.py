"""Light adds up, the peak does not; budgets name what they forbid; spots touch or do not."""

from __future__ import annotations

import pytest

from labctl.core.dose import DARK, Budget, Light, Spot, summary, written

DISC_CM2 = 1.1309733552923255e-08        # of 1.2 µm diameter


class TestLight:
    def test_fifty_microwatts_on_a_small_disc(self):
        light = Light.of(50e-6, 1.0, 78e6, DISC_CM2)
        assert light.dose_j_cm2 == pytest.approx(4421, rel=1e-3), "4.4 kJ/cm² per second"
        assert light.pulses == 78e6
        assert light.peak_j_cm2 == pytest.approx(56.68e-6, rel=1e-3)

    def test_sums_add_and_the_peak_is_the_highest(self):
        assert Light(1.0, 2.0, 3.0, 4.0) + Light(10.0, 20.0, 30.0, 3.0) == Light(11.0, 22.0, 33.0, 4.0)

    def test_unknown_power_leaves_the_dose_out_and_says_so(self):
        light = Light.of(None, 2.0, 1e3, DISC_CM2)
        assert light == Light(pulses=2e3, lit_s=2.0, unknown_s=2.0)
        assert summary(light).startswith("at least 0 J/cm² in 2 s (2 s of them at unknown power)")

    def test_covers_looks_at_every_amount(self):
        assert Light(1, 1, 1, 1).covers(Light(1, 1, 1, 0.5))
        assert not Light(1, 1, 1, 1).covers(Light(1, 1, 1, 0.5, 0.1))
        assert not Light(1, 1, 1, 0.1).covers(Light(1, 1, 1, 0.5))


class TestSpot:
    def test_discs_that_touch_overlap(self):
        first, near, far = (Spot("s", "", 1, x, 0.0, 0.6) for x in (0.0, 1.1e-3, 1.3e-3))
        assert first.overlaps(near)
        assert not first.overlaps(far)

    @pytest.mark.parametrize("other", [Spot("t"), Spot("s", "second"), Spot("s", "", 2)])
    def test_another_sample_mounting_or_number_is_another_spot(self, other):
        assert not Spot("s").overlaps(other)

    def test_a_stage_that_does_not_tell_overlaps_everywhere(self):
        assert Spot("s", "", 1, 1.0, 1.0).overlaps(Spot("s"))


class TestBudget:
    def test_reads_numbers_and_texts_with_units(self):
        assert Budget.read({"dose_j_cm2": "5 kJ/cm^2", "lit_s": "2 min", "pulses": 1e9, "peak_j_cm2": "60 uJ/cm^2"}) == Budget(
            5000.0, 1e9, 120.0, pytest.approx(60e-6))

    @pytest.mark.parametrize(("told", "text"), [
        ({"dose": 1}, "there is no limit dose"), ({"lit_s": "5 J"}, "lit_s: '5 J' is not a number in s"),
        ({"pulses": -1}, "pulses"), ({"lit_s": True}, "not a limit"), ({"lit_s": float("nan")}, "not a limit"),
    ])
    def test_names_the_key_that_is_wrong(self, told, text):
        with pytest.raises(ValueError, match=text):
            Budget.read(told)

    def test_tells_which_limits_are_passed(self):
        budget = Budget(dose_j_cm2=10.0, peak_j_cm2=1e-3)
        assert list(budget.over(Light(10.0, 0, 0, 1e-3))) == []
        assert list(budget.over(Light(10.1, 0, 0, 2e-3))) == ["dose_j_cm2", "peak_j_cm2"]
        assert not Budget()
        assert list(Budget().over(Light(1e9, 1e9, 1e9, 1e9))) == []


@pytest.mark.parametrize(("name", "value", "text"), [
    ("dose_j_cm2", 4421.0, "4.42 kJ/cm²"), ("peak_j_cm2", 56.7e-6, "56.7 µJ/cm²"), ("dose_j_cm2", 0.0, "0 J/cm²"),
    ("lit_s", 3600.0, "3.6e+03 s"), ("pulses", 1e9, "1e+09 pulses"),
])
def test_written_for_people(name, value, text):
    assert written(name, value) == text


def test_dark_is_nothing():
    assert DARK + DARK == DARK

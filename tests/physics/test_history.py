"""Seeds, checkpoints and hidden facts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim_instruments.twin.noise import Wander


def walk(rig, points):
    """Visit points as an engine would: tune, move, expose, read; gives frames and power readings."""
    seen = []
    for index in points:
        rig.twin.point(77, index)
        rig.tune(524.0 + 0.5 * index)
        rig.attenuator.angle.move(33.0 + index, 0.3)
        rig.clock.wait(2.5)
        reading = rig.power_meter.measure(526.0, 3)
        rig.shutter.opening.move(1.0, 0.008)
        rig.clock.wait(0.05)
        frame = rig.frame(0.5)
        rig.shutter.opening.move(0.0, 0.008)
        rig.clock.wait(0.1)
        seen.append((frame, reading))
    return seen


def same(one, two):
    return all(np.array_equal(a[0], b[0]) and a[1] == b[1] for a, b in zip(one, two, strict=True))


class TestDeterminism:
    def test_same_seeds_same_counts(self, build):
        assert same(walk(build(ideal=False), range(3)), walk(build(ideal=False), range(3)))

    def test_other_bench_seed_other_bench(self, build):
        assert not same(walk(build(ideal=False), range(1)), walk(build(ideal=False, seed=6), range(1)))

    def test_other_run_seed_other_noise(self, build):
        one, two = build(), build()
        one.twin.point(1, 0)
        two.twin.point(2, 0)
        assert not np.array_equal(one.frame(), two.frame())

    def test_every_acquisition_has_its_own_noise(self, rig):
        rig.twin.point(1, 0)
        assert not np.array_equal(rig.frame(), rig.frame())

    def test_live_frames_differ(self, rig):
        assert not np.array_equal(rig.frame(), rig.frame())


class TestCheckpoint:
    def test_a_resumed_run_equals_an_uninterrupted_one(self, build):
        whole = walk(build(ideal=False), range(4))
        first = build(ideal=False)
        walk(first, range(2))
        checkpoint = first.twin.checkpoint()
        second = build(ideal=False)
        second.clock.wait(123.456)
        second.twin.restore(checkpoint)
        assert same(whole[2:], walk(second, range(2, 4)))

    def test_a_repeated_point_draws_the_same_noise(self, build):
        rig = build(ideal=False)
        walk(rig, range(2))
        checkpoint = rig.twin.checkpoint()
        once = walk(rig, [2])
        rig.twin.restore(checkpoint)
        assert same(once, walk(rig, [2]))

    def test_carries_the_dose(self, build):
        rig = build(ideal=False)
        walk(rig, range(2))
        checkpoint, dose = rig.twin.checkpoint(), rig.twin.sample_port.dose_j_cm2
        other = build(ideal=False)
        other.twin.restore(checkpoint)
        assert other.twin.sample_port.dose_j_cm2 == dose > 0

    def test_carries_moves_in_progress(self, build):
        rig = build()
        rig.attenuator.angle.move(90.0, 10.0)
        rig.clock.wait(4.0)
        other = build()
        other.twin.restore(rig.twin.checkpoint())
        assert other.attenuator.angle.position == pytest.approx(36.0)
        other.clock.wait(6.0)
        assert other.attenuator.angle.position == 90.0

    def test_restoring_drops_exposures(self, build):
        rig = build()
        checkpoint = rig.twin.checkpoint()
        gate = rig.ccd.open_gate()
        rig.twin.restore(checkpoint)
        rig.clock.wait(1.0)
        rig.twin.settle()
        assert gate not in rig.twin._gates

    def test_of_another_bench_or_version_is_refused(self, build):
        checkpoint = build(without=("nd",)).twin.checkpoint()
        with pytest.raises(ValueError, match="another light path"):
            build().twin.restore(checkpoint)
        old = json.dumps(json.loads(checkpoint) | {"version": 0}).encode()
        with pytest.raises(ValueError, match="version 0"):
            build(without=("nd",)).twin.restore(old)


class TestHiddenFacts:
    def test_are_dealt_within_their_ranges(self, build):
        for seed in range(30):
            truth = {name: entry["value"] for name, entry in build(seed=seed, ideal=False).twin.truth().items()}
            assert -5 <= truth["attenuator.offset_deg"] <= 5
            assert 3e-4 <= truth["attenuator.extinction"] <= 3e-3
            assert 0.90 <= truth["attenuator.transmission"] <= 0.96
            assert 505 <= truth["attenuator.plate_wavelength_nm"] <= 525
            assert 0.03 <= truth["power_meter.fraction"] <= 0.05
            assert abs(truth["power_meter.gain"] - 1) < 0.15

    def test_ideal_is_nominal(self, rig):
        truth = {name: entry["value"] for name, entry in rig.twin.truth().items()}
        assert truth["attenuator.offset_deg"] == 0
        assert truth["power_meter.gain"] == 1
        assert truth["spectrograph.centre_errors_nm"] == [0.0]

    def test_a_bench_file_may_fix_them(self, build):
        rig = build(ideal=False, attenuator={"offset_deg": 2.0})
        rig.tune(526.0)
        rig.open()
        powers = {}
        for angle in (2.0, 0.0, 4.0):
            rig.attenuator.angle.move(angle)
            powers[angle] = rig.twin.power_at_sample_now()
        assert powers[2.0] > powers[0.0]
        assert powers[0.0] == pytest.approx(powers[4.0], rel=1e-6)

    def test_truth_names_constants_with_units_and_no_outcome(self, rig):
        truth = rig.twin.truth()
        assert truth["sample.d_S"] == {"value": pytest.approx(0.018), "unit": "eV"}
        assert all(set(entry) == {"value", "unit"} for entry in truth.values())
        assert not any(word in name.lower() for name in truth for word in ("resonance_nm", "maximum", "threshold"))
        json.dumps(truth, allow_nan=False)

    def test_grating_never_returns_to_quite_the_same_place(self, build):
        rig = build(ideal=False)
        places = []
        for _ in range(12):
            rig.spectrograph.centre_nm.move(540.0, 1.0)
            rig.clock.wait(2.0)
            rig.twin.settle()
            rig.spectrograph.centre_nm.move(557.0, 1.0)
            rig.clock.wait(2.0)
            rig.twin.settle()
            places.append(rig.twin.arm.state(rig.clock.now())[0])
        hidden = rig.twin.truth()["spectrograph.centre_errors_nm"]["value"][0]
        assert np.std(places) == pytest.approx(0.05, rel=0.6)
        assert np.mean(places) == pytest.approx(557.0 + hidden, abs=0.05)


class TestWander:
    def test_settles_at_its_standard_deviation(self):
        draw = np.random.default_rng(3)
        wander = Wander(0.005, 1200.0, 0.0, 0.0)
        values = [wander.advance(600.0 * step, draw) for step in range(1, 20_000)]
        assert np.std(values) == pytest.approx(0.005, rel=0.05)
        assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(np.exp(-0.5), abs=0.03)

    def test_does_not_move_without_time(self):
        wander = Wander(0.005, 1200.0, 0.002, 10.0)
        assert wander.advance(10.0, np.random.default_rng(3)) == pytest.approx(0.002)


class TestTruth:
    @pytest.mark.parametrize("name", [
        "ying2021", "wang2015", "wang2015_solution", "qin2021", "sun2024", "sun2024_d15", "sun2024_toluene", "xiong2022_oam",
        "xiong2022_ola_film", "wang2015_capillary"])
    def test_is_finite_and_has_units(self, build, name):
        table = build(sample=name, ideal=False).twin.truth()
        for entry in table.values():
            assert np.all(np.isfinite(entry["value"]))
            assert isinstance(entry["unit"], str)
        assert {key.split(".")[0] for key in table} >= {"sample", "result", "state", "attenuator"}

    @pytest.mark.parametrize(("name", "result", "value"), [
        ("ying2021", "line_splitting", 2.0), ("ying2021", "dipole_angle", 90.0), ("ying2021", "dolp_lower", 87.8),
        ("ying2021", "se_lifetime", 49.0), ("wang2015", "exciton_lifetime_film", 3.1), ("wang2015", "spe_wavelength", 514.67),
        ("wang2015_solution", "exciton_lifetime_solution", 3.6), ("qin2021", "pl_response_time", 65.9),
        ("sun2024", "fsr_d88", 0.709), ("sun2024", "extinction_ratio", 93.0), ("sun2024_d15", "mode_wavelength_d15", 537.6),
        ("sun2024_toluene", "resonance_2p", 970.0),
        ("xiong2022_ola_film", "lifetime_intensity_average_ola", 9.55), ("xiong2022_oam", "spike_q_oam", 976.0)])
    def test_bears_the_names_of_results(self, build, name, result, value):
        assert build(sample=name).twin.truth()[f"result.{result}"]["value"] == pytest.approx(value, rel=2e-3)

    def test_tells_how_the_sample_stands(self, build):
        rig = build(sample="wang2015")
        before = rig.twin.truth()["state.largest_dose"]["value"]
        rig.tune(520.0)
        rig.open()
        rig.clock.wait(10.0)
        after = rig.twin.truth()
        assert after["state.largest_dose"]["value"] > before == 0.0
        assert after["state.least_active"]["value"] < 1.0

"""What reaches the sample, the head and the chip while things move."""

from __future__ import annotations

import re
from importlib import resources

import numpy as np
import pytest

from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.path import PathError, PathItem
from sim_instruments.twin.spectrograph import grating_answer
from sim_instruments.twin.twin import Twin
from sim_instruments.twin.units import vacuum_to_air

SPOT_CM2 = np.pi / 4 * (1.2e-4) ** 2


@pytest.fixture
def lit(rig):
    """An ideal bench tuned to 526 nm, plate at maximum transmission, shutter open."""
    rig.tune(526.0)
    rig.open()
    return rig


class TestPower:
    def test_chain_of_transmissions(self, lit):
        density = 1.35e-3          # W/nm at 526 nm, by the formula of the source
        source = density * 1.06
        assert lit.twin.power_at_sample_now() == pytest.approx(source * 1.975 / 1.064 * 0.93 * 0.96 * 0.25, rel=0.1)

    def test_fluence_is_power_per_pulse_and_disc(self, lit, fluence):
        assert lit.twin.fluence_now() == pytest.approx(fluence(lit.twin.power_at_sample_now()))

    @pytest.mark.parametrize("block", [
        lambda rig: rig.shutter.opening.move(0.0), lambda rig: setattr(rig.laser, "emission", False),
        lambda rig: setattr(rig.filter, "rf_on", False), lambda rig: rig.nd.slot.move(3.0),
        lambda rig: rig.filter.tune(0, amplitude=0.0)])
    def test_anything_in_the_path_blocks_it(self, lit, block):
        block(lit)
        assert lit.twin.power_at_sample_now() == 0.0

    def test_neutral_density(self, lit):
        before = lit.twin.power_at_sample_now()
        lit.nd.slot.move(2.0)
        assert lit.twin.power_at_sample_now() == pytest.approx(before / 10)

    def test_pulse_picker_keeps_the_pulse_energy(self, lit):
        power, fluence_ = lit.twin.power_at_sample_now(), lit.twin.fluence_now()
        lit.laser.picker = 10
        assert lit.twin.power_at_sample_now() == pytest.approx(power / 10)
        assert lit.twin.fluence_now() == pytest.approx(fluence_)

    def test_filter_scale_is_in_air(self, lit):
        seen = lit.twin.beam.band(lit.twin.beam.states(lit.clock.now()))
        assert seen.wavelength_nm[np.argmax(seen.power_w)] == pytest.approx(526.0, abs=0.1)
        lit.filter.tune(0, centre_nm=526.0)
        seen = lit.twin.beam.band(lit.twin.beam.states(lit.clock.now()))
        assert seen.wavelength_nm[np.argmax(seen.power_w)] == pytest.approx(526.146, abs=0.1)

    def test_two_lines_add_up(self, build):
        rig = build(without=("cleanup",))
        rig.open()
        powers = []
        for lines in ((500.0, None), (None, 560.0), (500.0, 560.0)):
            for channel, centre in enumerate(lines):
                rig.filter.tune(channel, centre_nm=centre or 0.0, amplitude=1.0 if centre else 0.0)
            powers.append(rig.twin.power_at_sample_now())
        assert powers[2] == pytest.approx(powers[0] + powers[1], rel=2e-3)


class TestDose:
    def test_dark_sample_gets_nothing(self, rig):
        rig.tune(526.0)
        rig.clock.wait(100.0)
        rig.twin.settle()
        port = rig.twin.sample_port
        assert (port.lit_seconds, port.dose_j_cm2, port.pulses, port.fluence_max_j_cm2) == (0.0, 0.0, 0.0, 0.0)

    def test_dose_is_fluence_times_pulses(self, lit):
        fluence_ = lit.twin.fluence_now()
        lit.clock.wait(2.0)
        lit.shutter.opening.move(0.0)
        lit.clock.wait(50.0)
        lit.twin.settle()
        port = lit.twin.sample_port
        assert port.lit_seconds == pytest.approx(2.0)
        assert port.pulses == pytest.approx(2.0 * 78e6)
        assert port.dose_j_cm2 == pytest.approx(fluence_ * 2.0 * 78e6)
        assert port.fluence_max_j_cm2 == pytest.approx(fluence_)

    def test_shutter_blades_take_their_time(self, lit):
        power = lit.twin.power_at_sample_now()
        lit.shutter.opening.move(0.0, 0.008)
        lit.clock.wait(0.004)
        assert lit.twin.power_at_sample_now() == pytest.approx(power / 2)
        lit.clock.wait(1.0)
        lit.twin.settle()
        assert lit.twin.sample_port.lit_seconds == pytest.approx(0.008)
        assert lit.twin.sample_port.dose_j_cm2 == pytest.approx(power * 0.004 / SPOT_CM2, rel=0.01)

    def test_a_plate_sweeping_through_its_maximum_is_seen(self, rig):
        rig.tune(526.0)
        rig.attenuator.angle.move(45.0)
        rig.open()
        highest = rig.twin.fluence_now()
        rig.attenuator.angle.move(-45.0, 0.5)       # both ends dark, the middle bright
        rig.clock.wait(10.0)
        rig.twin.settle()
        assert highest < 1e-5
        rig.attenuator.angle.move(0.0)
        assert rig.twin.sample_port.fluence_max_j_cm2 == pytest.approx(rig.twin.fluence_now(), rel=0.01)

    def test_full_turns_are_not_undersampled(self, rig):
        rig.tune(526.0)
        rig.attenuator.angle.move(45.0)
        rig.open()
        rig.attenuator.angle.move(45.0 + 720.0, 3.0)
        rig.clock.wait(3.0)
        rig.twin.settle()
        dose = rig.twin.sample_port.dose_j_cm2
        rig.attenuator.angle.move(0.0)
        assert dose == pytest.approx(rig.twin.fluence_now() * 78e6 * 3.0 / 2, rel=0.02)

    def test_a_wheel_shows_the_filters_in_between(self, build):
        rig = build(nd={"transmissions": [0.001, 1.0, 0.001]})
        rig.tune(526.0)
        rig.open()
        faint = rig.twin.fluence_now()
        rig.nd.slot.move(3.0, 1.0)
        rig.clock.wait(5.0)
        rig.twin.settle()
        assert rig.twin.sample_port.fluence_max_j_cm2 == pytest.approx(1000 * faint)

    def test_edges_of_a_varia_pass_each_other_wide_open(self, build):
        rig = build(without=("filter", "cleanup"))
        path = [PathItem("filter", "varia"), *(PathItem(role, kind) for role, kind in (
            ("laser", "supercontinuum"), ("shutter", "shutter"), ("sample", "sample")))]
        twin = Twin(path, sample="ying2021", clock=rig.clock, ideal=True)
        edges, shutter = twin.element("filter"), twin.element("shutter")
        edges.lower_nm.move(500.0)
        edges.upper_nm.move(510.0)
        shutter.opening.move(1.0)
        narrow = twin.fluence_now()
        edges.upper_nm.move(560.0, 0.5)
        rig.clock.wait(0.5)
        edges.lower_nm.move(550.0, 0.5)
        rig.clock.wait(0.5)
        twin.settle()
        assert twin.sample_port.fluence_max_j_cm2 > 5 * narrow
        assert twin.fluence_now() < 1.5 * narrow

    def test_what_follows_a_moving_optic_is_not_taken_to_stand(self, build):
        rig = build(without=("filter", "cleanup"))
        path = [PathItem("filter", "varia"), PathItem("cleanup", "clean_up"), *(PathItem(role, kind) for role, kind in (
            ("laser", "supercontinuum"), ("attenuator", "wave_plate_attenuator"), ("shutter", "shutter"), ("sample", "sample")))]
        twin = Twin(path, sample="ying2021", clock=rig.clock, ideal=True)
        upper, beam = twin.element("filter").upper_nm, twin.beam
        upper.move(560.0, 0.5)
        rig.clock.wait(0.5)
        upper.move(510.0, 0.5)
        start = rig.clock.now()
        standing = beam.standing(start, {upper})
        assert [stage.role for stage, state in zip(beam.stages, standing, strict=True) if state is None] == ["filter", "cleanup"]
        assert beam.states(start + 0.2, standing) == beam.states(start + 0.2) != beam.states(start)


class TestPowerHead:
    def test_sees_the_beam_with_the_sample_dark(self, rig):
        rig.tune(526.0)
        rig.clock.wait(10.0)
        reading = rig.power_meter.measure(float(vacuum_to_air(526.0)), 100)
        rig.open()
        assert reading * 0.96 / 0.04 * 0.25 == pytest.approx(rig.twin.power_at_sample_now(), rel=0.01)

    def test_responds_with_half_a_second(self, rig):
        rig.tune(526.0)
        rig.clock.wait(60.0)
        full = rig.power_meter.measure(526.0, 1000)
        rig.laser.emission = False
        rig.clock.wait(0.5)
        assert rig.power_meter.measure(526.0, 1000) == pytest.approx(full / np.e, rel=0.02)

    def test_wrong_wavelength_setting_misreads(self, rig):
        rig.tune(526.0)
        rig.clock.wait(60.0)
        right, wrong = (rig.power_meter.measure(nm, 10_000) for nm in (526.0, 626.0))
        assert wrong / right == pytest.approx(np.exp(-0.25), rel=0.01)

    def test_noise_averages_down(self, rig):
        rig.tune(526.0)
        rig.clock.wait(60.0)
        scatter = [np.std([rig.power_meter.measure(526.0, number) for _ in range(200)]) for number in (1, 100)]
        assert scatter[0] / scatter[1] == pytest.approx(10.0, rel=0.2)

    def test_zeroing_removes_the_offset(self, build):
        rig = build(ideal=False, seed=4)
        rig.laser.emission = False
        rig.clock.wait(10.0)
        before = np.mean([rig.power_meter.measure(526.0, 100) for _ in range(50)])
        removed = rig.power_meter.zero()
        after = np.mean([rig.power_meter.measure(526.0, 100) for _ in range(50)])
        assert abs(before) > 5e-9
        assert removed == pytest.approx(before, abs=5e-9)
        assert abs(after) < 3e-9

    def test_head_at_the_sample_position(self, lit):
        lit.clock.wait(10.0)
        reading = lit.sample_power.measure(float(vacuum_to_air(526.0)), 1000)
        assert reading == pytest.approx(lit.twin.power_at_sample_now(), rel=0.01)
        lit.shutter.opening.move(0.0)
        lit.clock.wait(10.0)
        assert lit.sample_power.measure(526.0, 1000) == pytest.approx(0.0, abs=5e-9)


class TestExposure:
    @pytest.fixture
    def bright(self, lit):
        lit.set_power(50e-6)
        lit.clock.wait(1.0)
        return lit

    def test_signal_scale(self, build, tmp_path):
        """2e5 electrons per second in the brightest column at 50 µW and 526.5 nm, from unpolarised light."""
        text = resources.files("sim_instruments.samples").joinpath("ying2021.toml").read_text(encoding="utf-8")
        copy = tmp_path / "unpolarised.toml"
        copy.write_text(re.sub(r"(?m)^(p|p_spe|p_spe_off) = \{value = [0-9.]+", r"\1 = {value = 0.0", text), encoding="utf-8")
        rig = build(sample=copy, filter={"bandwidth_nm": 0.2})
        rig.tune(526.5)
        rig.open()
        rig.set_power(50e-6)
        assert (rig.frame(1.0)[0, 45:80].max() - 300.0) * 10 == pytest.approx(2e5, rel=0.05)

    def test_counts_are_the_integral_over_the_open_time(self, bright):
        whole = bright.frame(1.0)[0, 60:80].astype(float) - 300
        gate = bright.ccd.open_gate()
        bright.clock.wait(0.25)
        bright.shutter.opening.move(0.0)
        bright.clock.wait(0.75)
        part = bright.ccd.read_out(gate, _readout(1.0))[0, 60:80].astype(float) - 300
        assert part.sum() / whole.sum() == pytest.approx(0.25, rel=0.02)

    def test_light_during_the_shift_counts(self, bright):
        plain, shifted = (bright.frame(0.01, shift_s=shift)[0, 55:80].astype(float).sum() - 25 * 300 for shift in (0.0, 0.00287))
        assert shifted / plain == pytest.approx(1.287, rel=0.03)

    def test_closed_camera_shutter_keeps_the_chip_dark(self, bright):
        bright.ccd.shutter_open = False
        assert bright.frame(1.0).max() < 400

    def test_a_dropped_exposure_stops_collecting(self, bright):
        gate = bright.ccd.open_gate()
        bright.ccd.drop_gate(gate)
        bright.clock.wait(1.0)
        bright.twin.settle()
        assert not gate.electrons.any()

    def test_moving_the_grating_smears_the_spectrum(self, bright):
        still = bright.frame(1.0)[0].astype(float)
        gate = bright.ccd.open_gate()
        bright.spectrograph.centre_nm.move(560.0, 1.0)
        bright.clock.wait(1.0)
        smeared = bright.ccd.read_out(gate, _readout(1.0))[0].astype(float)
        assert smeared[50:].max() < 0.5 * still[50:].max()

    def test_pump_line_in_the_frame_saturates(self, bright):
        bright.tune(540.0)
        frame = bright.frame(1.0)[0]
        assert np.count_nonzero(frame == 65535) > 10
        assert frame[600:].max() < 1000

    def test_clean_up_keeps_the_pump_out_of_the_emission(self, build):
        dirty, clean = (build(without=without) for without in (("cleanup",), ()))
        levels = []
        for rig in (dirty, clean):
            rig.tune(520.0)
            rig.open()
            rig.set_power(50e-6)
            levels.append(float(rig.frame(0.1)[0, 10:40].mean()) - 300)
        assert levels[0] > 20 * abs(levels[1])

    @pytest.mark.parametrize(("part", "passes"), [
        (PathItem("analyser", "analyser", {"angle_deg": 70.0, "extinction": 0.0}), 1e-3 * grating_answer(70.0)),
        (PathItem("edge", "long_pass", {"edge_nm": 545.0, "blocking": 1e-2}), 1e-2)])
    def test_pump_is_held_back(self, build, part, passes):
        """The pump line itself in the frame, through a crossed analyser or a detection filter."""
        electrons = []
        for extra in ((), (part,)):
            rig = build(extra=extra, nd={"transmissions": [1.0, 1e-3]})
            rig.tune(540.0)
            rig.nd.slot.move(2.0)
            rig.open()
            rig.set_power(5e-9)
            lit = [rig.frame(1.0, gain_e_per_count=1.0)[0, 180:280].astype(float).sum() for _ in range(10)]
            rig.shutter.opening.move(0.0)
            dark = [rig.frame(1.0, gain_e_per_count=1.0)[0, 180:280].astype(float).sum() for _ in range(10)]
            electrons.append(np.median(lit) - np.median(dark))
        assert electrons[1] / electrons[0] == pytest.approx(passes, rel=0.3)

class TestPath:
    @pytest.mark.parametrize(("path", "words"), [
        ([PathItem("x", "teapot")], "teapot"),
        ([PathItem("laser", "supercontinuum", {"colour": 3})], "colour"),
        ([PathItem("a", "camera"), PathItem("b", "camera"), PathItem("laser", "supercontinuum")], "a and b"),
        ([PathItem("ccd", "camera")], "no source")])
    def test_says_what_is_wrong(self, rig, path, words):
        with pytest.raises(PathError, match=words):
            Twin(path, sample="ying2021", clock=rig.clock)

    def test_unknown_element(self, rig):
        with pytest.raises(PathError, match="cleanup"):
            rig.twin.element("cleanup")

    def test_camera_without_spectrograph_sees_the_dark(self, rig):
        twin = Twin([PathItem("laser", "supercontinuum"), PathItem("ccd", "camera")], sample="ying2021", clock=rig.clock)
        camera = twin.element("ccd")
        gate = camera.open_gate()
        rig.clock.wait(1.0)
        assert camera.read_out(gate, _readout(1.0)).max() < 2000


def _readout(seconds):
    return CcdReadout((0, 255), seconds, 10.0, 4.0, -60.0)

"""The PLE procedure: its plan on a bench that only answers, its results from a sample whose truth is known."""

from __future__ import annotations

import time

import numpy as np
import pytest

from labctl.core.errors import AnalysisError, Refused
from labctl.core.plan import Point, plan_hash
from procedures.ple import PLEScan


def wavelengths(points, kind="scan"):
    return np.array([point.set["pump.wavelength"] for point in points if point.kind == kind])


class TestPlan:
    """Which points are visited, and which are flagged beforehand."""

    def test_default_scan(self, fake_bench) -> None:
        points = list(PLEScan().plan(fake_bench()))
        assert wavelengths(points) == pytest.approx(np.arange(500.0, 530.01, 0.5))
        assert [point.kind for point in points[:4]] == ["dark"] * 3 + ["reference"]
        assert points[-1] == points[3]
        assert points[-1].kind == "reference"
        assert all(point.read == ("spectrum",) and point.exposure_s == 1.0 for point in points)

    def test_dark_frames_keep_the_shutter_closed_and_move_nothing(self, fake_bench) -> None:
        dark = [point for point in PLEScan(dark_frames=5).plan(fake_bench()) if point.kind == "dark"]
        assert len(dark) == 5
        assert not any(point.light or point.set for point in dark)

    def test_flux_is_constant_at_the_level_of_the_smallest_reach(self, fake_bench) -> None:
        points = [point for point in PLEScan(level="80 %").plan(fake_bench()) if point.light]
        assert len({point.set["pump.photon_flux"] for point in points}) == 1
        assert points[0].set["pump.photon_flux"] == pytest.approx(0.8 * 1.6e14)

    @pytest.mark.parametrize(("bandwidth", "last_clear"), [(1.5, 527.5), (1.75, 527.0), (2.0, 526.5)])
    def test_overlap_flags_follow_the_bandwidth(self, fake_bench, bandwidth: float, last_clear: float) -> None:
        points = list(PLEScan().plan(fake_bench(bandwidth=bandwidth)))
        flagged = [point.set["pump.wavelength"] for point in points if "pump_overlap" in point.flags]
        assert flagged == pytest.approx(np.arange(last_clear + 0.5, 530.01, 0.5))

    def test_reference_lies_in_the_middle_of_the_clear_range(self, fake_bench) -> None:
        reference = wavelengths(list(PLEScan().plan(fake_bench())), "reference")
        assert np.all(reference == 513.5)

    @pytest.mark.parametrize(("start", "stop", "step", "last", "number"), [
        (500, 530, 0.1, 530.0, 301), (500, 530, 0.7, 529.4, 43), (530, 500, -0.5, 500.0, 61), (500, 500.3, 0.1, 500.3, 4),
    ])
    def test_the_last_wavelength_belongs_to_the_grid_when_the_step_meets_it(
            self, fake_bench, start: float, stop: float, step: float, last: float, number: int) -> None:
        grid = wavelengths(list(PLEScan(start=start, stop=stop, step=step).plan(fake_bench())))
        assert len(grid) == number
        assert grid[-1] == pytest.approx(last)

    def test_same_parameters_give_the_same_plan(self, fake_bench) -> None:
        assert plan_hash(list(PLEScan().plan(fake_bench()))) == plan_hash(list(PLEScan().plan(fake_bench())))

    def test_out_of_range_wavelengths_are_refused_with_the_range(self, fake_bench) -> None:
        with pytest.raises(Refused, match=r"stop: 40 of 61 wavelengths \(510.5 to 530 nm\) .* reaches, 400 to 510 nm"):
            list(PLEScan().plan(fake_bench(limits=(400.0, 510.0))))

    def test_a_level_below_the_attenuators_minimum_is_refused(self, fake_bench) -> None:
        with pytest.raises(Refused, match=r"level: 1\.6e\+12 1/s is below the lowest photon flux .* 1e\+13 1/s"):
            list(PLEScan(level=0.01).plan(fake_bench(lowest=1e13)))


class TestParameters:
    """Wrong input is named, with the remedy."""

    @pytest.mark.parametrize(("values", "field", "text"), [
        ({"step": -0.5}, "step", "leads away from 530 nm"),
        ({"start": 530, "stop": 500}, "step", "Write -0.5 nm"),
        ({"step": 0}, "step", "no range"),
        ({"start": 510, "stop": 510}, "stop", "no range"),
        ({"step": 1e-4}, "step", "300000 points are more than 100000"),
        ({"emission_edge": 545}, "emission_edge", "not inside the fit window"),
    ])
    def test_check(self, values: dict, field: str, text: str) -> None:
        problems = PLEScan(**values).check()
        assert [problem.field for problem in problems] == [field]
        assert text in problems[0].text

    def test_defaults_are_fine(self) -> None:
        assert PLEScan().check() == []

    @pytest.mark.parametrize(("name", "value"), [("exposure", 0), ("exposure", "10 h"), ("level", 1.2), ("dark_frames", 0)])
    def test_impossible_values_are_refused_when_set(self, name: str, value: object) -> None:
        with pytest.raises(Refused, match=name):
            PLEScan(**{name: value})


def part() -> PLEScan:
    """The part of the default scan around the maximum: as telling as the whole, and quicker."""
    return PLEScan(start=518)


class TestReduction:
    """Results from spectra made with known areas, shapes and excitation spectrum."""

    def test_results(self, make_ple_run) -> None:
        procedure = PLEScan()
        run = make_ple_run(procedure, np.random.default_rng(1))
        began = time.perf_counter()
        results = procedure.reduce(run).results
        assert time.perf_counter() - began < 10.0          # a watchdog: it takes 0.4 s
        resonance = results["resonance_nm"]
        assert resonance.value == pytest.approx(526.4, abs=0.2)
        assert 0.01 < (resonance.stderr or 0) <= 0.1
        assert resonance.systematic
        assert results["resonance_eV"].value == pytest.approx(1239.841984 / resonance.value)
        assert results["resonance_eV"].stderr == pytest.approx(resonance.stderr * 2.3553 / 526.4, rel=1e-3)
        assert results["peak_rate"].value == pytest.approx(1.2e5, rel=0.03)
        assert results["red_shift_meV"].value == pytest.approx(19.35, abs=4 * (results["red_shift_meV"].stderr or 0))

    def test_spontaneous_line_and_red_shift_of_the_pair(self, make_ple_run) -> None:
        reduction = part().reduce(make_ple_run(part(), np.random.default_rng(1)))
        assert reduction.curves["spontaneous_rate"].y[:10] == pytest.approx(6e4, rel=0.1)
        # The invented pair moves by 3e-4 eV over 26 nm of pump, to the red towards the resonance.
        assert reduction.results["se_red_shift"].value == pytest.approx(0.3 * 8.5 / 26, abs=0.03)
        assert reduction.results["stokes_shift"].value == reduction.results["red_shift_meV"].value

    def test_spread_between_runs_agrees_with_the_stated_error(self, make_ple_run) -> None:
        rng = np.random.default_rng(5)
        found = [part().reduce(make_ple_run(part(), rng)).results["resonance_nm"] for _ in range(3)]
        pulls = [(result.value - 526.40) / result.stderr for result in found]
        assert 0.1 < np.sqrt(np.mean(np.square(pulls))) < 1.8

    def test_it_follows_the_sample(self, make_ple_run) -> None:
        """Shift the absorption and the maximum follows; nothing is typed in."""
        rng = np.random.default_rng(2)
        found = {}
        for centre in (525.2, 526.4):
            run = make_ple_run(part(), rng, noise=0.002, curve=lambda nm, c=centre: 0.2 + 0.8 * np.exp(-(((nm - c) / 1.9) ** 2)))
            found[centre] = part().reduce(run).results["resonance_nm"].value
        assert found[526.4] - found[525.2] == pytest.approx(1.2, abs=0.05)

    def test_pump_overlap_points_are_kept_but_not_used(self, make_ple_run) -> None:
        run = make_ple_run(part(), np.random.default_rng(1))
        curve = part().reduce(run).curves["pair_rate"]
        assert curve.used is not None
        assert len(curve.x) == 25
        assert np.array_equal(curve.used, curve.x <= 527.0)
        assert curve.fit_x is not None
        assert curve.fit_x.max() == 527.0

    def test_saturated_points_are_left_out(self, make_ple_run) -> None:
        run = make_ple_run(part(), np.random.default_rng(1))
        run.extra_flags["saturated"] = run["pump.wavelength"] == 526.5
        run.spectra[run["pump.wavelength"] == 526.5] *= 0.3
        curve = part().reduce(run).curves["pair_rate"]
        assert curve.used is not None
        assert not curve.used[curve.x == 526.5].any()

    def test_saturation_by_the_pump_line_beside_the_emission_does_no_harm(self, make_ple_run) -> None:
        run = make_ple_run(part(), np.random.default_rng(1))
        run.extra_flags["saturated"] = run["pump.wavelength"] > 525
        run.values["saturation_counts"] = np.full(len(run.points), 65535.0)
        clipped = (run.pixels_nm < 528) & (run["pump.wavelength"][:, None] > 525)
        run.raw = np.where(clipped, 65535, 1000)
        assert part().reduce(run).results["resonance_nm"].value == pytest.approx(526.4, abs=0.2)
        run.raw[run["pump.wavelength"] == 526.0, np.argmin(abs(run.pixels_nm - 530.8))] = 65535
        curve = part().reduce(run).curves["pair_rate"]
        assert curve.used is not None
        assert set(curve.x[~curve.used & (curve.x < 527.2)]) == {526.0}

    def test_measured_flux_normalises(self, make_ple_run) -> None:
        """A source that sags by 20 % in mid-scan moves nothing when the pick-off has seen it."""
        run = make_ple_run(part(), np.random.default_rng(1))
        straight = part().reduce(run).results["resonance_nm"].value
        sag = np.linspace(1.0, 0.8, len(run.points))
        run.values["pump.photon_flux_measured"] = run["pump.photon_flux"] * sag
        run.spectra = run.spectra * sag[:, None]
        run.errors = run.errors * sag[:, None]
        assert part().reduce(run).results["resonance_nm"].value == pytest.approx(straight, abs=0.005)

    def test_descending_scan_gives_the_same(self, make_ple_run) -> None:
        down = PLEScan(start=530, stop=518, step=-0.5)
        result = down.reduce(make_ple_run(down, np.random.default_rng(4))).results["resonance_nm"]
        assert result.value == pytest.approx(526.4, abs=0.2)

    def test_reference_drift_is_reported_not_corrected(self, make_ple_run) -> None:
        steady = part().reduce(make_ple_run(part(), np.random.default_rng(1)))
        drifted = part().reduce(make_ple_run(part(), np.random.default_rng(1), drift=0.10))
        assert steady.problems == ()
        assert [(p.field, p.level) for p in drifted.problems] == [("reference", "warning")]
        assert "nothing was corrected" in drifted.problems[0].text
        assert drifted.results["peak_rate"].value == pytest.approx(steady.results["peak_rate"].value)

    def test_missing_reference_is_said(self, make_ple_run) -> None:
        run = make_ple_run(part(), np.random.default_rng(1))
        run.others.clear()
        assert "not repeated" in part().reduce(run).problems[0].text


class TestRefusal:
    """A fit that the data do not carry gives a reason instead of a number."""

    @pytest.mark.parametrize("seed", range(2))
    def test_two_nanometres_of_bandwidth(self, make_ple_run, seed: int) -> None:
        reduction = part().reduce(make_ple_run(part(), np.random.default_rng(seed), bandwidth=2.0))
        assert dict(reduction.results) == {}
        refusal = next(problem for problem in reduction.problems if problem.level == "error")
        assert refusal.field == "resonance_nm"
        assert "beyond the maximum" in refusal.text
        assert "526.50 nm" in refusal.text
        assert len(reduction.curves["pair_rate"].x) == 25

    def test_scan_that_ends_before_the_maximum(self, make_ple_run) -> None:
        short = PLEScan(start=515, stop=525)
        reduction = short.reduce(make_ple_run(short, np.random.default_rng(1)))
        assert "resonance_nm" not in reduction.results
        assert reduction.problems[-1].level == "error"

    def test_everything_flagged(self, make_ple_run) -> None:
        run = make_ple_run(part(), np.random.default_rng(1))
        run.extra_flags["saturated"] = np.ones(len(run.points), dtype=bool)
        with pytest.raises(AnalysisError, match="Every point of the scan is flagged"):
            part().reduce(run)

    def test_sample_below_threshold(self, make_ple_run) -> None:
        run = make_ple_run(part(), np.random.default_rng(1), peak=0.0)
        with pytest.raises(AnalysisError, match=r"No pair of lines 2\.00 meV apart is visible"):
            part().reduce(run)


class TestWavelengthsByName:
    """A list instead of a range, any order, there and back, photon flux or power."""

    def test_the_list_is_visited_as_written(self, fake_bench) -> None:
        procedure = PLEScan(wavelengths="525, 500:504:2, 510 nm")
        assert wavelengths(list(procedure.plan(fake_bench()))).tolist() == [525.0, 500.0, 502.0, 504.0, 510.0]
        assert PLEScan(wavelengths=[500.0, 501.5]).grid().tolist() == [500.0, 501.5]

    @pytest.mark.parametrize("text", ["500, five", "500:510:-1", "500:510", "500:510:0", "500 nm, 3 kg", "nan", "0:1e9:1e-3"])
    def test_what_is_no_list_is_refused(self, text: str) -> None:
        with pytest.raises(Refused, match="wavelengths"):
            PLEScan(wavelengths=text)

    def test_a_wavelength_out_of_reach_is_the_lists_fault(self, fake_bench) -> None:
        with pytest.raises(Refused, match="wavelengths: 1 of 2"):
            list(PLEScan(wavelengths="500, 800").plan(fake_bench()))

    def test_power_held_instead_of_photon_flux(self, fake_bench) -> None:
        reaches = {"pump.power": (1e-8, 5e-5), "pump.wavelength": (400.0, 700.0)}
        scan = [point for point in PLEScan(held="power").plan(fake_bench(reaches=reaches)) if point.kind == "scan"]
        assert {point.set["pump.power"] for point in scan} == {0.8 * 5e-5}
        assert all("pump.photon_flux" not in point.set for point in scan)

    def test_there_and_back_counts_as_one_scan(self, make_ple_run, fake_run) -> None:
        """Each wavelength visited twice: the same place, with less noise, and both visits are drawn."""
        once = make_ple_run(part(), np.random.default_rng(4))
        back = make_ple_run(part(), np.random.default_rng(5))
        both = fake_run([*once.points, *reversed(back.points)], constants=once.constants, pixels_nm=once.pixels_nm,
                        spectra=np.concatenate([once.spectra, back.spectra[::-1]]),
                        errors=np.concatenate([once.errors, back.errors[::-1]]), others=once.others)
        single, double = part().reduce(once), part().reduce(both)
        assert double.results["resonance_nm"].value == pytest.approx(526.4, abs=0.15)
        assert double.results["resonance_nm"].stderr < single.results["resonance_nm"].stderr
        assert len(double.curves["pair_rate"].x) == 2 * len(single.curves["pair_rate"].x)


class TestBlank:
    """What the same scan shows without the sample is taken out."""

    @pytest.fixture
    def with_blank(self, make_ple_run, pair_spectra):
        """A scan and its blank, taken at 0.8 of the flux; nothing but the pump and stray light is in the blank."""
        def make(shift_nm: float = 0.0):
            procedure = PLEScan(start=518, blank="7")
            run = make_ple_run(procedure, np.random.default_rng(6), noise=0.0)
            blank = make_ple_run(procedure, np.random.default_rng(7), noise=0.0, peak=0.0)
            for view, level in ((run, 1.0), (blank, 0.8), (run.others["reference"], 1.0), (blank.others["reference"], 0.8)):
                view.values["pump.photon_flux_measured"] = level * view["pump.photon_flux"]
            for view in (blank, blank.others["reference"]):
                bare = pair_spectra(view["pump.wavelength"], 0.0 * view["pump.wavelength"], view.pixels_nm, broad=0.0)
                view.spectra, view.errors = 0.8 * bare, np.sqrt(0.8 * bare + 16.0)
            if shift_nm:
                blank.pixels_nm = blank.pixels_nm + shift_nm
            run.runs = {"7": blank}
            return procedure, run
        return make

    def test_points_in_the_pumps_band_show_the_emission_again(self, with_blank, excitation_curve) -> None:
        procedure, run = with_blank()
        clean = procedure.reduce(run).curves["pair_rate"]
        dirty = PLEScan(start=518).reduce(run).curves["pair_rate"]
        truth = 1.2e5 * np.interp(clean.x, np.arange(500.0, 530.01, 0.5), excitation_curve)
        near = (clean.x > 527.2) & (clean.x < 529.5)
        assert np.abs(clean.y - truth)[near].max() < 0.03 * truth.max()
        assert np.abs(dirty.y - truth)[near].max() > 0.5 * truth.max()
        assert not clean.used[near].any()              # seen again, and still not fitted

    def test_another_axis_is_refused(self, with_blank) -> None:
        procedure, run = with_blank(shift_nm=1.0)
        with pytest.raises(AnalysisError, match="another wavelength axis"):
            procedure.reduce(run)

    def test_a_blank_over_other_wavelengths_is_refused(self, with_blank) -> None:
        procedure, run = with_blank()
        few = run.runs["7"]
        keep = slice(0, 10)
        few.points, few.spectra, few.errors = list(few.points)[keep], few.spectra[keep], few.errors[keep]
        few.values = {name: values[keep] for name, values in few.values.items()}
        with pytest.raises(AnalysisError, match=r"no spectrum at 15 of 25 pump wavelengths, the first 523\.00 nm"):
            procedure.reduce(run)


class TestBands:
    """Films: the light of a band against pump wavelength, and the maxima of the absorption in it."""

    def test_two_maxima_the_reddest_first(self, fake_run) -> None:
        rng = np.random.default_rng(8)
        procedure = PLEScan(emission="band", band_start=515.0, band_stop=540.0, start=455.0, stop=512.0, step=1.0,
                            spontaneous_start=540.0, spontaneous_stop=550.0)
        pixels = np.linspace(510.0, 560.0, 400)
        points = [Point({"pump.wavelength": float(nm), "pump.photon_flux": 1e12}) for nm in procedure.grid()]
        pump = procedure.grid()
        absorbed = np.exp(-(((pump - 507.0) / 6.0) ** 2)) + 0.9 * np.exp(-(((pump - 478.0) / 7.0) ** 2)) + 0.4
        line = np.exp(-4 * np.log(2) * ((pixels - 525.0) / 18.0) ** 2)
        exact = 4e3 * absorbed[:, None] * line
        run = fake_run(points, spectra=rng.poisson(exact).astype(float), errors=np.sqrt(exact + 1.0), pixels_nm=pixels,
                       constants={"pump.bandwidth": 1.75, "detection.instrument_fwhm": 0.15})
        run.others = {"reference": fake_run([])}
        reduction = procedure.reduce(run)
        assert reduction.results["absorption_wavelength_1"].value == pytest.approx(507.0, abs=0.5)
        assert reduction.results["absorption_wavelength_2"].value == pytest.approx(478.0, abs=0.7)
        assert set(reduction.curves) == {"band_rate", "spontaneous_rate"}

    @pytest.mark.parametrize(("values", "field"), [({"band_stop": 520.0}, "band_stop"),
                                                   ({"spontaneous_start": 540.0, "spontaneous_stop": 530.0}, "spontaneous_stop")])
    def test_bands_that_hold_nothing_are_refused(self, values: dict, field: str) -> None:
        assert [problem.field for problem in PLEScan(emission="band", **values).check()] == [field]

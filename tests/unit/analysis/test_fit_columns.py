"""Models fitted to columns of any origin: what is taken for what, truth recovered, refusals with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labctl.analysis.columns import Column, curves, find, plain
from labctl.analysis.fit import MODELS, fit_columns
from labctl.analysis.models import Fitted, Options
from labctl.core.errors import AnalysisError
from labctl.core.photons import photon_energy_j
from labctl.store.fits import numbers_of


def rng() -> np.random.Generator:
    """Give the same noise to every test, whatever ran before."""
    return np.random.default_rng(77)


def table(*columns: tuple[str, str, np.ndarray]) -> list[Column]:
    return [Column(name, unit, np.asarray(values, dtype=float)) for name, unit, values in columns]


def only(model: str, columns: list[Column], **options: object) -> Fitted:
    fits, refused = fit_columns(columns, model, Options(**options))        # type: ignore[arg-type]
    assert not refused, refused
    (fitted,) = fits.values()
    return fitted


def near(fitted: Fitted, name: str, truth: float, sigmas: float = 4.0) -> None:
    found = fitted.results[name]
    assert abs(found.value - truth) < sigmas * (found.stderr or 0.0), f"{name} = {found}, truth {truth}"


class TestColumns:
    """Units and words decide; what stays unclear is asked for, with the list of columns."""

    X = np.arange(1.0, 9.0)

    def chosen(self, columns: list[Column], model: str) -> list[tuple[str, str, bool]]:
        found = curves(columns, MODELS[model].kinds)
        return [(curve.x.name, curve.y.name, curve.sigma is not None) for curve in found]

    def test_unit_beats_order_and_errors_go_with_their_signal(self) -> None:
        columns = table(("Output", "cts", self.X**2), ("Output err", "cts", self.X), ("Pump", "mW", self.X))
        assert self.chosen(columns, "threshold") == [("Pump", "Output", True)]

    def test_output_in_the_unit_of_the_pump(self) -> None:
        columns = table(("Output power", "mW", self.X**2), ("Pump power", "mW", self.X))
        assert self.chosen(columns, "threshold") == [("Pump power", "Output power", False)]

    def test_second_abscissa_in_another_unit_is_no_signal(self) -> None:
        columns = table(("Wavelength", "nm", self.X), ("Energy", "eV", 1 / self.X), ("PL", "", self.X**2))
        assert [y for _, y, _ in self.chosen(columns, "lineshape")] == ["PL"]

    def test_running_number_and_constants_are_left_out(self) -> None:
        columns = table(("#", "", np.arange(8)), ("Angle", "deg", 10 * self.X), ("I", "", self.X**2), ("T", "K", np.full(8, 4.0)))
        assert self.chosen(columns, "malus") == [("Angle", "I", False)]

    def test_without_names_the_ascending_column_is_the_abscissa(self) -> None:
        columns = table(("", "", self.X), ("", "", rng().normal(size=8)), ("", "", rng().normal(size=8)))
        assert len(self.chosen(columns, "decay")) == 2

    def test_unclear_columns_are_listed(self) -> None:
        columns = table(("a", "V", rng().normal(size=8)), ("b", "V", rng().normal(size=8)), ("c", "", rng().normal(size=8)))
        with pytest.raises(AnalysisError, match=r"1 a \(V\), 2 b \(V\), 3 c is an angle"):
            curves(columns, ("angle",))
        with pytest.raises(AnalysisError, match="There is no column 'd'"):
            find(columns, "d")
        assert find(columns, "2").name == "b"

    @pytest.mark.parametrize("text", ["µJ/cm²", "uJ/cm^2", "µJ cm⁻²", "uJ cm-2", "μJ / cm2", "µJ/cm²/pulse"])
    def test_spellings_of_a_unit(self, text: str) -> None:
        assert plain(text) == "uj/cm2"


class TestModels:
    """Every model returns what was put in, within its own error."""

    PUMP = np.linspace(2.0, 60.0, 30)
    OUTPUT = (5 * PUMP + 120 * np.clip(PUMP - 22, 0, None)) * (1 + 0.02 * rng().standard_normal(30))

    def test_threshold(self) -> None:
        fitted = only("threshold", table(("Pump fluence", "uJ/cm2", self.PUMP), ("PL", "a.u.", self.OUTPUT)))
        near(fitted, "threshold", 22.0)
        assert fitted.results["threshold"].unit == "uJ/cm2"
        assert {"threshold_intercept", "threshold_log_log", "slope_1", "slope_2"} <= set(fitted.results)
        near(fitted, "slope_1", 1.0)

    def test_threshold_of_a_straight_line_is_refused(self) -> None:
        noise = 1 + 0.02 * rng().standard_normal(30)
        _, refused = fit_columns(table(("Pump", "mW", self.PUMP), ("PL", "", 5 * self.PUMP * noise)), "threshold", Options())
        assert "No threshold was found" in refused["PL"]

    def test_power_law_takes_the_segments_it_needs(self) -> None:
        x = np.geomspace(1, 200, 40)
        y = np.where(x < 20, 3 * x, np.where(x < 60, 60 * (x / 20) ** 5, 60 * 3**5 * (x / 60)))
        fitted = only("threshold", table(("P", "nW", x), ("I", "", y * (1 + 0.03 * rng().standard_normal(40)))))
        for name, truth in (("break_1", 20), ("break_2", 60), ("slope_1", 1), ("slope_2", 5), ("slope_3", 1)):
            near(fitted, name, truth)

    @pytest.mark.parametrize(("name", "factor"), [("analyser", 1.0), ("half-wave plate", 0.5)])
    def test_malus(self, name: str, factor: float) -> None:
        angle = np.arange(0, 361, 10.0)
        counts = rng().poisson(500 * (1 + 0.8 * np.cos(np.deg2rad(2 * (angle - 35)))))
        fitted = only("malus", table((name, "deg", factor * angle), ("counts", "", counts)))
        near(fitted, "dolp", 80.0)
        near(fitted, "axis", 35.0)

    def test_angle_in_radians(self) -> None:
        angle = np.arange(0, 361, 10.0)
        fitted = only("malus", table(("theta", "", np.deg2rad(angle)), ("I", "", 2 + np.cos(np.deg2rad(2 * angle - 60))
                                                                         + 0.01 * rng().standard_normal(37))))
        near(fitted, "axis", 30.0)

    def test_gain(self) -> None:
        length = np.linspace(0.004, 0.04, 19)
        light = np.expm1(100 * length) / 100 * (1 + 0.02 * rng().standard_normal(19))
        fitted = only("gain", table(("Stripe length", "µm", 1e4 * length), ("ASE", "", light)))
        near(fitted, "gain", 100.0)

    def test_length_without_unit_is_asked_for(self) -> None:
        _, refused = fit_columns(table(("length", "", self.PUMP), ("ASE", "", self.OUTPUT)), "gain", Options())
        assert "needs the unit of the stripe's length" in refused["ASE"]

    @pytest.mark.parametrize(("unit", "factor"), [("µJ/cm²", 1e6), ("1/cm2", 1 / photon_energy_j(400.0))])
    def test_occupancy(self, unit: str, factor: float) -> None:
        fluence = np.geomspace(1e-6, 8e-5, 14)
        light = 1000 * -np.expm1(-2.5e-14 * fluence / photon_energy_j(400.0))
        noisy = light * (1 + 0.02 * rng().standard_normal(14))
        columns = table(("fluence", unit, fluence * factor), ("PL", "", noisy), ("err", "", 0.02 * light))
        near(only("occupancy", columns, pump_nm=400.0), "cross_section", 2.5e-14)

    def test_pump_wavelength_is_asked_for(self) -> None:
        _, refused = fit_columns(table(("fluence", "mJ/cm2", self.PUMP), ("PL", "", self.OUTPUT)), "occupancy", Options())
        assert "--pump-nm" in refused["PL"]

    def test_lines_in_wavelength_and_in_energy_are_the_same_line(self) -> None:
        energy = np.linspace(2.25, 2.45, 600)
        light = rng().poisson(100 + 4000 / (1 + ((energy - 2.34) / 0.008) ** 2)).astype(float)
        by_energy = only("lineshape", table(("Energy", "eV", energy), ("PL", "", light)))
        nm = 1239.841984 / energy
        by_nm = only("lineshape", table(("Wavelength", "nm", nm), ("PL", "", light * energy / nm)), medium="vacuum")
        for fitted in (by_energy, by_nm):
            near(fitted, "centre_ev", 2.34)
            near(fitted, "fwhm_mev", 16.0)
            assert "Lorentzian" in fitted.results["centre_ev"].estimator
        assert by_nm.results["centre_ev"].value == pytest.approx(by_energy.results["centre_ev"].value, abs=1e-5)

    def test_air_is_turned_into_vacuum(self) -> None:
        nm = np.linspace(540, 552, 400)
        light = 1000 * np.exp(-4 * np.log(2) * ((nm - 546.074) / 1.5) ** 2) + 5 * rng().standard_normal(400)
        found = only("lineshape", table(("Wavelength", "nm", nm), ("I", "", light))).results["centre_ev"]
        assert found.value == pytest.approx(2.26983, abs=3e-5)          # mercury's green line

    def test_two_bands_are_asked_for(self) -> None:
        energy = np.linspace(2.2, 2.5, 500)
        light = sum(a * np.exp(-4 * np.log(2) * ((energy - e) / 0.03) ** 2) for a, e in ((1000, 2.38), (700, 2.32)))
        columns = table(("E", "eV", energy), ("PL", "", light + 8 * rng().standard_normal(500)))
        fitted = only("lineshape", columns, components=2)
        assert sorted([fitted.results[f"centre_ev_{k}"].value for k in (1, 2)]) == pytest.approx([2.32, 2.38], abs=1e-3)

    def test_modes(self) -> None:
        nm = np.linspace(520, 540, 2048)
        lines = zip(526 + 0.72 * np.arange(9), [3, 6, 9, 12, 9, 6, 4, 3, 2], strict=True)
        light = sum(h * np.exp(-4 * np.log(2) * ((nm - c) / 0.18) ** 2) for c, h in lines)
        fitted = only("modes", table(("Wavelength", "nm", nm), ("I", "", rng().poisson(1000 * light + 200))), medium="vacuum")
        assert fitted.results["lines"].value == 9
        assert fitted.results["fsr"].value == pytest.approx(0.72, abs=0.002)
        assert fitted.results["quality_strongest"].value == pytest.approx(528.16 / 0.18, rel=0.02)


TIME = np.arange(0, 50, 0.032)
PULSE = np.exp(-0.5 * ((TIME - 3) / 0.06) ** 2)
CLEAN = sum(n * np.convolve(np.exp(-TIME / life), PULSE)[: len(TIME)] / PULSE.sum() for n, life in ((3000, 0.8), (800, 4.0)))
COUNTS = rng().poisson(CLEAN + 2)


class TestDecays:
    """With a response, from the tail, and of numbers that are no counts any more."""

    def columns(self, counts: np.ndarray, unit: str = "ns", factor: float = 1.0) -> list[Column]:
        return table(("time", unit, factor * TIME), ("PL", "", counts))

    def test_with_a_response(self) -> None:
        irf = rng().poisson(20000 * PULSE + 0.2)
        fitted = only("decay", [*self.columns(COUNTS), *table(("IRF", "", irf))])
        near(fitted, "lifetime_1", 0.8)
        near(fitted, "lifetime_2", 4.0)
        assert fitted.results["lifetime_1"].unit == "ns"
        assert fitted.results["lifetime_1"].systematic is not None
        assert {"amplitude_average", "intensity_average", "shift"} <= set(fitted.results)

    def test_tail_of_counts(self) -> None:
        fitted = only("decay", self.columns(COUNTS, "ps", 1e3))
        near(fitted, "lifetime_2", 4000.0)
        assert fitted.results["lifetime_2"].goodness == pytest.approx(1, abs=0.12)
        assert any("no instrument response" in problem for problem in fitted.problems)

    @pytest.mark.parametrize("change", [lambda n: n / n.max(), lambda n: n - 2.0, lambda n: 3.7 * n],
                             ids=["normalised", "subtracted", "scaled"])
    def test_numbers_that_are_no_counts(self, change) -> None:
        fitted = only("decay", self.columns(change(COUNTS)))
        assert fitted.results["lifetime_2"].value == pytest.approx(4.0, rel=0.03)
        assert fitted.results["lifetime_2"].goodness == pytest.approx(1, abs=0.25)

    def test_noiseless_curve(self) -> None:
        fitted = only("decay", self.columns(1000 * np.exp(-TIME / 5) + 1e-9), components=1)
        assert fitted.results["lifetime"].value == pytest.approx(5.0, rel=1e-3)

    def test_what_is_no_sum_of_exponentials_is_fitted_where_it_is_one(self) -> None:
        rounded = 20000 / (np.exp(TIME / 3) + 200)               # flat first, exponential of 3 ns in the end
        fitted = only("decay", self.columns(rng().poisson(200 * rounded + 1)))
        assert any("from its peak on" in problem for problem in fitted.problems)
        assert fitted.results["lifetime"].value == pytest.approx(3.0, rel=0.05)

    def test_uneven_delays_are_refused(self) -> None:
        columns = table(("time", "ns", np.geomspace(1, 50, 100)), ("PL", "", rng().poisson(100, 100)))
        _, refused = fit_columns(columns, "decay", Options())
        assert "not evenly spaced" in refused["PL"]


def test_a_model_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(AnalysisError, match="threshold, malus, decay, gain, modes, lineshape, occupancy"):
        fit_columns([], "magic", Options())


class TestOtherPeoplesFiles:
    """Each model on text as other programs write it: odd delimiters, headings, decimal commas, units, any order, holes."""

    @staticmethod
    def fitted(tmp_path: Path, text: str, model: str, **options):
        path = tmp_path / "theirs.txt"
        path.write_text(text, encoding="utf-8")
        fits, refused = fit_columns(numbers_of(path, model).columns, model, Options(**options))
        assert not refused
        (found,) = fits.values()
        assert np.abs(found.residuals).mean() < 2.0        # in standard errors, or in those of the scatter
        return found.results

    def test_threshold_with_decimal_commas_in_any_order_with_a_hole(self, tmp_path) -> None:
        rng = np.random.default_rng(1)
        pump = rng.permutation(np.arange(4.0, 45.0, 4.0))
        output = 5 * pump + np.clip(pump - 22, 0, None) * 120 + rng.normal(0, 8, len(pump))
        rows = [f"{f:.1f};{i:.2f}".replace(".", ",") for f, i in zip(pump, output, strict=True)]
        results = self.fitted(tmp_path, "\n".join(["Leistung [µW];PL (a.u.)", *rows[:5], "50,0;NaN", *rows[5:]]), "threshold")
        assert results["threshold"].value == pytest.approx(22.0, abs=0.3)
        assert results["threshold"].unit == "µW"

    def test_malus_of_a_half_wave_plate_below_remarks(self, tmp_path) -> None:
        rng = np.random.default_rng(2)
        plate = np.arange(0, 181, 7.5)
        counts = 100 + 400 * np.cos(np.radians(2 * plate - 30)) ** 2 + rng.normal(0, 4, len(plate))
        rows = [f"{a}\t{c:.1f}" for a, c in zip(plate, counts, strict=True)]
        remarks = ["Operator: J. Doe", "Date: 2020-01-01", "", "HWP angle (deg)\tcounts"]
        results = self.fitted(tmp_path, "\n".join([*remarks, *rows]), "malus")
        assert results["axis"].value == pytest.approx(30.0, abs=1.0)
        assert results["dolp"].value == pytest.approx(100 * 400 / 600, abs=2.0)

    def test_decay_in_ns_with_its_response_between_blanks(self, tmp_path) -> None:
        rng = np.random.default_rng(3)
        time = np.arange(0, 50, 0.05)
        prompt = np.exp(-0.5 * ((time - 5) / 0.12) ** 2)
        light = np.convolve(prompt / prompt.sum(), np.exp(-time / 3.2))[: len(time)]
        columns = zip(time, rng.poisson(3e3 * light / light.max() + 2), rng.poisson(1e4 * prompt), strict=True)
        text = "\n".join(["% exported by another program", "% Time[ns] Decay IRF", *(f"{t:.3f} {d} {p}" for t, d, p in columns)])
        assert self.fitted(tmp_path, text, "decay")["lifetime"].value == pytest.approx(3.2, abs=0.05)

    def test_gain_in_micrometres_with_errors(self, tmp_path) -> None:
        length = np.linspace(50, 1200, 24)
        light = (np.exp(95 * length * 1e-4) - 1) / 95 * 100
        light = light / (1 + light / 3e4) * (1 + 0.02 * np.random.default_rng(4).normal(size=24))
        rows = [f"{x:.0f},{y:.5g},{0.02 * y:.4g}" for x, y in zip(length, light, strict=True)]
        results = self.fitted(tmp_path, "\n".join(["stripe length (um),ASE intensity,sigma", *rows]), "gain")
        assert results["gain"].value == pytest.approx(95.0, abs=4.0)

    def test_modes_on_a_falling_axis_in_ev_between_bars(self, tmp_path) -> None:
        nm = np.linspace(530, 545, 2000)
        light = sum(800 * np.exp(-4 * np.log(2) * ((nm - 532 - 0.72 * k) / 0.17) ** 2) for k in range(15)) + 20
        rows = [f"{1239.841984 / x:.6f}|{c}" for x, c in zip(nm, np.random.default_rng(5).poisson(light), strict=True)]
        results = self.fitted(tmp_path, "\n".join(["Energy (eV)|Intensity (cts)", *rows]), "modes")
        assert results["fsr"].value == pytest.approx(0.72, abs=0.005)
        assert results["fwhm_1"].value == pytest.approx(0.17, abs=0.01)

    def test_a_noisy_broad_line_is_one_line(self, tmp_path) -> None:
        nm = np.linspace(500, 560, 600)
        counts = np.random.default_rng(6).poisson(900 * np.exp(-4 * np.log(2) * ((nm - 524.5) / 18) ** 2) + 40)
        rows = [f"{x:.2f};{c}".replace(".", ",") for x, c in zip(nm, counts, strict=True)]
        results = self.fitted(tmp_path, "\n".join(["Wellenlänge (nm);Zählrate", *rows]), "lineshape", medium="vacuum")
        assert results["centre_nm"].value == pytest.approx(524.5, abs=0.2)
        assert results["fwhm_nm"].value == pytest.approx(18.0, abs=0.5)

    def test_occupancy_with_blanks_around_commas(self, tmp_path) -> None:
        fluence = np.array([0.8, 1.5, 3, 4.5, 7, 11.5, 18, 25, 40, 57, 80])
        light = np.random.default_rng(7).poisson(2e4 * -np.expm1(-2.5e-14 * fluence * 2.0137e12))
        rows = [f"{f} , {c}" for f, c in zip(fluence, light, strict=True)]
        results = self.fitted(tmp_path, "\n".join(["fluence (uJ/cm2) , PL at 400 ps", *rows]), "occupancy", pump_nm=400.0)
        assert results["cross_section"].value == pytest.approx(2.5e-14, rel=0.05)

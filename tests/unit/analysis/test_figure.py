"""Figures from declared plots: what is drawn, labelled, left out and said."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from labctl.analysis.figure import figure
from labctl.analysis.labels import axis_label, result_text
from labctl.core.plan import Problem, Result
from labctl.core.plots import Curve, Histogram, Map, Plot, Polar, Spectrum, Trace
from labctl.core.reduction import CurveData, Reduction

PUMP = np.arange(500.0, 530.1, 1.0)
PIXELS = np.linspace(527.5, 587.0, 400)


class MapRun:
    """Spectra of a line and a moving pump band over a readable noise floor."""

    def __init__(self, pump: np.ndarray = PUMP):
        self.pump = pump

    def __getitem__(self, name: str) -> np.ndarray:
        return {"pump.wavelength": self.pump, "power": np.linspace(1e-6, 9e-6, len(self.pump))}[name]

    signal_label = "Signal (electrons/s per pixel)"

    def wavelength(self, medium: str = "vacuum") -> np.ndarray:
        return PIXELS

    def coordinate(self, channel: str, dim: str = "") -> tuple[str, str, np.ndarray]:
        return "emission_wavelength", "nm", PIXELS

    def signal(self, per_pulse: bool = False) -> np.ndarray:
        noise = 4.0 * np.random.default_rng(1).standard_normal((len(self.pump), len(PIXELS)))
        pump = 1e6 * np.exp(-4 * np.log(2) * (PIXELS - self.pump[:, None]) ** 2 / 1.75**2)
        return 5e3 * np.exp(-((PIXELS - 531.0) ** 2)) + pump + noise

    def sigma(self, per_pulse: bool = False) -> np.ndarray:
        return np.full((len(self.pump), len(PIXELS)), 4.0)

    def flag(self, name: str) -> np.ndarray:
        return np.zeros(len(self.pump), dtype=bool)


def curve(**changes: Any) -> CurveData:
    rate = 1e4 + 1e5 * np.exp(-(((PUMP - 526) / 2) ** 2))
    fields: dict[str, Any] = {
        "x_name": "pump.wavelength", "x": PUMP, "y": rate, "unit": "1/s", "label": "Electrons in the pair", "sigma": 0.01 * rate,
        "used": PUMP <= 527, "left_out": "left out: pump overlap", "fit_x": PUMP[24:28], "fit_y": rate[24:28],
    }
    return CurveData(**{**fields, **changes})


MAP = Map("Map", y="pump.wavelength")
CURVE = Curve("Curve", x="pump.wavelength", y="pair_rate", fit="pair_rate")


def draw(plots, reduction=None, run=None, **titles):
    return figure(run or MapRun(), plots, reduction, **titles)


def panel(made, title: str) -> Axes:
    return next(axes for axes in made.axes if axes.get_title(loc="left") == title)


@pytest.fixture(scope="module")
def map_panel() -> Axes:
    """A map drawn once, looked at by many."""
    made = draw([MAP])
    made.draw_without_rendering()
    return panel(made, "Map")


@pytest.fixture(scope="module")
def curve_panel() -> Axes:
    """A curve with its fit, drawn once."""
    return panel(draw([CURVE], Reduction(curves={"pair_rate": curve()})), "Curve")


def texts(made) -> str:
    return " ".join(text.get_text() for text in made.texts)


class TestMap:
    def test_axes_have_units_and_energy_on_top(self, map_panel: Axes) -> None:
        assert map_panel.get_xlabel() == "Emission wavelength (vacuum, nm)"
        assert map_panel.get_ylabel() == "Pump wavelength (vacuum, nm)"
        top = map_panel.child_axes[0]
        assert top.get_xlabel() == "Photon energy (eV)"
        assert sorted(top.get_xlim()) == pytest.approx(sorted(1239.841984 / np.array(map_panel.get_xlim())))

    def test_colours_are_logarithmic_and_reach_from_noise_to_pump(self, map_panel: Axes) -> None:
        mesh = map_panel.collections[0]
        assert isinstance(mesh.norm, LogNorm)
        assert mesh.norm.vmin == pytest.approx(4.0)
        assert mesh.norm.vmax is not None
        assert mesh.norm.vmax > 9e5
        assert mesh.get_cmap().name == "viridis"

    def test_colour_bar_has_a_unit(self, map_panel: Axes) -> None:
        assert "Signal (electrons/s per pixel)" in [axes.get_ylabel() for axes in map_panel.figure.axes]

    def test_dark_columns_are_cut_off(self, map_panel: Axes) -> None:
        low, high = map_panel.get_xlim()
        assert low == pytest.approx(527.5, abs=0.2)
        assert 531 < high < 545

    def test_descending_scan_stands_upright(self) -> None:
        low, high = panel(draw([MAP], run=MapRun(PUMP[::-1])), "Map").get_ylim()
        assert (low, high) == (pytest.approx(499.5), pytest.approx(530.5))

    def test_repeated_set_points_are_numbered(self) -> None:
        axes = panel(draw([MAP], run=MapRun(np.array([500.0, 510.0, 500.0]))), "Map")
        assert axes.get_ylabel() == "Point number"
        assert axes.get_ylim() == (0.5, 3.5)

    def test_a_single_point_can_be_drawn(self) -> None:
        assert panel(draw([MAP], run=MapRun(PUMP[:1])), "Map").get_ylim() == (499.5, 500.5)


class TestCurve:
    def test_fit_points_and_reasons_are_in_the_legend(self, curve_panel: Axes) -> None:
        legend = curve_panel.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["measured", "fit", "left out: pump overlap"]

    def test_left_out_points_are_hollow_and_complete(self, curve_panel: Axes) -> None:
        hollow = [line for line in curve_panel.lines if line.get_markerfacecolor() == "white"]
        assert sum(len(np.atleast_1d(line.get_xdata())) for line in hollow) == 3

    def test_wild_left_out_points_do_not_flatten_the_curve(self) -> None:
        wild = curve(y=np.where(PUMP > 528, 1e9, curve().y))
        axes = panel(draw([CURVE], Reduction(curves={"pair_rate": wild})), "Curve")
        assert axes.get_ylim()[1] < 2e5
        assert sum(len(np.atleast_1d(line.get_xdata())) for line in axes.lines if line.get_marker() == "^") == 2
        legend = axes.get_legend()
        assert legend is not None
        assert "off scale" in legend.get_texts()[-1].get_text()

    def test_labels(self, curve_panel: Axes) -> None:
        assert curve_panel.get_xlabel() == "Pump wavelength (vacuum, nm)"
        assert curve_panel.get_ylabel() == "Electrons in the pair (s⁻¹)"
        assert curve_panel.child_axes[0].get_xlabel() == "Photon energy (eV)"

    def test_one_line_per_outer_value(self) -> None:
        angles = np.linspace(0, 90, 19)
        curves = {
            f"power_{nm}": CurveData("attenuator.angle", angles, 1e-5 * (1.1 + np.cos(angles)), "W", f"{nm} nm")
            for nm in (475, 525, 575)
        }
        plot = Curve("Power", x="attenuator.angle", y="power", log=True)
        axes = panel(draw([plot], Reduction(curves=curves)), "Power")
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["575 nm", "525 nm", "475 nm"]
        assert axes.get_yscale() == "log"
        assert axes.get_ylabel() == "Power at the pick-off head (µW)"

    def test_without_reduction_the_raw_numbers_are_drawn(self) -> None:
        axes = panel(draw([Curve("Power", x="pump.wavelength", y="power")]), "Power")
        assert np.asarray(axes.lines[0].get_ydata()).max() == pytest.approx(9.0)

    def test_nothing_to_draw_is_said(self) -> None:
        axes = panel(draw([CURVE]), "Curve")
        assert axes.texts[0].get_text() == "no data for this curve"


class DecayRun:
    """Two histograms over 2 ns, a polariser turned once round, and a slow drift."""

    delay = np.arange(2000) * 1e-3

    def counts(self, channel: str = "") -> np.ndarray:
        return np.array([1000 * np.exp(-self.delay / life) for life in (0.1, 0.4)]).round().astype("u4")

    def coordinate(self, channel: str, dim: str = "") -> tuple[str, str, np.ndarray]:
        return "time_delay", "ns", self.delay

    def __getitem__(self, name: str) -> np.ndarray:
        angle = np.arange(0.0, 361.0, 15.0)
        return {"analyser.angle": angle, "power": 2 + np.cos(np.deg2rad(2 * angle)), "elapsed_s": 600.0 * np.arange(25),
                "pump.power": np.linspace(1e-6, 2e-6, 25), "sample.temperature": np.full(25, 4.0)}[name]


class TestPolar:
    def test_raw_numbers_go_round_relative_to_their_maximum(self) -> None:
        axes = panel(draw([Polar("Malus", angle="analyser.angle", radius="power")], run=DecayRun()), "Malus")
        assert axes.name == "polar"
        around, radius = axes.lines[0].get_data()
        assert np.asarray(radius).max() == 1.0
        assert np.asarray(around)[6] == pytest.approx(np.pi / 2)
        assert "Analyser angle (deg)" in axes.get_xlabel()

    def test_several_lines_are_told_apart(self) -> None:
        x = np.arange(0.0, 360.0, 10.0)
        lines = {f"line_{i}": CurveData("analyser.angle", x, 1 + np.cos(np.deg2rad(2 * x - i)), "1/s", f"line {i}") for i in (1, 2)}
        made = draw([Polar("Malus", angle="analyser.angle", radius="line")], Reduction(curves=lines), DecayRun())
        legend = panel(made, "Malus").get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["line 1", "line 2"]

    def test_nothing_to_draw_is_said(self) -> None:
        axes = panel(draw([Polar("Malus", angle="nowhere", radius="power")], run=DecayRun()), "Malus")
        assert "no data for this plot" in [text.get_text() for text in axes.texts]


class TestHistogram:
    def test_raw_histograms_are_logarithmic_against_delay(self) -> None:
        axes = panel(draw([Histogram("Decay")], run=DecayRun()), "Decay")
        assert (axes.get_yscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "Time delay (ns)", "Counts per bin")
        assert [line.get_label() for line in axes.lines] == ["1 of 2", "2 of 2"]
        assert np.asarray(axes.lines[0].get_ydata()).min() > 0       # an empty bin has no logarithm

    def test_reduced_decays_come_with_their_fits(self) -> None:
        delay, fit = DecayRun.delay, 1000 * np.exp(-DecayRun.delay / 0.1)
        decay = CurveData("time_delay", delay, fit.round(), "counts", "0.1 ns", fit_x=delay, fit_y=fit)
        axes = panel(draw([Histogram("Decay")], Reduction(curves={"histogram_0": decay}), DecayRun()), "Decay")
        assert len(axes.lines) == 2
        assert np.asarray(axes.lines[1].get_ydata()) == pytest.approx(fit)


class TestTrace:
    def test_one_number_keeps_its_unit_and_the_time_is_one_a_person_says(self) -> None:
        axes = panel(draw([Trace("Drift", names=("pump.power",))], run=DecayRun()), "Drift")
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time since the start (h)", "Pump power at the sample (µW)")
        assert np.asarray(axes.lines[0].get_xdata())[-1] == pytest.approx(4.0)

    def test_different_units_share_a_relative_scale(self) -> None:
        axes = panel(draw([Trace("Drift", names=("pump.power", "sample.temperature", "unknown"))], run=DecayRun()), "Drift")
        assert axes.get_ylabel() == "Relative to the mean"
        assert len(axes.lines) == 2

    def test_nothing_to_draw_is_said(self) -> None:
        axes = panel(draw([Trace("Drift", names=("unknown",))], run=DecayRun()), "Drift")
        assert axes.texts[0].get_text() == "no data for this trace"


class TestFigure:
    def test_titles_results_and_problems(self) -> None:
        reduction = Reduction(results={"resonance_nm": Result(526.3841, 0.0441, "nm", "parabola", 0.1)},
                              problems=(Problem("reference", "it drifted.", "warning"), Problem("fit", "no maximum.")))
        written = texts(draw([MAP], reduction, title="PLE scan", subtitle="run 12"))
        assert "PLE scan" in written
        assert "run 12" in written
        assert "resonance_nm = 526.384 ± 0.044 (stat) ± 0.100 (cal) nm" in written
        assert "Warning: reference: it drifted." in written
        assert "No result: fit: no maximum." in written

    def test_spectrum_is_left_out_beside_a_map_and_drawn_alone(self) -> None:
        assert [a.get_title(loc="left") for a in draw([MAP, Spectrum("Live")]).axes if a.get_title(loc="left")] == ["Map"]
        alone = panel(draw([Spectrum("Live")]), "Live")
        assert np.asarray(alone.lines[-1].get_ydata()) == pytest.approx(MapRun().signal()[-1])
        assert alone.get_xlabel() == "Emission wavelength (vacuum, nm)"

    def test_plots_of_unknown_kind_are_named(self) -> None:
        assert "Not drawn: Of a newer labctl (Plot)." in texts(draw([MAP, Plot("Of a newer labctl")], Reduction()))

    def test_same_input_same_picture(self) -> None:
        pictures = []
        for _ in range(2):
            made, buffer = draw([CURVE], Reduction(curves={"pair_rate": curve()}), title="PLE"), io.BytesIO()
            made.savefig(buffer, format="png", dpi=30, metadata={"Software": None})
            pictures.append(buffer.getvalue())
        assert pictures[0] == pictures[1]


@pytest.mark.parametrize(("result", "text"), [
    (Result(526.3841, 0.0441, "nm", "x", 0.1), "r = 526.384 ± 0.044 (stat) ± 0.100 (cal) nm"),
    (Result(121056.3, 762.0, "1/s", "x", 6052.0), "r = 121060 ± 760 (stat) ± 6050 (cal) 1/s"),
    (Result(8.2e-4, None, "1", "x"), "r = 0.00082"),
    (Result(3.2, 0.0, "deg", "x"), "r = 3.2 deg"),
])
def test_results_are_rounded_to_their_errors(result: Result, text: str) -> None:
    assert result_text("r", result) == text


def test_units_join_the_brackets_that_are_there() -> None:
    assert axis_label("Pump wavelength (vacuum)", "nm") == "Pump wavelength (vacuum, nm)"
    assert axis_label("Ratio", "1") == "Ratio"


def test_a_dollar_in_the_name_of_a_sample_is_a_dollar() -> None:
    drawn = figure(MapRun(), [Spectrum("Spectrum")], None, title="film $^$", subtitle="50 % of $_$")
    drawn.savefig(io.BytesIO())
    assert {"film $^$", "50 % of $_$"} <= {text.get_text() for text in drawn.texts}

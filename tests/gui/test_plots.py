"""The plots: what they draw is what was measured, and what they say about it is true."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from qtpy import QtCore, QtWidgets

from labctl.core.plan import Result
from labctl.core.plots import Curve, HeatMap, Histogram, Image, Map, Plot, Polar, Spectrum, Trace
from labctl.core.reduction import CurveData, Reduction
from labctl.gui.model.measured import LiveRun
from labctl.gui.model.scales import EV, NM, WAVENUMBER, density
from labctl.gui.theme import DARK, THEMES
from labctl.gui.views.plots import VIEWS, build
from labctl.gui.views.plots.spectrum import Kept
from tests.gui.made_up import PIXELS, SATURATED, WAVELENGTH, header, reading

KINDS = (Spectrum("S"), Map("M", y="pump.wavelength"), Curve("C", x="pump.wavelength", y="power"), Trace("T", names=("power",)),
         HeatMap("H", x="pump.wavelength", y="elapsed_s", z="power"), Polar("P", angle="pump.wavelength", radius="power"),
         Histogram("D", channel="counts"), Image("I"), Plot("Odd"))


@pytest.fixture
def live() -> LiveRun:
    """Give a run of which a dark frame and three points are there."""
    run = LiveRun(header())
    for each in (reading(0, kind="dark"), *(reading(k, 1000.0 * k, power=1e-6 * k) for k in (1, 2, 3))):
        run.add(each)
    return run


def shown(qtbot, spec: Plot, run, theme=DARK):
    """Make the view of a declaration and show a run in it."""
    view = build(spec, theme)
    qtbot.addWidget(view)
    view.resize(900, 480)
    view.show()
    view.set_run(run)
    return view


def drawn(curve) -> tuple[np.ndarray, np.ndarray]:
    """Give what a curve holds."""
    return tuple(np.empty(0) if part is None else np.asarray(part) for part in curve.getData())


class TestEveryKind:
    @pytest.mark.parametrize("spec", KINDS, ids=lambda spec: type(spec).__name__)
    def test_draws_nothing_then_points_then_another_theme(self, qtbot, live, spec):
        view = shown(qtbot, spec, None)
        view.set_run(LiveRun(header()))
        view.set_run(live)
        live.add(reading(4, 50.0, power=4e-6))
        view.refresh()
        for theme in THEMES.values():
            view.restyle(theme)
        assert view.accessibleName() == spec.title

    @pytest.mark.parametrize("spec", KINDS, ids=lambda spec: type(spec).__name__)
    def test_every_switch_works_and_has_a_name(self, qtbot, live, spec):
        view = shown(qtbot, spec, live)
        for button in view.findChildren(QtWidgets.QToolButton):
            assert button.accessibleName()
            if button.isEnabled() and button.isVisible():
                button.click()
                button.click()
        view.refresh()

    def test_a_kind_that_nobody_knows_becomes_a_table(self, qtbot, live):
        view = shown(qtbot, Plot("Odd"), live)
        assert type(view).__name__ == "TableView"
        assert view.grid.rowCount() == 3

    def test_every_declared_kind_has_a_view(self):
        assert set(VIEWS) == set(Plot.__subclasses__())


class TestSpectrum:
    def test_newest_row_is_drawn_as_it_came(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        x, y = drawn(view._curves["data"])
        np.testing.assert_allclose(x, WAVELENGTH)
        np.testing.assert_array_equal(y, live.counts(2))
        assert view.readouts.shown["Maximum"] == "3\u2009300 · 5% of full well"
        assert view.readouts.shown["Peak"].startswith("530.16 nm")

    def test_background_is_the_dark_frame_of_the_same_exposure(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        view.background_button.click()
        assert drawn(view._curves["data"])[1].min() == 0.0
        assert view.readouts.shown["Background"] == "3 s old"
        live.add(reading(4, exposure_s=0.5))
        view.refresh()
        assert "none of this exposure" in view.readouts.shown["Background"]

    def test_units_convert_places_and_not_counts(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        view.units.button(1).click()
        x, y = drawn(view._curves["data"])
        np.testing.assert_allclose(x, 1239.841984 / WAVELENGTH, rtol=1e-8)
        assert y.max() == 3300.0
        assert view.main.getAxis("bottom").labelText == "Photon energy (eV)"

    def test_per_energy_keeps_the_integral(self):
        y = np.exp(-((WAVELENGTH - 530.0) / 1.5) ** 2)
        for scale, factor in ((NM, 1.0), (EV, 1e3), (WAVENUMBER, 1.0)):
            place = scale.from_nm(WAVELENGTH)
            integral = abs(np.trapezoid(density(WAVELENGTH, y, scale), place)) * factor
            assert integral == pytest.approx(y.sum(), rel=1e-3)

    def test_saturated_pixels_are_marked_and_said(self, qtbot, live):
        live.add(reading(4, 1e5, flags=("saturated", "drift")))
        view = shown(qtbot, Spectrum("S"), live)
        full = drawn(view.saturation.marks)[0]
        assert len(full) == np.count_nonzero(live.counts(3) >= SATURATED) > 0
        assert "saturated" in view.readouts.shown["Maximum"]
        assert view.readouts.shown[""] == "▲ drift"

    def test_zero_counts_are_no_line_on_a_logarithmic_axis(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        view.background_button.click()
        view._set("log", True)
        assert np.isnan(view._shown[1]).any()

    def test_data_traces_are_one_pixel_and_not_smoothed(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        for curve in view._curves.values():
            assert curve.opts["pen"].width() == 1
            assert not curve.opts["antialias"]

    def test_reference_of_an_earlier_run_is_drawn_behind(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        view.set_reference(Kept(WAVELENGTH, np.full(PIXELS, 500.0), "run 7"))
        np.testing.assert_array_equal(drawn(view._curves["reference"])[1], 500.0)
        view.reference_button.click()
        assert not len(drawn(view._curves["reference"])[0])

    def test_cursor_reads_all_scales(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        view._show_pointer("cursor", True)
        with qtbot.waitSignal(view.chosen) as told:
            view.pointers.cursor.setValue(530.0)
        assert told.args == [530.0]
        assert "530.00 nm · 2.3393 eV · 18\u2009868 cm⁻¹" in view.pointers.told.textItem.toPlainText()

    def test_letters_press_buttons_only_while_the_plot_has_the_focus(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        qtbot.keyClick(view, QtCore.Qt.Key_L)
        assert view.log
        qtbot.keyClick(view, QtCore.Qt.Key_L, QtCore.Qt.ControlModifier)
        assert view.log


class TestMap:
    def test_rows_stand_where_they_were_planned(self, qtbot, live):
        view = shown(qtbot, Map("M", y="pump.wavelength"), live)
        z = view.raster.z
        assert z.shape == (5, PIXELS)
        np.testing.assert_allclose(z[:3], [live.signal(row) for row in range(3)], rtol=1e-5, atol=1e-3)
        assert np.isnan(z[3:]).all()
        assert (view.image.index[3:] == 0).all()

    def test_a_row_costs_a_row(self, qtbot, live, monkeypatch):
        view = shown(qtbot, Map("M", y="pump.wavelength"), live)
        taken = []
        monkeypatch.setattr(live, "signal", lambda row, real=live.signal: taken.append(row) or real(row))
        live.add(reading(4, 10.0))
        view.refresh()
        view.refresh()
        assert taken == [3]

    def test_energy_axis_carries_the_jacobian(self, qtbot, live):
        view = shown(qtbot, Map("M", y="pump.wavelength"), live)
        view.units.button(1).click()
        expected = density(WAVELENGTH, np.asarray(live.signal(2)), EV)[::-1]
        np.testing.assert_allclose(view.raster.z[2], np.interp(view.raster.x, np.sort(EV.from_nm(WAVELENGTH)), expected), rtol=1e-4)

    def test_cuts_go_through_the_cursors(self, qtbot, live):
        view = shown(qtbot, Map("M", y="pump.wavelength"), live)
        view.cursors.across.setValue(float(WAVELENGTH[32]))
        np.testing.assert_array_equal(drawn(view.cuts.curves["cut"])[0], view.raster.z[:, 32])
        with qtbot.waitSignal(view.row_chosen) as told:
            view.cursors.along.setValue(500.9)
            view.cursors.along.sigDragged.emit(view.cursors.along)
        assert told.args == [1]
        np.testing.assert_array_equal(drawn(view.cuts.curves["row"])[1], view.raster.z[1])

    def test_rehearsal_shows_where_nothing_was_measured(self, qtbot, live):
        promised = LiveRun(header())
        for each in (reading(0, kind="dark"), *(reading(k, 900.0 * k) for k in range(1, 6))):
            promised.add(each)
        view = shown(qtbot, Map("M", y="pump.wavelength"), live)
        view.set_rehearsal(promised)
        assert np.isfinite(view.image.promised.z).all()
        assert view.image.ghost.isVisible()

    def test_going_somewhere_needs_an_idle_bench(self, qtbot, live):
        view = shown(qtbot, Map("M", y="pump.wavelength"), live)
        action = view.menu(530.0, 502.0).actions()[0]
        assert not action.isEnabled()
        view.set_idle(True)
        with qtbot.waitSignal(view.go_to) as told:
            view.menu(530.0, 502.0).actions()[0].trigger()
        assert told.args == [{"pump.wavelength": 502.0}]


class TestCurve:
    @pytest.fixture
    def fitted(self, live):
        """Give the run with a reduction: a point left out, a fit with its errors, a place on the axis."""
        x = np.array([500.0, 501.0, 502.0])
        fit = np.linspace(500.0, 502.0, 9)
        live.reduction = Reduction(
            {"resonance_nm": Result(501.2, 0.1, "nm", "made up"), "rate": Result(5.0, 1.0, "1/s", "made up")},
            {"rate": CurveData("pump.wavelength", x, np.array([1.0, 2.0, 9.0]), "1/s", "Rate", np.full(3, 0.1),
                               np.array([True, True, False]), "left out: made up", fit, fit - 499.0, fit_sigma=np.full(9, 0.5))})
        return live

    def test_used_and_left_out_points_are_told_apart(self, qtbot, fitted):
        view = shown(qtbot, Curve("C", x="pump.wavelength", y="rate", fit="rate"), fitted)
        points = view._points[0]
        assert len(drawn(points.sample)[0]) == 2
        np.testing.assert_array_equal(drawn(points.arrows)[0], [502.0])       # far above the others: an arrow at the edge

    def test_the_place_of_the_result_is_marked_with_its_interval(self, qtbot, fitted):
        view = shown(qtbot, Curve("C", x="pump.wavelength", y="rate", fit="rate"), fitted)
        assert view._mark.line.value() == pytest.approx(501.2)
        np.testing.assert_allclose(view._mark.band.getRegion(), (501.2 - 0.196, 501.2 + 0.196))
        assert view.readouts.shown["Resonance"] == "501.20 ± 0.10 nm"

    def test_the_way_down_is_told_from_the_way_up(self, qtbot):
        run = LiveRun(header())
        steps, power = [500.0, 501.0, 502.0, 501.0, 500.0], np.array([1.0, 2.0, 3.0, 2.1, 1.1])
        for k, (place, read) in enumerate(zip(steps, power, strict=True), 1):
            run.add(reading(k, 10.0, power=read, **{"pump.wavelength": place}))
        order = np.argsort(power)
        run.reduction = Reduction({}, {"rate": CurveData("pump.wavelength", 7.0 * power[order], power[order], "1/s", "Rate")})
        view = shown(qtbot, Curve("C", x="pump.wavelength", y="rate"), run)
        np.testing.assert_array_equal(drawn(view._points[0].falling)[0], 7.0 * np.array([1.1, 2.1]))
        assert len(drawn(view._points[0].sample)[0]) == 3
        view.ways_button.click()
        assert len(drawn(view._points[0].sample)[0]) == 5

    def test_one_button_makes_both_scales_logarithmic(self, qtbot, fitted):
        view = shown(qtbot, Curve("C", x="pump.wavelength", y="rate", fit="rate"), fitted)
        view._toggle_logs()
        assert (view.log_x, view.log_y) == (True, True)
        view._toggle_logs()
        assert (view.log_x, view.log_y) == (False, False)

    def test_the_band_of_the_fit_is_95_percent(self, qtbot, fitted):
        view = shown(qtbot, Curve("C", x="pump.wavelength", y="rate", fit="rate"), fitted)
        low, high = (drawn(edge)[1] for edge in view._points[0].band.edges)
        np.testing.assert_allclose(high - low, 2 * 1.96 * 0.5)

    def test_raw_numbers_until_the_analysis_has_made_something_of_them(self, qtbot, live):
        live.refusal = "too few points"
        view = shown(qtbot, Curve("C", x="pump.wavelength", y="power"), live)
        np.testing.assert_allclose(drawn(view._points[0].sample)[1], [1.0, 2.0, 3.0])         # µW
        assert view.readouts.shown["No fit yet"] == "too few points"

    def test_a_run_of_the_twin_gives_curve_and_result(self, qtbot, stored_ple):
        spec = next(plot for plot in stored_ple.run.plots if isinstance(plot, Curve))
        view = shown(qtbot, spec, stored_ple)
        assert len(drawn(view._points[0].sample)[0]) > 5
        assert view._mark.line.value() == pytest.approx(stored_ple.run.results["resonance_nm"].value)


class TestClipboard:
    def test_copy_is_a_picture_and_numbers(self, qtbot, live):
        view = shown(qtbot, Spectrum("S"), live)
        view.copy()
        told = QtWidgets.QApplication.clipboard().mimeData()
        assert told.hasImage()
        rows = list(csv.reader(io.StringIO(told.text())))
        assert rows[0] == ["Emission wavelength, vacuum (nm)", "Counts as they came", "Counts per pixel"]
        np.testing.assert_allclose([float(row[0]) for row in rows[1:]], WAVELENGTH)

    def test_columns_of_different_length_are_padded_with_nothing(self, qtbot, stored_ple):
        spec = next(plot for plot in stored_ple.run.plots if isinstance(plot, Curve))
        rows = list(csv.reader(io.StringIO(shown(qtbot, spec, stored_ple).csv())))
        assert len({len(row) for row in rows}) == 1
        assert any("" in row for row in rows[1:])

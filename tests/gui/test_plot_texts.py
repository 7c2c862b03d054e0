"""The texts in plots: none lies over another, none over the data; an empty plot says so and shows no number that means nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pyqtgraph as pg
import pytest
from qtpy import QtCore, QtGui, QtWidgets

from labctl.core.plan import Result
from labctl.core.plots import Curve, HeatMap, Histogram, Image, Map, Plot, Polar, Spectrum, Trace
from labctl.core.reduction import CurveData, Reduction
from labctl.gui.model.measured import LiveRun
from labctl.gui.theme import THEMES
from labctl.gui.views.plots import build
from labctl.gui.views.plots.spectrum import Kept
from labctl.gui.views.plots.texts import CELL_PX, Label, Texts
from tests.gui.made_up import PIXELS, WAVELENGTH, header, reading

KINDS = (Spectrum("S"), Map("M", y="pump.wavelength"), Curve("C", x="pump.wavelength", y="rate", fit="rate"),
         Trace("T", names=("power", "exposure_s")), HeatMap("H", x="pump.wavelength", y="elapsed_s", z="power"),
         Polar("P", angle="pump.wavelength", radius="rate"), Histogram("D", channel="rate"), Image("I"))
RISING, FALLING = np.linspace(0.02, 1.0, 40) ** 3, np.linspace(1.0, 0.02, 40) ** 3
TOUCH_PX = 1.0              # by which rectangles of letters may meet


def run(shape: np.ndarray = RISING, count: int = 1) -> LiveRun:
    """Give a run of which the analysis has made curves, with points left out and a place on the axis."""
    made = LiveRun(header())
    for each in (reading(0, kind="dark"), *(reading(k, 1000.0 * k, power=1e-6 * k) for k in (1, 2, 3))):
        made.add(each)
    x = np.linspace(500.0, 502.0, len(shape))
    used = np.arange(len(shape)) % 7 > 0
    curves = {f"rate_{k}" if k else "rate": CurveData(
        "pump.wavelength", x, shape * (k + 1.0), "1/s", f"Rate of the line {k}", np.full(len(x), 0.02), used,
        "left out: pump overlap, or saturated", x, shape * (k + 1.0), np.full(len(x), 0.01)) for k in range(count)}
    made.reduction = Reduction({"rate_nm": Result(501.6, 0.05, "nm", "made up")}, curves)
    made.live = False
    return made


def shown(qtbot, spec: Plot, measured, size=(720, 440)):
    view = build(spec)
    qtbot.addWidget(view)
    view.resize(*size)
    view.show()
    view.set_run(measured)
    if isinstance(spec, Spectrum) and measured is not None:
        view.set_reference(Kept(WAVELENGTH, np.full(PIXELS, 2900.0), "run 7"))
        view._show_pointer("cursor", True)
    return view


def texts(view) -> dict[str, QtCore.QRectF]:
    """Give the rectangle of every text of a view's canvas, in its pixels: labels, legends, numbers and words of axes."""
    for _ in range(2):      # texts are laid out when they are drawn, and axes made as wide as the numbers they have drawn
        view.grab()
        QtWidgets.QApplication.processEvents()
    found: dict[str, QtCore.QRectF] = {}
    for number, item in enumerate(view.canvas.scene().items()):
        if not item.isVisible():
            continue
        if isinstance(item, pg.TextItem) and item.toPlainText():
            found[f"{number} {item.toPlainText()}"] = item.mapRectToScene(item.boundingRect())
        elif isinstance(item, pg.LegendItem) and item.items:
            found[f"{number} legend"] = item.mapRectToScene(item.boundingRect())
        elif isinstance(item, pg.AxisItem):
            if item.label.isVisible() and item.labelText:
                margin = item.label.document().documentMargin()
                inner = item.label.boundingRect().adjusted(margin, margin, -margin, -margin)
                found[f"{number} {item.labelText}"] = item.label.mapRectToScene(inner)
            found |= {f"{number} {text}": item.mapRectToScene(rect) for rect, text in numbers(item)}
    return found


def numbers(axis: pg.AxisItem) -> list[tuple[QtCore.QRectF, str]]:
    """Give the numbers that an axis writes, with where."""
    picture = QtGui.QPicture()
    painter = QtGui.QPainter(picture)
    if axis.style["tickFont"]:
        painter.setFont(axis.style["tickFont"])
    specs = axis.generateDrawSpecs(painter)
    painter.end()
    return [] if specs is None else [(rect, text) for rect, _, text in specs[2] if text]


def overlapping(found: dict[str, QtCore.QRectF]) -> list[tuple[str, str]]:
    smaller = {name: rect.adjusted(TOUCH_PX, TOUCH_PX, -TOUCH_PX, -TOUCH_PX) for name, rect in found.items()}
    return [pair for pair in itertools.combinations(smaller, 2) if smaller[pair[0]].intersects(smaller[pair[1]])]


class TestNoTextLiesOverAnother:
    @pytest.mark.parametrize("spec", KINDS, ids=lambda spec: type(spec).__name__)
    @pytest.mark.parametrize("size", [(720, 440), (420, 330)], ids=["wide", "narrow"])
    def test_in_any_kind_of_plot(self, qtbot, spec, size):
        view = shown(qtbot, spec, run(count=3 if isinstance(spec, Polar | Histogram) else 1), size)
        found = texts(view)
        assert len(found) >= 4
        assert overlapping(found) == []

    def test_the_test_notices(self, qtbot):
        view = shown(qtbot, KINDS[2], run())
        assert not overlapping(texts(view))
        view._texts.place = lambda: True            # else the texts find their places again as soon as a timer says so
        view._mark.told.setPos(view._legend.pos())
        assert overlapping(texts(view))


class TestNoTextLiesOverData:
    @pytest.mark.parametrize("shape", [RISING, FALLING, np.ones(40), np.sin(np.linspace(0, 40, 40)) + 1.1],
                             ids=["rising", "falling", "level", "everywhere"])
    def test_result_and_legend_of_a_curve_stand_clear(self, qtbot, shape):
        view = shown(qtbot, KINDS[2], run(shape), (420, 330))
        box = view.main.vb
        points = [box.mapViewToScene(QtCore.QPointF(x, y)) for item in (view._points[0].sample, view._points[0].hollow)
                  for x, y in zip(*item.getData(), strict=True)]
        for text in (view._mark.told, view._legend):
            assert text.isVisible()
            rect = text.mapRectToScene(text.boundingRect())
            assert box.sceneBoundingRect().contains(rect)
            assert not [point for point in points if rect.contains(point)]

    def test_stays_clear_when_the_window_changes(self, qtbot):
        view = shown(qtbot, KINDS[2], run())
        view.resize(420, 300)
        view.grab()
        assert not overlapping(texts(view))

    def test_where_everything_is_full_the_emptiest_place_is_taken(self, qtbot):
        widget = pg.GraphicsLayoutWidget()
        qtbot.addWidget(widget)
        widget.resize(400, 300)
        plot = widget.addPlot()
        plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
        widget.show()
        widget.grab()
        label, placed = Label(plot), Texts(plot)
        label.setText("somewhere")
        placed.add(label, (0.0, 0.0))
        full = np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 200))
        assert not placed.keep_clear([(full[0].ravel(), full[1].ravel())])
        half = full[0].ravel() < 0.5
        assert placed.keep_clear([(full[0].ravel()[half], full[1].ravel()[half])])
        assert label.pos().x() >= plot.vb.boundingRect().width() / 2 - CELL_PX


class TestLabelOfAnAxis:
    @pytest.mark.parametrize("height", [440, 270, 190])
    def test_is_as_long_as_there_is_room_for_and_keeps_its_unit(self, qtbot, height):
        view = shown(qtbot, KINDS[1], LiveRun(header()), (720, height))
        view.cuts_button.click()
        texts(view)
        axis = view.main.getAxis("left")
        written = axis.label.toPlainText()
        assert axis.label.boundingRect().width() <= axis.size().height() + 2 * axis.label.document().documentMargin()
        assert written.endswith("nm)")
        assert (written == "Pump wavelength (vacuum, nm)") == (height == 440)


class TestEmptyPlot:
    @pytest.mark.parametrize("spec", KINDS, ids=lambda spec: type(spec).__name__)
    def test_says_so_and_shows_no_number(self, qtbot, spec):
        view = shown(qtbot, spec, None)
        assert view._note.toPlainText() == "nothing measured yet"
        assert not [text for axis in view._axes if axis.isVisible() for _, text in numbers(axis)]

    def test_of_a_planned_run_shows_where_it_will_go(self, qtbot):
        view = shown(qtbot, KINDS[1], LiveRun(header()))
        assert view._note.toPlainText() == "waiting for the first point"
        assert {"500", "504"} <= {text for _, text in numbers(view.main.getAxis("left"))}
        assert view.main.getAxis("left").labelText == "Pump wavelength (vacuum, nm)"
        assert view.main.getAxis("bottom").labelText or view.cuts.below.getAxis("bottom").labelText
        assert not numbers(view.bar.axis)
        curve = shown(qtbot, Curve("C", x="pump.wavelength", y="power"), LiveRun(header()))
        assert numbers(curve.main.getAxis("bottom"))
        assert not numbers(curve.main.getAxis("left"))

    def test_the_first_point_takes_the_words_away(self, qtbot):
        measured = LiveRun(header())
        view = shown(qtbot, KINDS[1], measured)
        for each in (reading(0, kind="dark"), reading(1, 1000.0)):
            measured.add(each)
        view.refresh()
        assert not view._note.isVisible()
        assert numbers(view.bar.axis)


def test_several_curves_differ_by_more_than_colour(qtbot):
    view = shown(qtbot, KINDS[2], run(count=3))
    assert len({points.sample.opts["symbol"] for points in view._points}) == 3


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: type(spec).__name__)
def test_the_red_theme_lights_red_only(qtbot, spec):
    view = shown(qtbot, spec, run(count=3 if isinstance(spec, Polar | Histogram) else 1))
    view.restyle(THEMES["red"])
    picture = view.canvas.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    bits = picture.constBits()
    bits.setsize(picture.sizeInBytes())
    blue, green, red = np.frombuffer(bytes(bits), np.uint8).reshape(picture.height(), -1, 4)[:, :picture.width(), :3].T
    assert red.max() == 255
    assert blue.max() == 0
    assert green.max() == 0

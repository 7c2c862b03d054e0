"""Plots of a run of the twin look as they did: what lies within their axes, in colour, without the texts that fonts make differ.

The axes enclose the same number of pixels whatever the font, and a picture is cut to them: a wider font changes nothing, and a
scale that has moved shifts everything. What differs is compared with what is drawn, not with the empty ground: a thin curve that is
missing is all of it. `LABCTL_GOLDEN=write pytest tests/gui/test_golden_plots.py` draws them anew; look at them first.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from qtpy import QtCore, QtGui

from labctl.core.plots import Curve, Map, Spectrum, from_json
from labctl.gui.theme import DARK
from labctl.gui.views.plots import axes, build
from labctl.gui.views.plots.colours import table
from labctl.gui.views.plots.texts import Label
from tests.gui.windows import until, watch_for

FOLDER = Path(__file__).resolve().parent / "golden"
SIZE = (200, 120)
INSIDE = QtCore.QSize(640, 360)         # px within the axes
# Of all that is drawn, how much may be otherwise. Measured: letters a quarter larger 0.00, 0.02 and 0.05; all points of the curve
# lost 0.07, the spectrum lost 0.73, other colours 1.3, an axis shifted by a tenth 0.5 and more.
MOST = {"map": 0.05, "curve": 0.045, "spectrum": 0.15}
SHIFT = 0.1                             # of the width of an axis
QUIET_S = 0.15                          # longer than any plot waits before it draws what has come
KINDS = {"map": Map, "curve": Curve, "spectrum": Spectrum}


@pytest.fixture
def drawn(qtbot, stored_ple):
    """Draw the first plot of a kind, without its texts."""
    def draw(kind: str):
        spec = next(plot for plot in map(from_json, stored_ple.header["plots"]) if isinstance(plot, KINDS[kind]))
        view = build(spec, DARK)
        qtbot.addWidget(view)
        view.resize(800, 480)
        view.show()
        view.set_run(stored_ple)
        view.reduced()
        for _ in range(2):                              # an axis may need another width when it has become longer
            until(lambda: same(view))
            view.resize(view.size() + INSIDE - edges(view).size())
        until(lambda: same(view))
        for item in view.main.vb.childItems():
            if isinstance(item, Label | pg.LegendItem):
                item.hide()
        return view

    return draw


def same(view) -> bool:
    """Whether nothing is drawn any more."""
    before = view.canvas.grab().toImage()
    watch_for(QUIET_S)
    return view.canvas.grab().toImage() == before


def edges(view) -> QtCore.QRect:
    """Give where the axes of the main plot meet, in pixels of the canvas."""
    return view.canvas.mapFromScene(view.main.vb.sceneBoundingRect()).boundingRect()


def within(view) -> QtGui.QImage:
    """Give what lies within the axes of the main plot, small."""
    picture = view.canvas.grab(edges(view)).toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
    return picture.scaled(*SIZE, QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation)


def colours(picture: QtGui.QImage) -> np.ndarray:
    """Give a picture as levels, (height, width, colour)."""
    plain = picture.convertToFormat(QtGui.QImage.Format.Format_RGB32)
    bits = plain.constBits()
    bits.setsize(plain.sizeInBytes())
    return np.frombuffer(bytes(bits), np.uint8).reshape(plain.height(), plain.width(), 4)[..., :3].astype(float)


def blurred(levels: np.ndarray) -> np.ndarray:
    """Give every place the mean of itself and its neighbours: a line that lies half a pixel beside is the same line."""
    around = np.pad(levels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = levels.shape[:2]
    return np.mean([around[up:up + rows, along:along + columns] for up in range(3) for along in range(3)], axis=0)


def differs(view, kind: str) -> float:
    """Give what is drawn otherwise than in the picture that was kept, as a share of all that is drawn there."""
    kept, found = (blurred(colours(picture)) for picture in (QtGui.QImage(str(FOLDER / f"ple_{kind}.png")), within(view)))
    ground = np.median(kept.reshape(-1, 3), axis=0)
    return float(np.abs(found - kept).sum() / np.abs(kept - ground).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_looks_as_it_did_and_a_shifted_axis_is_noticed(drawn, kind):
    view = drawn(kind)
    if os.environ.get("LABCTL_GOLDEN") == "write":
        within(view).save(str(FOLDER / f"ple_{kind}.png"))
    assert differs(view, kind) <= MOST[kind]
    (low, high), _ = view.main.vb.viewRange()
    view.main.setXRange(low + SHIFT * (high - low), high + SHIFT * (high - low), padding=0.0)
    assert differs(view, kind) > MOST[kind]


def test_another_colour_map_is_noticed(drawn):
    view = drawn("map")
    view.image.image.set_table(table("cividis"))
    assert differs(view, "map") > MOST["map"]


def test_another_font_is_no_difference_and_lost_points_are_one(drawn, monkeypatch):
    monkeypatch.setattr(axes, "CAPTION_PX", 14)
    view = drawn("curve")
    assert differs(view, "curve") <= MOST["curve"]
    for item in view.main.items:
        if isinstance(item, pg.ScatterPlotItem):
            item.hide()
    assert differs(view, "curve") > MOST["curve"]

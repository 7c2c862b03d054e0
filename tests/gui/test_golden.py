"""The window looks as it did: small pictures of a bench of the twin, compared with some tolerance for fonts, times and noise.

`LABCTL_GOLDEN=write pytest tests/gui/test_golden.py` draws them anew; look at them before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from qtpy import QtCore, QtGui, QtWidgets

from labctl.gui.app import application
from labctl.gui.theme import THEMES
from tests.gui.windows import opened, until

FOLDER = Path(__file__).resolve().parent / "golden"
SIZE = (320, 180)
MEAN, FAR, SHARE = 4.0, 40, 0.02         # grey levels of 255: mean difference, what counts as another, and what share may be


def reduced(picture: QtGui.QImage) -> QtGui.QImage:
    """Give a picture in a size in which letters do not count."""
    return picture.scaled(*SIZE, QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation)


def looked_at(window) -> QtGui.QImage:
    """Give the picture of a window from the top, without what differs with every run: its log, its status bar, its readings."""
    for area in window.findChildren(QtWidgets.QScrollArea):
        area.verticalScrollBar().setValue(0)
    application().processEvents()
    picture = window.grab()
    painter = QtGui.QPainter(picture)
    for part in (window.log_view, window.status, window.cards):
        painter.fillRect(QtCore.QRect(part.mapTo(window, QtCore.QPoint(0, 0)), part.size()), QtGui.QColor(window.theme.panel))
    painter.end()
    return picture.toImage()


def difference(picture: QtGui.QImage, path: Path) -> tuple[float, float]:
    """Give the mean difference in grey levels from a picture that was kept, and the share of pixels that are another colour."""
    found = np.abs(grey(picture) - grey(QtGui.QImage(str(path))))
    return float(found.mean()), float((found > FAR).mean())


def grey(picture: QtGui.QImage) -> np.ndarray:
    """Give a picture as grey levels, (height, width)."""
    small = reduced(picture).convertToFormat(QtGui.QImage.Format.Format_Grayscale8)
    bits = small.constBits()
    bits.setsize(small.sizeInBytes())
    return np.frombuffer(bytes(bits), np.uint8).reshape(small.height(), small.bytesPerLine())[:, :SIZE[0]].astype(float)


@pytest.fixture(scope="module")
def window(qapp, session_state, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with opened(tmp_path_factory.mktemp("golden"), size=(1440, 810)) as made:
            until(lambda: made.instruments.shown(made.cards.cards[-1].card).detail)
            until(lambda: made.run.beam()[0].word == "BEAM OFF" and made.run.emissions()[0][1].word == "ON")
            yield made


@pytest.mark.parametrize("theme", THEMES)
def test_looks_as_it_did(window, theme):
    window.restyle(THEMES[theme])
    application().processEvents()
    picture = looked_at(window)
    path = FOLDER / f"{theme}.png"
    if os.environ.get("LABCTL_GOLDEN") == "write":
        reduced(picture).save(str(path))
    mean, share = difference(picture, path)
    assert mean <= MEAN
    assert share <= SHARE


def test_the_comparison_notices_what_is_missing(window):
    window.restyle(THEMES["light"])
    window.header.hide()
    window.before.hide()
    application().processEvents()
    mean, share = difference(looked_at(window), FOLDER / "light.png")
    window.header.show()
    window.before.show()
    assert mean > MEAN or share > SHARE

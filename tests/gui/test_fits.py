"""Nothing is clipped: every text has the room it asks for, in a small window and on a screen with twice the dots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gui.windows import calibrate

TREE = Path(__file__).resolve().parents[2]
LOOK = """
import json, os, sys
from pathlib import Path
from qtpy import QtCore, QtWidgets
from labctl.gui.app import application, ready, wait_until
from labctl.gui.main_window import MainWindow
from labctl.gui.model.session import Session
from labctl.gui.theme import DARK
from labctl.gui.views.parts import Elided

app, folder = application(), Path(sys.argv[1])
settings = QtCore.QSettings(str(folder / "fits.ini"), QtCore.QSettings.Format.IniFormat)
window = MainWindow(Session("ying2021", root=folder), DARK, settings, "ple")
window.resize(1366, 768)
window.show()
window.reset_layout()
window.start()
wait_until(app, lambda: ready(window), 120.0)
said = []


def look(where):
    app.processEvents()
    app.sendPostedEvents()      # a reading may have come with the last of these events: its label has asked for room, not got it
    for kind in (QtWidgets.QLabel, QtWidgets.QAbstractButton):
        for each in window.findChildren(kind):
            if not each.isVisible() or isinstance(each, Elided) or not each.text():
                continue
            asked, given = each.minimumSizeHint(), each.size()
            wrapped = isinstance(each, QtWidgets.QLabel) and each.wordWrap()
            tall = each.heightForWidth(each.width()) if wrapped else asked.height()
            if given.height() < tall - 1 or (not wrapped and given.width() < asked.width() - 1):
                said.append(f"{where}: {each.text()[:40]!r} has {given.width()} x {given.height()}, asks for "
                            f"{asked.width()} x {tall}")


for number in range(window.centre.tabs.count()):
    window.centre.tabs.setCurrentIndex(number)
    look(window.centre.tabs.tabText(number))
picture = window.grab()
if len(sys.argv) > 2:
    picture.save(sys.argv[2])
sys.stdout.write(json.dumps({"clipped": said, "size": [picture.width(), picture.height()],
                             "abort": window.header.abort.visibleRegion().boundingRect().width() == window.header.abort.width()}))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize("scale", [1, 2])
def test_no_text_is_clipped(scale, labctl_state, tmp_path):
    calibrate("ying2021", tmp_path)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(scale), "PYTHONPATH": str(TREE)}
    done = subprocess.run([sys.executable, "-c", LOOK, str(tmp_path)], check=True, capture_output=True,    # noqa: S603
                          encoding="utf-8", env=environment, cwd=TREE)
    told = json.loads(done.stdout)
    assert told["clipped"] == []
    assert told["size"] == [1366 * scale, 768 * scale]
    assert told["abort"]

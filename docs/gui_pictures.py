"""Draw the pictures of `docs/tutorials/first-run.md`: a newcomer's path through the window, on the twin.

`make docs-pictures`. Needs no display; takes a minute or two.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from qtpy import QtCore, QtWidgets

from labctl.gui.app import application, ready, wait_for, wait_until
from labctl.gui.main_window import MainWindow
from labctl.gui.model.session import RUNNING, Session
from labctl.gui.theme import THEMES

FOLDER = Path(__file__).resolve().parent / "tutorials" / "first-run"
SIZE = (1440, 810)
SPEED = 60.0
PATIENCE_S = 300.0
QUIET_S = 0.5


class Tour:
    """A window that is led through a session, and photographed."""

    def __init__(self, root: Path):
        self.app = application()
        settings = QtCore.QSettings(str(root / "window.ini"), QtCore.QSettings.Format.IniFormat)
        self.window = MainWindow(Session("ying2021", speed=SPEED, root=root / "labctl_data"), THEMES["dark"], settings, "ple")
        self.window.resize(*SIZE)
        self.window.show()
        self.window.reset_layout()
        self.window.start()

    def until(self, done: Callable[[], object]) -> None:
        """Wait until something is so; raises TimeoutError when it does not come."""
        if not wait_until(self.app, lambda: bool(done()), PATIENCE_S):
            raise TimeoutError("\n".join(line.text for line in self.window.session.lines[-5:]))

    def over(self) -> None:
        """Wait until nothing runs any more."""
        self.until(lambda: not self.window.session.busy)

    def type(self, name: str, text: str) -> None:
        """Type into a field, as a person would."""
        editor = self.window.form_view.fields[name].editor
        editor.setText(text)
        editor.textEdited.emit(text)
        self.until(lambda: not self.window.form.planning)

    def picture(self, name: str) -> None:
        """Draw the window into a file."""
        self.until(lambda: "UNKNOWN" not in self.window.run.beam()[0].word)      # on a busy computer answers about light come late
        wait_for(self.app, QUIET_S)
        self.app.sendPostedEvents()              # the last reading has asked for room that it has not got yet
        self.window.grab().save(str(FOLDER / f"{name}.png"))

    def run(self) -> None:
        """Queue what is in the form, and wait for its first points."""
        self.window.form.enqueue()
        self.until(lambda: self.window.session.state == RUNNING)


def draw(root: Path) -> None:
    """Walk the path and draw every station."""
    tour = Tour(root)
    window = tour.window
    tour.until(lambda: ready(window))
    tour.picture("start")
    tour.type("stop", "1515")
    tour.picture("wrong")
    tour.type("stop", "530")
    tour.run()
    tour.until(lambda: len(window.shown.live or ()) >= 30)
    tour.picture("map")
    window.centre.tabs.setCurrentIndex(1)
    tour.picture("curve")
    window.run.abort()
    tour.over()
    tour.picture("aborted")
    window.queue_view.select(window.queue_model.items[-1].id)
    window.queue_view.refresh()
    window.queue_view.go_on.click()
    tour.over()
    window.centre.tabs.setCurrentIndex(1)
    tour.picture("fit")
    tour.type("exposure", "0.5")
    tour.run()
    tour.over()
    window.queue.compare(list(window.queue_model.items))
    tour.until(lambda: not window.session.reader.busy)
    window.resize(SIZE[0], 1200)            # two plots, their ratio and the settings below each other
    window.compare_view.findChildren(QtWidgets.QComboBox)[0].setCurrentIndex(1)
    tour.picture("compare")
    window.session.close()
    window.close()


def main() -> None:
    """Draw all pictures, with a state folder of their own."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABCTL_STATE"] = str(Path(folder) / "state")
        draw(Path(folder))


if __name__ == "__main__":
    main()

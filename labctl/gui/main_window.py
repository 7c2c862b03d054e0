"""The main window: puts models, presenters and views together, and looks around 30 times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from qtpy import QtCore, QtGui, QtWidgets

from labctl.gui.keys import Keys
from labctl.gui.model.queue_model import QueueModel
from labctl.gui.model.reader import Opened
from labctl.gui.model.rubbish import Rubbish
from labctl.gui.model.session import CALIBRATING, Session
from labctl.gui.model.worker import JobEnded
from labctl.gui.presenter.browser import BrowserPresenter
from labctl.gui.presenter.fit import LiveFit
from labctl.gui.presenter.form import FormPresenter
from labctl.gui.presenter.instrument import InstrumentPresenter
from labctl.gui.presenter.live import LivePresenter
from labctl.gui.presenter.queue import QueuePresenter
from labctl.gui.presenter.run import RunPresenter
from labctl.gui.presenter.shown import ShownPresenter
from labctl.gui.right_of_way import RightOfWay
from labctl.gui.theme import THEMES, Theme
from labctl.gui.views.arrangement import Arrangement
from labctl.gui.views.before import BeforeView
from labctl.gui.views.browser import BrowserView
from labctl.gui.views.centre import CentreView
from labctl.gui.views.compare import CompareView
from labctl.gui.views.far import FarView
from labctl.gui.views.form import FormView
from labctl.gui.views.header import HeaderView
from labctl.gui.views.instruments import InstrumentsView
from labctl.gui.views.keys_list import show_keys
from labctl.gui.views.live import LiveView
from labctl.gui.views.log_view import LogView
from labctl.gui.views.parts import label
from labctl.gui.views.question import ConfirmView, OfferView, QuestionView
from labctl.gui.views.queue_view import QueueView
from labctl.gui.views.status import StatusView
from labctl.gui.views.style import apply

TICK_MS = 33
SLOW_EVERY = 15          # ticks between two looks at what changes slowly
SIZE = 1600, 960         # of a window that nobody has sized yet
PINNED_FROM_PX = 900     # height of the window from which on the spectrum is pinned
LEAVE_S = 30.0           # longest wait for the bench when the window closes
SETTINGS = ("labctl", "labctl")


class MainWindow(QtWidgets.QMainWindow):
    """Everything in one window."""

    def __init__(self, session: Session, theme: Theme, settings: QtCore.QSettings | None = None, procedure: str = ""):
        super().__init__()
        self.session, self.theme = session, theme
        self.settings = settings if settings is not None else QtCore.QSettings(*SETTINGS)
        self.run, self.form = RunPresenter(session), FormPresenter(session)
        self.queue_model = QueueModel(session)
        self.queue = QueuePresenter(session, self.queue_model, self.form)
        self.instruments, self.shown = InstrumentPresenter(session), ShownPresenter(session, self.queue.journal)
        self.live, self.fit = LivePresenter(session), LiveFit(session.courtesy)
        self.browser = BrowserPresenter(session, self.form)
        self._ticks, self._leaving, self._first = 0, 0.0, procedure
        self._rubbish = Rubbish()
        self._dress(theme)                   # before there are widgets: each would be dressed twice
        self._make_views()
        self._connect()
        self.keys, self.right_of_way = Keys(self._actions(), self), RightOfWay(session.courtesy, self)
        app = QtWidgets.QApplication.instance()
        if app is not None:
            app.installEventFilter(self.keys)
            self.right_of_way.begin(app)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self.restyle(theme)
        self._restore()

    # ---------------------------------------------------------------- putting together
    def _make_views(self) -> None:
        theme = self.theme
        self.header = HeaderView(self.session, self.run, theme)
        self.form_view, self.before = FormView(self.form, theme), BeforeView(self.form, theme)
        self.centre, self.question = CentreView(theme), QuestionView(self.session)
        self.live_view = LiveView(self.live, theme)
        self.browser_view, self.compare_view = BrowserView(self.browser, theme), CompareView(theme)
        for page, title in ((self.live_view, "Live"), (self.browser_view, "Runs"), (self.compare_view, "Compare")):
            self.centre.add_page(page, title)
        self.confirm, self.offer = ConfirmView(self.queue, theme), OfferView(self.queue)
        self.queue_view, self.log_view = QueueView(self.queue_model, self.queue, theme), LogView(self.session, theme)
        self.right = InstrumentsView(self.session, self.instruments, theme)
        self.cards, self.beam, self.reconnect = self.right.cards, self.right.beam, self.right.reconnect
        self.status = StatusView(self.session)
        self._reading = label("", "strong")
        self._reading.hide()
        self.arrangement = Arrangement((self.form_view, self.before),
                                       (self._reading, self.question, self.confirm, self.offer, self.centre),
                                       (self.queue_view, self.log_view), self.right)
        central = QtWidgets.QWidget()
        rows = QtWidgets.QVBoxLayout(central)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        for each, stretch in ((self.header, 0), (self.arrangement, 1), (self.status, 0)):
            rows.addWidget(each, stretch)
        self.setCentralWidget(central)
        self.setAcceptDrops(True)
        self.far = FarView(self.session, self.run, theme, self.arrangement)
        self.setWindowTitle(f"labctl · {self.session.name}{' (simulated)' if self.session.config.simulated else ''}")

    def _connect(self) -> None:
        self.session.changed.connect(self._refresh)
        self.session.opened.connect(self._bench_opened)
        self.session.closed.connect(lambda closed: self.queue_model.reread())
        self.session.job_ended.connect(self._job_ended)
        self.form.rebuilt.connect(self._procedure_chosen)
        self.form.offered.connect(self.queue_model.retitle)
        self.form.rehearsed.connect(self.shown.promise)
        self.queue.opened.connect(lambda paths: self.open_runs(paths))
        self.shown.plots.connect(self.centre.show_plots)
        self.shown.run.connect(self.centre.set_run)
        self.shown.planned.connect(self.centre.expect)
        self.form.judged.connect(lambda: self.shown.plan(self.form.prospect))
        self.shown.rehearsal.connect(self.centre.set_rehearsal)
        self.shown.reduced.connect(self.centre.reduced)
        self.centre.go_to.connect(self.instruments.move)
        self.header.live.clicked.connect(self._live)
        self.browser.opened.connect(lambda paths: self.open_runs(paths))
        self.browser.compared.connect(self._compare)
        self.live.changed.connect(lambda: self.header.live.setChecked(self.live.running))
        self.live.kept.connect(lambda path: self.queue_model.reread())
        self.form.queued.connect(lambda item: self.live.yield_to(self.queue.start))

    def _actions(self) -> dict[str, Callable[[], object]]:
        actions: dict[str, Callable[[], object]] = {
            "F12": self.run.abort, "F11": self.run.make_safe, "F8": self.run.pause, "F5": self.header.live.click,
            "F6": self.live_view.keep_shown, "F1": lambda: show_keys(self), "F2": self.far.toggle, "Ctrl+Return": self.form.enqueue,
            "Ctrl+Enter": self.form.enqueue,
            "Ctrl+D": self.form.rehearse, "Ctrl+T": self.next_theme, "Ctrl+0": self.reset_layout}
        for number in range(9):
            actions[f"Ctrl+{number + 1}"] = lambda number=number: self.centre.turn_to(number)
        return actions

    # ---------------------------------------------------------------- what happens
    def start(self) -> None:
        """Begin to look around; bench and procedures are opened at the first look, when the window has been drawn."""
        self._rubbish.begin()
        self._timer.start()

    def tick(self) -> None:
        """Look around once."""
        began = time.monotonic()
        if not self._ticks:
            self.session.open()
            self.form.begin(self._first)
        self.session.tick()
        self.form.tick()
        self.centre.refresh()
        self._ticks += 1
        self._rubbish.tick()
        self.browser.tick()
        self._say_reading()
        if self.fit.tick(self.shown.live):
            self.centre.reduced()
        if self._ticks % SLOW_EVERY == 0:
            self._refresh()
            self.status.refresh()
        if self._leaving and (self.session.gone or began - self._leaving > LEAVE_S):
            self._leave_now()
        self.status.ticked(began, time.monotonic())

    def _say_reading(self) -> None:
        words = self.session.reader.words
        text = f"◆ {words}" if words else ""
        if text != self._reading.text():
            self._reading.setText(text)
            self._reading.setVisible(bool(words))

    def _refresh(self) -> None:
        self.header.refresh()
        self.right.refresh()
        self.queue_view.refresh()
        self.centre.set_idle(self.instruments.idle)
        self.far.refresh()

    def _bench_opened(self) -> None:
        self.right.make()
        self._refresh()

    def _live(self) -> None:
        """Begin or end live light; its page comes to the front."""
        self.live.toggle()
        if self.live.running:
            self.centre.select("Live")
        self.header.live.setChecked(self.live.running)

    def _job_ended(self, ended: JobEnded) -> None:
        """Go back to the plots of the form after runs that nobody has asked for."""
        if ended.name == CALIBRATING:
            self._procedure_chosen()

    def _procedure_chosen(self) -> None:
        if self.form.procedure is not None:
            self.shown.choose(self.form.procedure.plots)
            self.settings.setValue("procedure", self.form.name)

    def open_runs(self, paths: list[Path], tab: str = "") -> None:
        """Show a finished run, with this tab in front or the first; several side by side."""
        if len(paths) > 1:
            self.browser.compare(paths)
            return

        def front(found: Opened) -> None:
            if not (tab and self.centre.select(tab)):
                self.centre.turn_to(0)

        self.shown.open(paths[0], front)

    def _compare(self, runs: list[Opened]) -> None:
        self.compare_view.show_runs(runs)
        self.centre.select("Compare")

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:
        """Show a run file that is dropped here, and put its settings into the form: run again from file."""
        for url in event.mimeData().urls()[:1]:
            self.shown.open(Path(url.toLocalFile()),
                            lambda found: self.form.fill_as_in(found.path.name, found.measured.header))

    # ---------------------------------------------------------------- looks
    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self._dress(theme)
        for view in (self.header, self.form_view, self.before, self.centre, self.queue_view, self.log_view, self.right, self.status,
                     self.far, self.confirm):
            view.restyle(theme)
        self.settings.setValue("theme", theme.name)

    @staticmethod
    def _dress(theme: Theme) -> None:
        app = QtWidgets.QApplication.instance()
        if isinstance(app, QtWidgets.QApplication):
            apply(app, theme)

    def next_theme(self) -> None:
        """Go round: dark, light, red."""
        names = list(THEMES)
        self.restyle(THEMES[names[(names.index(self.theme.name) + 1) % len(names)]])

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Give up what may be given up in a small window."""
        super().resizeEvent(event)
        self.header.fit(self.width())
        self.far.setGeometry(self.arrangement.rect())
        self.centre.fit(self.height(), PINNED_FROM_PX)

    def reset_layout(self) -> None:
        """Put every part back to its first size."""
        self.arrangement.reset(self.size())
        self.centre.share_out()

    def _restore(self) -> None:
        self.resize(*SIZE)
        geometry = self.settings.value("geometry")
        if isinstance(geometry, QtCore.QByteArray):
            self.restoreGeometry(geometry)
        self.reset_layout()
        self.arrangement.restore(self.settings)

    def _save(self) -> None:
        self.settings.setValue("geometry", self.saveGeometry())
        self.arrangement.save(self.settings)

    # ---------------------------------------------------------------- the end
    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Abort, make safe, close the bench, and only then be gone; the window stays alive meanwhile."""
        if self.session.gone and not self._leaving:
            self._leave_now()
        if not self._timer.isActive():
            super().closeEvent(event)
            return
        event.ignore()
        if not self._leaving:
            self._leaving = time.monotonic()
            self._save()
            self.setWindowTitle("labctl · making the bench safe …")
            self.session.leave()

    def _leave_now(self) -> None:
        """Stop looking around and close for good."""
        if self._timer.isActive():
            self._rubbish.end()
        self._timer.stop()
        self.form.close()
        self.session.procedures.close()
        self.session.reader.close()
        self.shown.close()
        self.browser.close()
        self.queue_model.close()
        app = QtWidgets.QApplication.instance()
        if app is not None:
            app.removeEventFilter(self.keys)
            self.right_of_way.end(app)
        self.close()

"""The window over a simulated bench: what a person sees, types and gets."""

from __future__ import annotations

import socket

import pytest
from qtpy import QtCore, QtGui, QtWidgets

from labctl.core import registry
from labctl.core.plan import Point
from labctl.core.plots import Curve, Map, Spectrum
from labctl.core.procedure import Procedure, quantity
from labctl.engine.dangers import DANGERS
from labctl.gui.app import application, ready
from labctl.gui.presenter import queue
from labctl.gui.presenter.run import ABORT_TEXT
from labctl.gui.theme import THEMES
from labctl.store import processes
from tests.gui.windows import LIT, SHORT, choose, dark, held, opened, run_to_end, scanned, until

Key = QtCore.Qt.Key


def press(widget, key, modifier=QtCore.Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key as the system would deliver it: through the application's filters."""
    for kind in (QtCore.QEvent.Type.KeyPress, QtCore.QEvent.Type.KeyRelease):
        application().sendEvent(widget, QtGui.QKeyEvent(kind, key, modifier))


def settle() -> None:
    """Let the window work off what has happened, and then lay out what that has asked for."""
    application().processEvents()
    application().sendPostedEvents()


@pytest.fixture
def window(qapp, labctl_state, tmp_path):
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def still(qapp, session_state, tmp_path_factory):
    """A window that tests look at, and do not run anything with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with opened(tmp_path_factory.mktemp("still")) as made:
            yield made


class TestOpening:
    """A newcomer sees a whole bench."""

    def test_shows_bench_form_and_plan(self, still):
        assert still.header.simulated.isVisible()
        assert {view.card.role for view in still.cards.cards} == set(still.session.config.instruments)
        until(lambda: all(still.instruments.shown(view.card).value or still.instruments.shown(view.card).detail
                          for view in still.cards.cards))
        # an answer that is two seconds old counts as unknown: on a busy machine each comes when it comes
        until(lambda: still.run.beam()[0].word == "BEAM OFF" and [told.word for _, told, _ in still.run.emissions()] == ["ON"]
              and still.beam.words == "no light at the sample")
        assert still.before.queue.isEnabled()
        assert still.before._values["Points"].text() == str(still.form.prospect.plan.estimate.points)
        shutter = still.beam._path.roles.index("shutter")
        until(lambda: all(still.beam.lit()[:shutter]) and not any(still.beam.lit()[shutter:]))

    def test_every_button_has_a_name_and_no_text_is_cut_in_the_header(self, still):
        for kind in (QtWidgets.QAbstractButton, QtWidgets.QLineEdit, QtWidgets.QComboBox):
            unnamed = [each for each in still.findChildren(kind) if not each.accessibleName() and each.isVisible()
                       and each.objectName() not in ("qt_toolbar_ext_button", "ScrollLeftButton", "ScrollRightButton")]
            assert not unnamed, [(type(each), each.objectName(), each.parent()) for each in unnamed]
        settle()
        for each in (still.header.live, still.header.pause, still.header.safe, still.header.abort):
            assert each.width() >= each.fontMetrics().horizontalAdvance(each.text())

    def test_small_window_keeps_what_matters(self, still):
        still.resize(1366, 768)
        settle()
        assert (still.width(), still.height()) == (1366, 768)
        whole = QtCore.QRect(QtCore.QPoint(0, 0), still.size())
        for each in (still.header.abort, still.header.state, still.form_view, still.centre.tabs, still.before.queue):
            assert whole.contains(QtCore.QRect(each.mapTo(still, QtCore.QPoint(0, 0)), each.size())), each
            assert each.isVisible()
        assert not still.header.note.isVisible()
        assert not still.centre._below.isVisible()
        assert still.header.abort.width() >= 128
        assert still.header.abort.height() >= 34


class TestForm:
    """The form keeps what was typed, says what is wrong, and never clamps."""

    def test_a_wrong_value_stays_and_locks_the_queue_with_a_reason(self, still, monkeypatch):
        field = still.form_view.fields["stop"]
        field.editor.setText("4a")
        field.editor.textEdited.emit("4a")
        assert field.editor.text() == "4a"
        assert "■ Not a number" in field.problem
        assert not still.before.queue.isEnabled()
        assert "Last pump wavelength" in still.before.queue.toolTip()
        ordered = []
        monkeypatch.setattr(still.form.orders, "enqueue", lambda *what: ordered.append(what))
        press(still, Key.Key_Return, QtCore.Qt.KeyboardModifier.ControlModifier)
        assert ordered == []
        choose(still, "ple", stop="530")
        press(still, Key.Key_Return, QtCore.Qt.KeyboardModifier.ControlModifier)
        assert [name for name, *_ in ordered] == ["ple"]

    def test_what_the_bench_cannot_do_is_said_at_its_field(self, still):
        choose(still, "ple", stop="900")
        assert "590" in still.form.wrong("stop")
        assert still.form_view.fields["stop"].editor.text() != "900", "the presenter typed, not the person"
        assert not still.form.ready

    def test_forms_of_other_procedures_keep_what_was_typed(self, still):
        choose(still, "ple", step="2")
        choose(still, "snapshot")
        assert set(still.form_view.fields) == set(registry.find("procedure", "snapshot").declarations())
        choose(still, "ple")
        assert still.form.texts["step"] == "2"
        assert still.form.changed("step")
        still.form.reset("step")
        assert not still.form.changed("step")

    @pytest.mark.parametrize("name", sorted(registry.points("procedure")))
    def test_every_procedure_has_its_form_and_tabs(self, still, name):
        still.form.choose(name)
        procedure = registry.find("procedure", name)
        assert set(still.form_view.fields) == set(procedure.declarations())
        titles = {view.spec.title for view in still.centre.views}
        assert {spec.title for spec in procedure.plots} <= titles
        still.grab()


def drop(window, path) -> None:
    """Let a file fall onto the window."""
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(path))])
    buttons, keys = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier
    window.dropEvent(QtGui.QDropEvent(QtCore.QPointF(5, 5), QtCore.Qt.DropAction.CopyAction, data, buttons, keys))


class TestRunning:
    """Queue, watch, pause, abort, go on, run again."""

    @pytest.fixture
    def slow(self, qapp, labctl_state, tmp_path):
        """Simulated time runs so fast that a test is over soon, and so slowly that it can interfere."""
        with opened(tmp_path, speed=30.0) as made:
            yield made

    def test_a_run_from_the_form_to_the_file(self, window):
        choose(window, "ple", **SHORT)
        run_to_end(window)
        item, run = window.queue_model.items[-1], window.session.run
        assert (item.status, run.status, run.done) == ("done", "done", run.total)
        assert run.file.is_file()
        assert window.run.state.word == "DONE"
        live = window.shown.live
        assert len(live) == 3
        assert window.centre.measured is live
        assert window.queue_model.text(item, 3) == "100%"
        window.queue.compare([item])
        until(lambda: window.shown.opened is not None)
        assert len(window.centre.measured) == 3
        window.form.type("start", "515")
        drop(window, run.file)
        until(lambda: window.form.texts["start"] == "522")
        assert any("515 → 522" in line.text for line in window.session.lines)
        window.queue.again(item)
        assert window.form.texts["start"] == "522"

    def test_abort_stops_parks_and_leaves_the_rest_waiting(self, slow):
        choose(slow, "ple", **LIT)
        slow.form.enqueue()
        slow.form.enqueue()
        until(lambda: len(slow.queue_model.items) == 2 and not dark(slow))
        slow.header.abort.click()
        until(lambda: not slow.session.busy and slow.session.stopping.done)
        assert set(slow.session.stopping.answers().values()) == {"done"}
        until(lambda: slow.header.abort.text() == ABORT_TEXT)
        assert [item.status for item in slow.queue_model.items] == ["aborted", "waiting"]
        assert dark(slow)
        until(slow.queue_view.start.isEnabled)

    def test_an_aborted_run_goes_on(self, slow):
        choose(slow, "ple", **SHORT)
        with held(slow.session._intake, scanned):
            slow.form.enqueue()
            until(lambda: len(slow.shown.live or ()) >= 1)
            slow.run.abort()
        until(lambda: not slow.session.busy)
        assert len(slow.shown.live) == 1
        slow.queue_view.select(slow.queue_model.items[0].id)
        slow.queue_view.refresh()
        assert slow.queue_view.go_on.isEnabled()
        slow.queue_view.go_on.click()
        until(lambda: slow.queue_model.items[0].status == "done")
        assert len(slow.shown.live) == 3, "the points before the abort are not shown"

    def test_a_new_spot_counts_from_nought(self, window):
        window.form.orders.new_spot()
        until(lambda: any("counted from nought" in line.text for line in window.session.lines))

    def test_abort_does_not_wait_for_an_instrument_that_hangs(self, slow):
        choose(slow, "ple", **LIT)
        slow.form.enqueue()
        until(lambda: not dark(slow))
        slow.session.bench.emulator("ccd").hang.update({"GetStatus", "AbortAcquisition"})
        press(slow.form_view.fields["start"].editor, Key.Key_F12)
        until(lambda: dark(slow), 5.0)
        assert slow.session.stopping.seconds < 5.0
        until(lambda: not slow.session.busy)
        assert slow.session.stopping.answers()["shutter"] == "done"
        assert slow.session.stopping.answers()["ccd"] != "done"
        assert slow.queue_model.items[0].status in ("aborted", "unsafe", "failed")
        slow.session.bench.emulator("ccd").hang.clear()
        slow._refresh()
        if slow.session.lost:
            slow.reconnect.click()
            until(lambda: ready(slow) and not slow.session.lost)

    def test_closing_the_window_in_a_run_aborts_and_makes_safe(self, slow):
        bench = slow.session.bench
        choose(slow, "ple", **LIT)
        slow.form.enqueue()
        until(lambda: not dark(slow))
        slow.close()
        until(lambda: not slow.isVisible())
        assert bench.emulator("shutter").shutter.opening.target == 0.0
        assert not bench.twin.source.emission
        assert slow.session.gone

    def test_pause_parks_and_goes_on(self, slow):
        choose(slow, "ple", **SHORT)
        with held(slow.session._intake, scanned):
            slow.form.enqueue()
            until(lambda: len(slow.shown.live or ()) >= 1)
            press(slow, Key.Key_F8)
        until(lambda: slow.session.state == "paused")
        assert slow.header.pause.text() == "Go on"
        assert dark(slow)
        slow.header.pause.click()
        until(lambda: slow.session.run.status == "done")

    def test_abort_when_nothing_runs_parks_all_the_same(self, window):
        window.instruments.light(True)
        until(lambda: window.run.beam()[0].word == "BEAM AT SAMPLE")
        press(window.header.sample, Key.Key_F12)
        until(lambda: window.run.beam()[0].word == "BEAM OFF")
        assert dark(window)

    def test_by_hand(self, window):
        window.instruments.move({"pump.wavelength": 515.0})
        until(lambda: not window.session.busy)
        card = next(view for view in window.cards.cards if view.card.role == "filter")
        until(lambda: window.instruments.shown(card.card).value == "515")
        window.instruments.move({"pump.wavelength": 5000.0})
        until(lambda: not window.session.busy)
        assert any("outside" in line.text for line in window.session.lines if line.level == "error")


class TestOpenedRuns:
    """A run is drawn before the one that was shown is closed."""

    def test_one_after_another_and_back_to_the_form(self, still, twin_ple):
        other = next(path for path in twin_ple.parent.glob("*.nxs") if path != twin_ple)
        for path in (twin_ple, other, twin_ple):
            still.open_runs([path])
            until(lambda path=path: still.shown.opened is not None and still.shown.opened.run.path == path)
            for number in range(still.centre.tabs.count()):
                still.centre.tabs.setCurrentIndex(number)
        choose(still, "snapshot")
        assert still.shown.opened is None
        choose(still, "ple")

    def test_tabs_for_which_the_analysis_has_nothing_are_hidden(self, still, twin_ple):
        choose(still, "ple")
        still.open_runs([twin_ple])
        until(lambda: still.shown.opened is not None and still.shown.opened.run.path == twin_ple)
        tabs = still.centre.tabs
        hidden = [number for number in range(tabs.count()) if not tabs.isTabVisible(number)]
        assert [still.centre.titles[number] for number in hidden] == ["Excitation spectrum of the stimulated band"]
        assert all(tabs.widget(number).empty for number in hidden)
        still.centre.turn_to(hidden[0])
        assert tabs.currentIndex() == hidden[0] + 1, "Ctrl and a number count the tabs in sight"
        assert not still.centre.select(still.centre.titles[hidden[0]])
        choose(still, "snapshot")
        choose(still, "ple")
        assert all(tabs.isTabVisible(number) for number in range(tabs.count()))

    def test_every_tab_is_in_sight_however_long_the_titles(self, still):
        settle()
        bar = still.centre.tabs.tabBar()
        assert all(bar.rect().contains(bar.tabRect(number)) for number in range(bar.count()))


class TestDangerousSteps:
    """A queue with dangerous steps is confirmed by holding a button, once, and never in a box of its own."""

    @pytest.fixture
    def waiting(self, still, monkeypatch):
        """One harmless item and two that are not, and a bench that notes what would be run instead of running it."""
        begun: list[list[int]] = []
        monkeypatch.setattr(still.session, "run_queue",
                            lambda allow: begun.append([item.id for item in still.queue_model.items if allow(item)]))
        for told in ({DANGERS: []}, {DANGERS: ["bias.voltage up to 20 V"]}, {}):
            still.queue_model.waiting.add("ying2021", "ple", {}, told)
        still.queue_model.reread()
        yield begun
        still.queue_model.waiting.remove([item.id for item in still.queue_model.items])
        still.queue_model.reread()

    def test_it_waits_until_a_button_was_held(self, still, waiting):
        still.queue.start()
        assert waiting == []
        assert still.confirm.isVisible()
        assert "bias.voltage up to 20 V" in still.confirm._text.text()
        assert "nobody could look at it" in still.confirm._text.text()
        assert still.confirm._text.text().count("item") == 2
        still.confirm.start.pressed.emit()
        assert waiting == []
        until(lambda: waiting)
        assert waiting == [[item.id for item in still.queue_model.items]]
        assert not still.confirm.isVisible()
        still.confirm.start.released.emit()
        still.queue.start()
        assert len(waiting) == 2, "what was confirmed is asked again"

    def test_declined_it_stays_and_nothing_runs(self, still, waiting):
        still.queue.start()
        still.queue.decline()
        assert waiting == []
        assert not still.confirm.isVisible()
        assert [still.queue._allowed(item) for item in still.queue_model.items] == [True, False, False]


class TestCutOff:
    """A run whose program has died is offered when the window is opened again, and nothing begins by itself."""

    @pytest.fixture
    def cut_off(self, still, monkeypatch, tmp_path):
        """A run that a program began and did not end, and a bench that notes what would be run."""
        begun: list[list[str]] = []
        monkeypatch.setattr(still.session, "run_queue",
                            lambda allow: begun.append([item.status for item in still.queue_model.items]))
        item = still.queue_model.waiting.add("ying2021", "ple", {}, {DANGERS: [], "out": str(tmp_path)})
        with monkeypatch.context() as patch:
            patch.setattr(processes, "me", lambda: {"pid": 0, "host": socket.gethostname()})
            still.queue_model.waiting.begin(item)
        # of who was killed no file is known, only by what its journal is found again
        still.queue_model.waiting.note(item.id, run_id="ab" * 16)
        monkeypatch.setattr(queue, "journal_of", lambda run_id, root: tmp_path / f"{run_id}.journal")
        still.session.queue_changed.emit()
        yield begun
        still.queue_model.waiting.remove([item.id])
        still.session.queue_changed.emit()

    def test_it_is_offered_and_goes_on(self, still, cut_off):
        assert still.offer.isVisible()
        assert "cut off" in still.offer._text.text()
        assert "what it has measured is kept" in still.offer._text.text()
        assert still.queue.can_go_on(still.queue_model.items[0])
        assert cut_off == []
        still.offer.finish.click()
        assert cut_off == [["waiting"]]
        assert not still.offer.isVisible()

    def test_left_alone_it_is_an_aborted_run(self, still, cut_off):
        still.offer.leave.click()
        assert [item.status for item in still.queue_model.items] == ["aborted"]
        assert not still.offer.isVisible()
        assert cut_off == []

    def test_what_is_queued_meanwhile_does_not_set_it_going(self, still, cut_off):
        still.queue._queued(still.queue_model.items[0])
        assert cut_off == []


class TestLooks:
    """Themes dress everything; states are told by glyph and word, too."""

    def test_red_lights_red_only(self, still):
        still.restyle(THEMES["red"])
        application().processEvents()
        picture = still.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB32)
        data = picture.constBits()
        data.setsize(picture.sizeInBytes())
        pixels = memoryview(bytes(data))
        red = sum(pixels[2::4][::97])
        other = sum(pixels[0::4][::97]) + sum(pixels[1::4][::97])
        assert other <= 2e-3 * red

    def test_states_have_glyph_and_word(self, still):
        cards = [still.instruments.shown(view.card).state for view in still.cards.cards]
        for told in (still.run.state, still.run.beam()[0], *cards):
            assert told.word
            assert told.glyph

    def test_far_view_shows_the_state_and_leaves_abort(self, still):
        press(still, Key.Key_F2)
        assert still.far.isVisible()
        assert still.run.state.word in still.far._state.text()
        assert still.header.abort.isVisible()
        assert still.header.abort.visibleRegion().boundingRect().width() == still.header.abort.width()
        press(still, Key.Key_F2)
        assert not still.far.isVisible()

    def test_layout_is_remembered(self, qapp, labctl_state, tmp_path):
        with opened(tmp_path) as first:
            first.resize(1500, 900)
            settle()
            first.arrangement.whole.setSizes([400, 700, 300])
            settle()
            sizes = first.arrangement.whole.sizes()
            first._save()
            first.settings.sync()
        with opened(tmp_path) as second:
            second._restore()
            settle()
            assert abs(second.arrangement.whole.sizes()[0] - sizes[0]) <= 8
            press(second, Key.Key_0, QtCore.Qt.KeyboardModifier.ControlModifier)
            settle()
            assert second.arrangement.whole.sizes()[0] < sizes[0] - 8


class ZScan(Procedure):
    """Move the sample through the focus."""

    title = "Z scan of a test"
    plots = (Map("Everything", y="sample.z"), Curve("Peak", x="sample.z", y="peak"), Spectrum("Spectrum"))
    depth = quantity("Depth", "mm", default=0.1, minimum=0.01, maximum=1.0, group="Scan")

    def plan(self, bench):
        yield Point(kind="dark", light=False, exposure_s=0.1)


def test_new_procedure_needs_no_gui_code(qapp, labctl_state, tmp_path):
    registry.register("procedure", "test_z_scan", ZScan)
    try:
        with opened(tmp_path) as window:
            assert window.form_view.procedure.findText("Z scan of a test") >= 0
            choose(window, "test_z_scan")
            assert list(window.form_view.fields) == ["depth"]
            assert window.centre.titles[:2] == ["Everything", "Peak"]
            run_to_end(window)
            assert window.session.run.status == "done"
    finally:
        registry.forget("procedure", "test_z_scan")

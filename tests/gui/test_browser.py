"""The runs that have been measured: found, looked at, noted, compared, put into the form again."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref

import numpy as np
import pytest
from qtpy import QtCore

from labctl.core.plots import Spectrum
from labctl.gui.model import reader
from labctl.gui.model.rubbish import Rubbish
from labctl.gui.model.runs_model import FILE, STATUS, RunsModel
from labctl.gui.model.session import Session
from labctl.gui.presenter.browser import BrowserPresenter, differing
from labctl.gui.presenter.form import FormPresenter
from labctl.gui.theme import LIGHT
from labctl.gui.views.browser import BrowserView
from labctl.gui.views.compare import CompareView, against
from labctl.store.catalogue import Entry


@pytest.fixture(autouse=True)
def rubbish():
    """No window is here that collects garbage in its thread: nobody does meanwhile, least of all the threads that read."""
    collector = Rubbish()
    collector.begin()
    yield collector
    collector.end()
    collector.tick()


def test_garbage_is_collected_where_the_window_says(rubbish):
    class Cycle:
        def __init__(self):
            self.itself = self

    gone = weakref.ref(Cycle())
    kept = [[] for _ in range(2 * gc.get_threshold()[0])]
    assert gone() is not None, f"collected behind the window's back, after {len(kept)} objects"
    rubbish.tick()
    assert gone() is None


@pytest.fixture
def presenter(qtbot, twin_ple, tmp_path):
    """Give the runs of a folder that holds the PLE scan, and the calibration before it."""
    root = tmp_path / "data"
    shutil.copytree(twin_ple.parents[1], root)
    session = Session("ying2021", root=root)
    form = FormPresenter(session)
    made = BrowserPresenter(session, form)
    yield made
    made.close()
    form.close()


def found(qtbot, presenter) -> list[Entry]:
    presenter.search()
    qtbot.waitUntil(lambda: (presenter.tick(), not presenter.searching)[1], timeout=20_000)
    assert presenter.model.entries
    return presenter.model.entries


@pytest.fixture
def view(qtbot, presenter):
    made = BrowserView(presenter)
    qtbot.addWidget(made)
    made.resize(1200, 600)
    made.show()
    found(qtbot, presenter)
    return made


def read(qtbot, presenter) -> None:
    """Wait until every file that was asked for has been read."""
    def idle() -> bool:
        presenter.session.reader.tick()
        presenter.tick()
        return not presenter.session.reader.busy and not presenter._looker.busy and not presenter.searching

    qtbot.waitUntil(idle, timeout=20_000)


def select(view, *rows):
    """Choose rows, whatever keys an earlier test has left pressed."""
    view.table.clearSelection()
    flags = QtCore.QItemSelectionModel.Select | QtCore.QItemSelectionModel.Rows
    for row in rows:
        view.table.selectionModel().select(view.presenter.model.index(row, 0), flags)


def choose(qtbot, view, *rows):
    select(view, *rows)
    read(qtbot, view.presenter)


def row_of(view, procedure) -> int:
    return next(row for row, entry in enumerate(view.presenter.model.entries) if entry.procedure == procedure)


class TestList:
    def test_every_word_of_the_filter_has_to_occur_somewhere(self, view):
        model = view.presenter.model
        assert {entry.procedure for entry in model.entries} == {"ple", "power_calibration"}
        view.filter.setText("done PLE")
        assert [entry.procedure for entry in model.entries] == ["ple"]
        view.filter.setText("ple nowhere")
        assert not model.entries

    def test_states_are_glyph_and_word(self):
        model = RunsModel()
        model.show([Entry(path=None, run_id="1", number=1, procedure="p", sample="s", user="u", start="2026-11-21T10:00:00",
                          status=status, simulated=True) for status in ()])
        assert model.rowCount() == 0
        assert model.headerData(STATUS, QtCore.Qt.Horizontal, QtCore.Qt.DisplayRole) == "Status"

    def test_a_row_says_what_is_known(self, view):
        model = view.presenter.model
        cells = [model.data(model.index(row_of(view, "ple"), column), QtCore.Qt.DisplayRole) for column in (STATUS, FILE)]
        assert cells[0] == "● done (simulated)"
        assert cells[1].endswith(".nxs")

    def test_a_folder_that_is_not_there_is_said(self, qtbot, presenter, tmp_path):
        presenter.session.root = tmp_path / "nowhere"
        presenter.search()
        qtbot.waitUntil(lambda: (presenter.tick(), not presenter.searching)[1], timeout=20_000)
        assert "There is no data folder" in presenter.words


class TestPreview:
    def test_the_chosen_run_is_drawn_with_its_results(self, qtbot, view):
        choose(qtbot, view, row_of(view, "ple"))
        assert view.plot is not None
        assert "ple" in view.headline.whole
        assert "resonance_nm = " in view.results.text()
        view.which.setCurrentIndex(1)
        assert view.plot.spec.title == view.presenter.preview.plots[1].title
        view.restyle(LIGHT)
        choose(qtbot, view)
        assert view.plot is None

    def test_a_note_is_written_beside_the_run_and_its_tags_are_found(self, qtbot, view):
        choose(qtbot, view, row_of(view, "ple"))
        view.note.setText("the good one #paper")
        view._write()
        read(qtbot, view.presenter)
        assert view.note.text() == ""
        assert "the good one #paper" in view.notes.text()
        found(qtbot, view.presenter)
        assert view.presenter.model.entries[row_of(view, "ple")].tags == ("paper",)

    def test_what_is_chosen_stays_chosen_when_the_list_is_read_anew(self, qtbot, view):
        choose(qtbot, view, row_of(view, "ple"))
        path = view.chosen[0].path
        assert view.presenter.note(view.chosen[0], "looked at", ())
        found(qtbot, view.presenter)
        assert [(entry.path, entry.notes) for entry in view.chosen] == [(path, 1)]
        assert view._buttons[0].isEnabled()

    def test_again_puts_the_settings_into_the_form_and_says_what_differs(self, qtbot, view):
        presenter, said = view.presenter, []
        presenter.session.said.connect(lambda line: said.append(line.text))
        presenter.again(presenter.model.entries[row_of(view, "ple")].path)
        read(qtbot, presenter)
        assert presenter.form.name == "ple"
        assert float(presenter.form.texts["start"]) == 522.0
        assert "500 → 522" in said[-1]

    def test_buttons_fit_what_is_chosen(self, qtbot, view):
        opening, comparing, again = view._buttons
        choose(qtbot, view)
        assert not any(each.isEnabled() for each in (opening, comparing, again))
        choose(qtbot, view, 0)
        assert (opening.isEnabled(), comparing.isEnabled(), again.isEnabled()) == (True, False, True)
        choose(qtbot, view, 0, 1)
        assert (opening.isEnabled(), comparing.isEnabled(), again.isEnabled()) == (False, True, False)


class TestSlowFile:
    """A file on a slow disk is said to be read, nothing waits for it, and who has gone on does not get it any more."""

    @pytest.fixture
    def slow(self, monkeypatch):
        """Reading waits until it is let go."""
        gate, load = threading.Event(), reader.api.load
        monkeypatch.setattr(reader.api, "load", lambda path: (gate.wait(20.0), load(path))[1])
        monkeypatch.setattr(reader, "SLOW_S", 0.0)
        yield gate
        gate.set()

    def test_the_preview_says_that_it_is_read(self, qtbot, view, slow):
        presenter = view.presenter
        select(view, row_of(view, "ple"))
        presenter.tick()
        assert "reading" in view.headline.whole
        assert view.plot is None
        slow.set()
        read(qtbot, presenter)
        assert view.plot is not None
        assert "reading" not in view.headline.whole

    def test_what_was_overtaken_is_not_shown(self, qtbot, view, slow):
        presenter, shown = view.presenter, []
        presenter.previewed.connect(lambda found: shown.append(found.measured.header["procedure"] if found else ""))
        for row in (row_of(view, "ple"), row_of(view, "power_calibration")):
            select(view, row)
            presenter.tick()
        slow.set()
        read(qtbot, presenter)
        assert [name for name in shown if name] == ["power_calibration"]

    def test_a_file_that_cannot_be_read_is_said(self, qtbot, presenter, tmp_path):
        broken, said = tmp_path / "broken.nxs", []
        broken.write_bytes(b"no run")
        presenter.session.said.connect(lambda line: said.append(line.text))
        presenter.compare([broken])
        read(qtbot, presenter)
        assert any("broken.nxs cannot be shown" in text for text in said)
        assert presenter.together == []


class TestCompare:
    @pytest.fixture
    def two(self, qtbot, view):
        path = view.presenter.model.entries[row_of(view, "ple")].path
        view.presenter.compare([path, path])
        read(qtbot, view.presenter)
        return view.presenter.together

    def test_cursors_and_scales_are_linked_and_the_ratio_is_drawn(self, qtbot, two):
        page = CompareView()
        qtbot.addWidget(page)
        page.resize(1200, 700)
        page.show()
        page.show_runs(two)
        first, second = page.views
        first.cursors.across.setValue(531.5)
        assert second.cursors.across.value() == pytest.approx(531.5, abs=0.03)         # the nearest column
        assert page.below.isVisible()
        y = page._curve.getData()[1]
        np.testing.assert_allclose(y[np.isfinite(y)], 1.0)
        page.ratio_button.click()
        np.testing.assert_allclose(page._curve.getData()[1], 0.0)
        page.which.setCurrentText(next(plot.title for plot in two[0].plots if isinstance(plot, Spectrum)))
        page.views[0]._show_pointer("cursor", True)
        page.views[0].pointers.cursor.setValue(532.0)
        assert page.views[1].pointers.cursor.value() == pytest.approx(532.0)
        page.restyle(LIGHT)

    def test_runs_of_different_procedures_share_no_plot_and_it_is_said(self, qtbot, view):
        page = CompareView()
        qtbot.addWidget(page)
        page.show()
        view.presenter.compare([entry.path for entry in view.presenter.model.entries[:2]])
        read(qtbot, view.presenter)
        page.show_runs(view.presenter.together)
        assert "no plot in common" in page._hint.text()

    def test_settings_that_differ_come_first(self, two):
        rows = differing(two)
        assert rows
        assert not any(differs for *_, differs in rows)
        two[1].measured.header["parameters"]["step"]["value"] = 9.0
        name, values, differs = differing(two)[0]
        assert (name, values, differs) == ("Step", ["0.5 nm", "9.0 nm"], True)

    def test_a_ratio_of_noise_is_not_drawn(self):
        x = np.arange(5.0)
        _, ratio = against((x, np.array([1e-6, 1.0, 2.0, 4.0, 0.0])), (x, np.array([5.0, 2.0, 4.0, 8.0, 3.0])), ratio=True)
        np.testing.assert_array_equal(ratio, [np.nan, 2.0, 2.0, 2.0, np.nan])

    def test_difference_at_the_places_that_both_have(self):
        x, difference = against((np.arange(5.0), np.ones(5)), (np.array([3.0, 1.0]), np.array([5.0, 3.0])), ratio=False)
        np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
        np.testing.assert_array_equal(difference, [2.0, 3.0, 4.0])

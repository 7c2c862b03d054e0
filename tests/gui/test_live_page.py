"""Live light from the window: frames on the page, a frame kept, aligning, and room made for runs."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.gui.model.session import Session
from labctl.gui.presenter.live import LivePresenter, brightness
from labctl.gui.theme import DARK, RED
from labctl.gui.views.live import LiveView, pump_text
from labctl.store.run import load
from tests.gui.made_up import reading
from tests.gui.windows import held, scanned
from tests.runs.conftest import calibrate

BENCH = "ying2021"
PATIENCE_MS = 30_000


@pytest.fixture
def session(qtbot, labctl_state, tmp_path):
    calibrate(BENCH, tmp_path / "calibrations")
    made = Session(BENCH, root=tmp_path / "data")
    made.open()
    wait(qtbot, made, lambda: made.bench is not None and not made.busy)
    yield made
    assert made.close()


def wait(qtbot, session, until):
    """Let the session look around until something is so."""
    def so():
        session.tick()
        return bool(until())

    qtbot.waitUntil(so, timeout=PATIENCE_MS)


@pytest.fixture
def page(qtbot, session):
    presenter = LivePresenter(session)
    presenter.pump = {"pump.wavelength": 510.0, "pump.power": 20e-6}
    view = LiveView(presenter, DARK)
    qtbot.addWidget(view)
    view.resize(1000, 600)
    view.show()
    return view


def frames(page) -> int:
    measured = page.presenter.measured
    return 0 if measured is None else len(measured)


def test_look_keep_go_back_and_stop(qtbot, session, page, tmp_path):
    kept = []
    page.presenter.kept.connect(kept.append)
    with held(page.presenter._news, lambda event: scanned(event) and event.reading.index >= 8):
        assert page.presenter.start()
        wait(qtbot, session, lambda: frames(page) >= 5)
        assert page.plot.spec.title == "Live spectrum"
        assert page.go.text() == "Stop"
        page.note.setText("look at this")
        page.back.setValue(1)
        shown = page.presenter.measured.counts(1)
        page.keep_shown()
    wait(qtbot, session, lambda: kept)
    with load(kept[0]) as run:
        np.testing.assert_array_equal(run.counts()[0], shown)
        assert run.header["note"] == "look at this"
    page.presenter.toggle()
    wait(qtbot, session, lambda: not session.busy)
    assert page.go.text() == "Live"
    page.restyle(RED)
    count = len(kept)
    page.keep_shown()
    wait(qtbot, session, lambda: len(kept) > count)
    page.presenter.refer_to(kept[0])
    np.testing.assert_array_equal(page.plot.reference.counts, shown)


def test_what_the_bench_cannot_do_is_said_and_not_done(qtbot, session, page):
    assert page.presenter.start()
    wait(qtbot, session, lambda: frames(page) >= 1)
    assert not page.presenter.set_pump("pump.power", "1 W")
    assert not page.presenter.set_pump("pump.power", "much")
    assert page.presenter.pump["pump.power"] == 20e-6
    assert page.presenter.set_pump("pump.power", "10,5 uW")
    page.presenter.step_exposure(+1)
    wait(qtbot, session, lambda: page.presenter.live.left.standing.get("pump.power") == pytest.approx(10.5e-6))
    wait(qtbot, session, lambda: page.presenter.exposure_s == 0.2)
    page.presenter.stop()
    wait(qtbot, session, lambda: not session.busy)


def test_aligning_holds_the_pump_and_makes_room_for_a_run(qtbot, session, page):
    assert page.presenter.start(align=True)
    wait(qtbot, session, lambda: frames(page) >= 3)
    page.refresh()
    assert page.presenter.live.left.standing["pump.power"] == pytest.approx(4e-6)      # of the sample's file
    assert "armed" in page.words.whole
    assert page.presenter.trace
    assert not page.presenter.set_pump("pump.power", "20 uW")
    assert page.bar.isVisible()
    then = []
    page.presenter.yield_to(lambda: then.append(session.busy))
    wait(qtbot, session, lambda: then)
    assert then == [False]


def test_brightness_is_that_of_the_sample_and_not_of_a_cosmic_ray():
    frame = reading(1, 5000.0)
    frame.arrays["counts"][3] = 60000
    found = brightness(frame)
    assert found.counts == pytest.approx(5000.0, rel=0.05)
    assert found.clear
    assert not brightness(reading(1, 5.0)).clear


@pytest.mark.parametrize(("value", "text"), [(6.8e-10, "0.68 nW"), (20e-6, "20 µW"), (1.5e-3, "1.5 mW")])
def test_powers_fit_their_field(value, text):
    assert pump_text("pump.power", value) == text

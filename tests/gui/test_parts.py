"""Small parts: the button that wants to be held, keys, cut texts, bars, the planner, the intake."""

from __future__ import annotations

import threading

import pytest
from qtpy import QtCore, QtGui

from labctl.core.pacing import Courtesy
from labctl.gui.keys import LIST, NAMES, WITH_CONTROL, Keys
from labctl.gui.model.intake import Intake, LatestBox
from labctl.gui.model.planner import Planner
from labctl.gui.right_of_way import RightOfWay
from labctl.gui.theme import GLYPHS, THEMES, state
from labctl.gui.views.colour import of_wavelength
from labctl.gui.views.parts import HOLD_MS, STEP_MS, Badge, Elided, HoldButton
from tests.gui.windows import until

Key = QtCore.Qt.Key


class TestHoldButton:
    """A dangerous step wants 0.8 s; letting go, or looking away, is no."""

    @pytest.fixture
    def button(self, qtbot):
        made = HoldButton("Open: 449 nm, 12.4 µW")
        qtbot.addWidget(made)
        made.times = []
        made.confirmed.connect(lambda: made.times.append(1))
        return made

    def hold(self, button, ms: int) -> None:
        button.pressed.emit()
        for _ in range(ms // STEP_MS):
            button._step()

    def test_held_long_enough(self, button):
        self.hold(button, HOLD_MS)
        assert button.times == [1]

    def test_let_go_too_early(self, button):
        self.hold(button, HOLD_MS - STEP_MS)
        button.released.emit()
        assert button.times == []
        self.hold(button, HOLD_MS - STEP_MS)
        assert button.times == [], "the earlier try must not count"

    def test_looked_away(self, button):
        self.hold(button, HOLD_MS - STEP_MS)
        button.focusOutEvent(QtGui.QFocusEvent(QtCore.QEvent.Type.FocusOut))
        button._step()
        assert button.times == []

    def test_a_held_space_bar_is_one_press(self, button):
        event = QtGui.QKeyEvent(QtCore.QEvent.Type.KeyPress, Key.Key_Space, QtCore.Qt.KeyboardModifier.NoModifier, " ", True)
        button.keyPressEvent(event)
        assert not button.isDown()


class TestKeys:
    """They work everywhere; one alone never lights or biases anything."""

    def test_every_key_is_listed(self):
        listed = " ".join(key for key, _ in LIST)
        missing = [key for key in (*NAMES, *WITH_CONTROL) if key not in listed and key.removesuffix("Enter") != "Ctrl+"
                   and not key[-1].isdigit()]
        assert not missing

    def test_a_held_key_acts_once_and_goes_no_further(self, qapp):
        pressed = []
        keys = Keys({"F12": lambda: pressed.append("F12")})
        for repeated in (False, True, True):
            event = QtGui.QKeyEvent(QtCore.QEvent.Type.KeyPress, Key.Key_F12, QtCore.Qt.KeyboardModifier.NoModifier, "", repeated)
            assert keys.eventFilter(qapp, event)
        assert pressed == ["F12"]

    def test_letters_are_left_alone(self, qapp):
        keys = Keys({name: lambda: pytest.fail("a letter did something") for name in (*NAMES, *WITH_CONTROL)})
        for key in (Key.Key_L, Key.Key_A, Key.Key_O, Key.Key_D, Key.Key_Space, Key.Key_Return):
            event = QtGui.QKeyEvent(QtCore.QEvent.Type.KeyPress, key, QtCore.Qt.KeyboardModifier.NoModifier)
            assert not keys.eventFilter(qapp, event)


def test_the_window_asks_for_the_right_of_way_and_gives_it_back(qapp):
    told = []

    class Noted(Courtesy):
        def busy(self) -> None:
            told.append("busy")

        def idle(self) -> None:
            told.append("idle")

    mine = RightOfWay(Noted())
    mine.begin(qapp)
    try:
        until(lambda: {"busy", "idle"} <= set(told))
    finally:
        mine.end(qapp)
        mine.end(qapp)          # a window may be closed twice
    assert told[-1] == "idle"
    before = len(told)
    qapp.processEvents()
    assert len(told) == before, "it still looks at events after its end"


def test_a_text_too_long_is_cut_and_told_in_full(qtbot):
    made = Elided()
    qtbot.addWidget(made)
    made.resize(60, 20)
    made.show()
    made.say("a text that is much longer than there is room for")
    assert made.text().endswith("…")
    assert made.toolTip() == made.whole
    made.resize(600, 20)
    assert made.text() == made.whole
    assert not made.toolTip()


def test_a_badge_tells_by_glyph_and_word(qtbot):
    made = Badge()
    qtbot.addWidget(made)
    made.show_state(state("fault", "FAILED"))
    assert made.text == f"{GLYPHS['fault']}  FAILED"
    assert made.accessibleName() == "FAILED"
    assert made.sizeHint().width() > made.fontMetrics().horizontalAdvance(made.text)


class TestThemes:
    """Text can be read on every ground, and glyphs differ where colours may not."""

    @pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
    def test_contrast(self, theme):
        grounds = (theme.panel, theme.card, theme.field)
        # pure red on black reaches 5.25; what is off or muted has to be dimmer and still be read
        least = {"text": 4.5, "muted": 3.0 if theme.name == "red" else 4.5, "ok": 3.0 if theme.name == "red" else 4.5,
                 "warning": 4.5, "fault": 4.5, "busy": 4.5, "off": 2.5 if theme.name == "red" else 4.5}
        for role, wanted in least.items():
            for ground in grounds:
                assert contrast(theme.colour(role), ground) >= wanted, (role, ground)
        assert contrast(theme.on_abort, theme.abort) >= 4.5
        assert contrast(theme.on_emission, theme.emission) >= 4.5

    def test_glyphs_differ(self):
        assert len(set(GLYPHS.values())) == len(GLYPHS)

    def test_red_has_no_green_and_no_blue(self):
        for name, value in vars(THEMES["red"]).items():
            for colour in value if isinstance(value, tuple) else [value]:
                assert not colour.startswith("#") or colour[3:] == "0000", name
        assert of_wavelength(450.0, THEMES["red"])[3:] == "0000"


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours (WCAG 2)."""
    lights = sorted(luminance(colour) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[k:k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("nm", "strongest"), [(450.0, 2), (520.0, 1), (650.0, 0), (300.0, 2), (900.0, 0)])
def test_light_has_its_colour(nm, strongest):
    colour = of_wavelength(nm, THEMES["dark"])
    parts = [int(colour[k:k + 2], 16) for k in (1, 3, 5)]
    assert parts.index(max(parts)) == strongest


class TestPlanner:
    """Work beside the window: the newest wish, or all of them."""

    def test_overtaken_wishes_are_not_begun(self, qapp):
        begun, gate, done = threading.Event(), threading.Event(), []
        planner = Planner()
        planner.ask(lambda: begun.set() or gate.wait())
        until(begun.is_set)
        for number in range(5):
            planner.ask(lambda number=number: done.append(number))
        gate.set()
        until(lambda: done)
        planner.close()
        assert done == [4]

    def test_none_is_lost_where_all_count(self, qapp):
        planner, found = Planner(newest_only=False), []
        for number in range(20):
            planner.ask(lambda number=number: number)
        until(lambda: found.extend(answer.value for answer in [planner.answer()] if answer) or len(found) == 20)
        assert found == list(range(20))
        planner.close()

    def test_a_defect_is_an_answer(self, qapp):
        planner, found = Planner(), []
        planner.ask(lambda: 1 / 0)
        until(lambda: found.extend(answer for answer in [planner.answer()] if answer) or found)
        assert isinstance(found[0].error, ZeroDivisionError)
        planner.close()


def test_the_intake_counts_what_it_loses():
    intake: Intake[int] = Intake(3)
    for number in range(5):
        intake.put(number)
    assert (intake.lost, intake.drain(2), intake.drain()) == (2, [2, 3], [4])


def test_a_box_gives_the_newest_once():
    box: LatestBox[int] = LatestBox()
    box.put(1)
    box.put(2)
    assert (box.take(), box.take(), box.put_count) == (2, None, 2)



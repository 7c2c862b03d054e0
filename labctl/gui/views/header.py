"""The header: what must be seen at any time, and the ways to stop. It never scrolls and never hides them."""

from __future__ import annotations

from qtpy import QtWidgets

from labctl.bench.samples import held
from labctl.gui.model.session import Session
from labctl.gui.presenter.run import ABORT_TEXT, RunPresenter
from labctl.gui.theme import DARK, GRID, State, Theme, state
from labctl.gui.views.parts import Badge, Bar, Elided, button, label

HEADER_PX = 54
SIMULATED = State("SIMULATED", "", "simulated")
WIDE_PX = 1700           # from here on there is room for the note
ABORT_TIP = ("Stop at once and park everything, the pump shutter first. Works at any time, with F12 from anywhere.\n"
             "Software is not an interlock: in danger use the interlock or the emergency stop.")


class HeaderView(QtWidgets.QFrame):
    """Sample, light, state, progress, and Live, Pause, Make safe, ABORT at their fixed places."""

    def __init__(self, session: Session, presenter: RunPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.session, self.presenter, self.theme = session, presenter, theme
        self.setObjectName("header")
        self.setFixedHeight(HEADER_PX)
        self.simulated = Badge(theme)
        self.simulated.show_state(SIMULATED, hatched=True)
        self.simulated.setVisible(session.config.simulated)
        self.simulated.setToolTip("Emulated instruments over a model of bench and sample: nothing real is moved or lit")
        self.sample = self._line("Sample", held(session.config), 148)
        self.note = self._line("Note for the next run …", "", 120)
        self.sample.textChanged.connect(lambda text: setattr(session, "sample", text.strip()))
        self.note.textChanged.connect(lambda text: setattr(session, "note", text.strip()))
        self._sample_label = label("Sample", "muted")
        self.emission, self.beam, self.state = Badge(theme), Badge(theme), Badge(theme)
        self.run_title, self.run_time, self.bar = Elided("strong"), Elided("muted"), Bar(theme, 4)
        self.live = button("Live", lambda: None, tip="Look without saving; its light counts as dose  [F5]")
        self.live.setCheckable(True)
        self.pause = button("Pause", presenter.pause, tip="Finish the point, close the shutter and wait  [F8]")
        self.safe = button("Make safe", presenter.make_safe, tip="Park everything and switch off what emits  [F11]")
        self.abort = button(ABORT_TEXT, presenter.abort, "abort", ABORT_TIP)
        self.abort.setAccessibleName("Abort, F12")
        self._lay_out()
        self.fit(0)          # a first layout with everything would make the least width of the window too large for good
        self.refresh()

    def _line(self, hint: str, text: str, width: int) -> QtWidgets.QLineEdit:
        made = QtWidgets.QLineEdit(text)
        made.setPlaceholderText(hint)
        made.setAccessibleName(hint.removesuffix(" …"))
        made.setMinimumWidth(width - 60)
        made.setMaximumWidth(2 * width)
        return made

    def _lay_out(self) -> None:
        run = QtWidgets.QVBoxLayout()
        run.setSpacing(1)
        run.setContentsMargins(0, 2, 0, 2)
        for each in (self.run_title, self.run_time, self.bar):
            run.addWidget(each)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(GRID + 4, 0, GRID, 0)
        row.setSpacing(GRID)
        row.addWidget(label("labctl", "brand"))
        row.addWidget(self.simulated)
        row.addWidget(self._sample_label)
        row.addWidget(self.sample, 1)
        row.addWidget(self.note, 3)
        row.addSpacing(GRID // 2)
        row.addWidget(self.emission)
        row.addWidget(self.beam)
        row.addWidget(self.state)
        row.addLayout(run, 4)
        for each in (self.live, self.pause, self.safe, self.abort):
            row.addWidget(each)

    def fit(self, width: int) -> None:
        """Give up what may be given up where there is no room: the note first, then the captions."""
        self.note.setVisible(width >= WIDE_PX)
        self._sample_label.setVisible(width >= WIDE_PX)

    def refresh(self) -> None:
        """Show the present state."""
        presenter = self.presenter
        self._show_emissions()
        beam, lit = presenter.beam()
        self.beam.show_state(beam, filled=lit)
        light = presenter.light()
        self.beam.setToolTip(f"By the shutter's own read-back. {light}".strip())
        self.state.show_state(presenter.state)
        self.run_title.say(presenter.title)
        self.run_time.say(presenter.time_left or light)
        self.bar.show_share(presenter.share)
        self.pause.setText(presenter.pause_text)
        self.pause.setEnabled(presenter.can_pause)
        self.abort.setText(presenter.abort_text)

    def _show_emissions(self) -> None:
        found = self.presenter.emissions()
        if not found:
            self.emission.show_state(state("off", "EMISSION: NOT KNOWN" if self.session.bench is None else "NO SOURCE"))
            return
        on = [told for _, told, counts in found if counts]
        several = f" {len(on)}/{len(found)}" if len(found) > 1 and on else ""
        shown = on[0] if on else found[0][1]
        self.emission.show_state(state("emission" if on else "off", f"EMISSION{several} {shown.word}"), filled=bool(on))
        self.emission.setToolTip("\n".join(f"{role}: {told.word}" for role, told, _ in found) +
                                 f"\nUNKNOWN is to be taken for ON.\n{self.presenter.light()}")

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        for each in (self.simulated, self.emission, self.beam, self.state, self.bar):
            each.restyle(theme)
        self.simulated.show_state(SIMULATED, hatched=True)

"""Before you start: what the run in the form would take, what stands against it, and the buttons that set it going."""

from __future__ import annotations

from qtpy import QtCore, QtWidgets

from labctl.core.dose import WORDS, written
from labctl.core.words import human_bytes, human_time
from labctl.engine.prospect import Prospect
from labctl.gui.presenter.form import FormPresenter
from labctl.gui.presenter.pump import highest
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import Bar, button, label, panel

ROWS = ("Points", "Duration", "File size", "Pump at most", "Light", "Dose on this spot")
PUMP = "Pump at most"
MOST_PROBLEMS = 3


class BeforeView(QtWidgets.QWidget):
    """Estimate, problems and buttons below the form."""

    def __init__(self, presenter: FormPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.presenter = presenter
        frame, column = panel("before")
        column.setSpacing(2)
        column.addWidget(label("BEFORE YOU START", "title"))
        self._values: dict[str, QtWidgets.QLabel] = {}
        self._names: dict[str, QtWidgets.QLabel] = {}
        for row in ROWS:
            line = QtWidgets.QHBoxLayout()
            self._names[row], self._values[row] = label(row, "muted"), label("", "strong")
            line.addWidget(self._names[row])
            line.addStretch(1)
            line.addWidget(self._values[row])
            column.addLayout(line)
            if row == PUMP:
                self._pump = label("", "muted", wrap=True)
                self._pump.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
                column.addWidget(self._pump)
        self.dose = Bar(theme)
        column.addWidget(self.dose)
        self.new_spot = button("New spot", presenter.orders.new_spot, "quiet",
                               "The beam falls where no light has fallen yet: count anew")
        self._problems = label("", "wrong", wrap=True)
        self._problems.hide()
        column.addWidget(self._problems)
        self.dry_run = button("Dry run", presenter.rehearse, tip="Rehearse the run on the twin; nothing is moved  [Ctrl+D]")
        self.queue = button("Add to queue", presenter.enqueue, "primary", "[Ctrl+Return]")
        buttons = QtWidgets.QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self.dry_run)
        buttons.addWidget(self.new_spot)
        buttons.addWidget(self.queue, 1)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(GRID)
        outer.addWidget(frame)
        outer.addLayout(buttons)
        presenter.judged.connect(self.refresh)
        presenter.rebuilt.connect(self.refresh)

    def refresh(self) -> None:
        """Show what is known now."""
        presenter = self.presenter
        self.queue.setEnabled(presenter.ready)
        self.dry_run.setEnabled(not presenter.orders.rehearsing)
        self.dry_run.setText("Rehearsing …" if presenter.orders.rehearsing else "Dry run")
        self.queue.setToolTip(f"Not yet: {presenter.reason}" if presenter.reason else "Queue this run  [Ctrl+Return]")
        known = presenter.prospect
        texts = dict.fromkeys(ROWS, "…" if presenter.planning else "—")
        if known is not None and known.plan.estimate.points:
            texts = _texts(known)
        level, other = highest(known.pump) if known is not None else ("", "")
        for row, text in (texts | {PUMP: level}).items():
            self._values[row].setText(text)
        for each in (self._names[PUMP], self._values[PUMP]):
            each.setVisible(bool(level))
        self._pump.setText(other)
        self._pump.setVisible(bool(other))
        share = known.share if known is not None else None
        self.dose.setVisible(share is not None)
        if share is not None:
            self.dose.show_share(share / 1.25, 1 / 1.25)        # the tick of the limit stands inside, so that "over" can be seen
        problems = [f"■ {problem.text}" if problem.level == "error" else f"▲ {problem.text}" for problem in presenter.problems
                    if problem.field not in presenter.texts or problem.level != "error"]
        self._problems.setText("\n".join(problems[:MOST_PROBLEMS]))
        self._problems.setObjectName("wrong" if any(text.startswith("■") for text in problems) else "warning")
        self._problems.style().unpolish(self._problems)
        self._problems.style().polish(self._problems)
        self._problems.setVisible(bool(problems))

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.dose.restyle(theme)


def _texts(known: Prospect) -> dict[str, str]:
    """Write an estimate."""
    estimate, adaptive = known.plan.estimate, known.plan.adaptive is not None
    most = "at most " if adaptive else ""
    least = "at least " if estimate.unknown_s else ""
    dose = f"{least}{written('dose_j_cm2', estimate.dose_j_cm2)}" if estimate.lit_seconds else "none"
    if known.share is not None:
        tightest = next((name for name, limit in known.budget.as_json().items() if limit), "dose_j_cm2")
        dose = f"{known.share:.0%} of the budget" if tightest == "dose_j_cm2" else f"{known.share:.0%} of the {WORDS[tightest]}"
    return {
        "Points": f"{most}{estimate.points}", "Duration": f"{most}{human_time(estimate.seconds)}",
        "File size": human_bytes(estimate.bytes), "Light": human_time(estimate.lit_seconds) if estimate.lit_seconds else "none",
        "Dose on this spot": dose,
    }

"""The page of live light: frames as they come, the last two hundred to go back to, and what is needed for aligning."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtGui, QtWidgets

from labctl.engine.live import POWER, WAVELENGTH
from labctl.gui.model.measured import Measured
from labctl.gui.presenter.live import TRACE_S, LivePresenter, Reference
from labctl.gui.theme import DARK, GRID, RADIUS, Theme
from labctl.gui.views.parts import Elided, button, label
from labctl.gui.views.plots import PlotView, build
from labctl.gui.views.plots.axes import PlotAxis, number
from labctl.gui.views.plots.marks import line
from labctl.gui.views.plots.spectrum import Kept, SpectrumView
from labctl.gui.views.style import font

FAR_PX = 64                 # of the number that is read from two metres
BAR_PX = 44
ALIGN_PX = 190
PUMP_PX, NOTE_PX = 76, 64
PUMP_FIELDS = (WAVELENGTH, "Pump nm", "Pump wavelength"), (POWER, "Pump µW", "Pump power")      # with hint and name


def pump_text(name: str, value: float) -> str:
    """Write a set-point of the pump, short enough for its field."""
    if name == WAVELENGTH:
        return f"{value:.4g} nm"
    scale, unit = next((pair for pair in ((1e-3, "mW"), (1e-6, "µW")) if value >= pair[0]), (1e-9, "nW"))
    return f"{value / scale:.4g} {unit}"


class MaxHold(QtWidgets.QWidget):
    """A number and a bar that are read from two metres: the brightness now, and a tick at the highest there was."""

    def __init__(self, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.theme, self._now, self._hold, self._full = theme, float("nan"), float("nan"), False
        self.setMinimumHeight(FAR_PX + BAR_PX + 3 * GRID)
        self.setAccessibleName("Brightness")

    def show_brightness(self, now: float, hold: float, *, saturated: bool) -> None:
        """Show counts per second now, the highest so far, and whether the frame is saturated."""
        self._now, self._hold, self._full = now, hold, saturated
        self.setAccessibleName(f"Brightness {number(now, 3)} counts per second, highest {number(hold, 3)}")
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw both."""
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        colour = QtGui.QColor(self.theme.fault if self._full else self.theme.text)
        painter.setPen(colour)
        painter.setFont(font(FAR_PX, bold=True))
        text = "–" if not np.isfinite(self._now) else f"{'■ ' if self._full else ''}{number(self._now, 3)}"
        painter.drawText(QtCore.QRectF(0, 0, self.width(), FAR_PX + GRID), QtCore.Qt.AlignmentFlag.AlignLeft, text)
        painter.setFont(font())
        painter.setPen(QtGui.QColor(self.theme.muted))
        told = f"counts/s in the brightest pixel · highest {number(self._hold, 3)}" + (" · SATURATED" if self._full else "")
        painter.drawText(QtCore.QRectF(0, 0, self.width(), FAR_PX), QtCore.Qt.AlignmentFlag.AlignRight, told)
        box = QtCore.QRectF(0, FAR_PX + 2 * GRID, self.width(), BAR_PX)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(self.theme.field))
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        if np.isfinite(self._now) and self._hold > 0:
            box.setWidth(max(self.width() * min(self._now / self._hold, 1.0) * 0.95, 2.0))
            painter.setBrush(QtGui.QColor(self.theme.fault if self._full else self.theme.accent))
            painter.drawRoundedRect(box, RADIUS, RADIUS)
            painter.setBrush(QtGui.QColor(self.theme.text))
            painter.drawRect(QtCore.QRectF(self.width() * 0.95, FAR_PX + GRID, 3, BAR_PX + 2 * GRID))


class LiveView(QtWidgets.QWidget):
    """The page of live light."""

    def __init__(self, presenter: LivePresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.presenter, self.theme = presenter, theme
        self.plot: PlotView | None = None
        self._ring: Measured | None = None
        self.words = Elided("strong")
        self.note = QtWidgets.QLineEdit()
        self.note.setPlaceholderText("Note to keep …")
        self.note.setAccessibleName("Note for the frame that is kept")
        self.back = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.back.setAccessibleName("Earlier frames")
        self.back.setToolTip("Go back to one of the last 200 frames; at the right end the newest is shown")
        self.back.valueChanged.connect(self._went_back)
        self.which = label("newest frame", "muted")
        self.which.setMinimumWidth(132)
        self.bar = MaxHold(theme)
        self.trace: Any = pg.PlotWidget(axisItems={side: PlotAxis(side, theme) for side in ("left", "bottom")}, enableMenu=False)
        self._curve = self.trace.plot()
        self._lay_out()
        presenter.began.connect(self._make)
        presenter.shown.connect(self._show)
        presenter.changed.connect(self.refresh)
        presenter.referred.connect(self._refer)
        self.restyle(theme)
        self.refresh()

    def _lay_out(self) -> None:
        presenter = self.presenter
        self.go = button("Live", presenter.toggle, "primary", "Look without saving; its light counts as dose  [F5]")
        self.align = button("Align", self._align, tip="Pump at the sample's alignment limit, for half an hour")
        self.align.setCheckable(True)
        self.shorter = button("−", lambda: presenter.step_exposure(-1), tip="Shorter exposure")
        self.longer = button("+", lambda: presenter.step_exposure(+1), tip="Longer exposure")
        self.exposure = label("", "strong")
        self.exposure.setToolTip("Exposure of the next frame")
        self.auto = button("Auto", lambda: presenter.change(auto=self.auto.isChecked(), exposure_s=presenter.exposure_s),
                           tip="Automatic exposure: it follows the brightest pixel")
        self.light = button("Light", lambda: presenter.change(light=self.light.isChecked()), tip="Off: the shutter stays closed")
        for each in (self.auto, self.light):
            each.setCheckable(True)
        self.dark = button("Dark", presenter.take_dark, tip="Take the dark frames of this exposure anew, shutter closed")
        self.keep = button("Keep  F6", self.keep_shown, tip="Make a run of the frame on the screen")
        self.forget = button("Reset maximum", self._reset, "quiet", "Forget the highest brightness so far")
        self.pump = [self._pump_field(*told) for told in PUMP_FIELDS]
        top, below = QtWidgets.QHBoxLayout(), QtWidgets.QHBoxLayout()
        for each in (top, below):
            each.setContentsMargins(GRID, 0, GRID, 0)
        for each in (self.go, self.align, self.shorter, self.exposure, self.longer, self.auto, self.light, self.dark, *self.pump):
            top.addWidget(each)
        top.setSpacing(GRID // 2)
        self.note.setMinimumWidth(NOTE_PX)
        top.addWidget(self.note, 1)
        top.addWidget(self.keep)
        for each, stretch in ((self.words, 3), (self.which, 0), (self.back, 2)):
            below.addWidget(each, stretch)
        self._aligning = QtWidgets.QWidget()
        far = QtWidgets.QHBoxLayout(self._aligning)
        far.setContentsMargins(GRID, 0, GRID, 0)
        left = QtWidgets.QVBoxLayout()
        left.addWidget(self.bar, 1)
        left.addWidget(self.forget, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        far.addLayout(left, 3)
        far.addWidget(self.trace, 2)
        self._aligning.setMaximumHeight(ALIGN_PX)
        self._aligning.hide()
        self._hint = label("Live light is off. F5 or Live begins; nothing is saved until you keep a frame.", "muted")
        self._hint.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(0, GRID, 0, GRID)        # the plot reaches as far as those of the other tabs
        self._column.setSpacing(GRID)
        self._column.addLayout(top)
        self._column.addWidget(self._aligning)
        self._column.addWidget(self._hint, 1)
        self._column.addLayout(below)

    def _pump_field(self, name: str, hint: str, words: str) -> QtWidgets.QLineEdit:
        """Make a field for a set-point of the pump; what was typed stays until it is accepted."""
        field = QtWidgets.QLineEdit()
        field.setPlaceholderText(hint)
        field.setAccessibleName(words)
        field.setToolTip(f"{words}: any unit, Return sets it")
        field.setFixedWidth(PUMP_PX)
        field.setObjectName(name)

        def typed() -> None:
            field.setModified(not self.presenter.set_pump(name, field.text()))

        field.returnPressed.connect(typed)
        return field

    # ---------------------------------------------------------------- what comes
    def _make(self, specs: Any) -> None:
        """Draw another kind of frame: the chip, or a spectrum."""
        if self.plot is not None and self.plot.spec == specs[0]:
            return
        if self.plot is not None:
            self.plot.setParent(None)
            self.plot.deleteLater()
        self._hint.hide()
        self.plot = build(specs[0], self.theme)
        self._column.insertWidget(2, self.plot, 1)

    def _show(self, measured: Measured) -> None:
        self._ring = measured
        if self.plot is not None:
            self.plot.set_run(measured)

    def _refer(self, reference: Reference | None) -> None:
        if isinstance(self.plot, SpectrumView):
            self.plot.set_reference(None if reference is None else Kept(reference.place, reference.counts, reference.name))

    def refresh(self) -> None:
        """Show the state, and what has come since."""
        presenter = self.presenter
        self.words.say(presenter.words)
        self.go.setText("Stop" if presenter.running else "Live")
        self.align.setChecked(presenter.aligning)
        self.align.setEnabled(presenter.aligning or not presenter.running)
        self.exposure.setText(f"{presenter.exposure_s:g} s")
        self.auto.setChecked(presenter.wish.auto)
        self.light.setChecked(presenter.wish.light)
        self.dark.setEnabled(presenter.running)
        self.keep.setEnabled(self._ring is not None and len(self._ring) > 0)
        for field in self.pump:
            value = presenter.wish.set.get(field.objectName(), presenter.pump.get(field.objectName()))
            if value is not None and not field.hasFocus() and not field.isModified():
                field.setText(pump_text(field.objectName(), value))
        self._refresh_ring()
        if not self.isVisible():
            return
        if self.plot is not None:
            self.plot.refresh()
        self._aligning.setVisible(presenter.aligning)
        if self.plot is not None:
            self.plot.tools.setVisible(not presenter.aligning)      # room for the spectrum, as far as there is any
        if presenter.aligning:
            self._refresh_trace()

    def _refresh_ring(self) -> None:
        count = len(self._ring) if self._ring is not None else 0
        newest = self.back.value() == self.back.maximum()
        if self.back.maximum() != max(count - 1, 0):
            self.back.blockSignals(True)
            self.back.setRange(0, max(count - 1, 0))
            if newest:
                self.back.setValue(self.back.maximum())
            self.back.blockSignals(False)

    def _refresh_trace(self) -> None:
        trace, hold = self.presenter.trace, self.presenter.hold
        if not trace:
            return
        highest = hold.per_s if hold is not None else float("nan")
        self.bar.show_brightness(trace[-1].per_s, highest, saturated=trace[-1].share >= 1.0)
        now = time.monotonic()
        self._curve.setData([each.at - now for each in trace], [each.per_s for each in trace])
        self.trace.setXRange(-TRACE_S, 0.0, padding=0.0)
        clear = [each.per_s for each in trace if each.clear] or [each.per_s for each in trace]
        self.trace.setYRange(0.0, max(max(clear), 1.0), padding=0.04)        # against zero; first noise does not count

    # ---------------------------------------------------------------- what a person does
    @property
    def row(self) -> int | None:
        """The frame that somebody went back to; None for the newest."""
        return None if self.back.value() == self.back.maximum() else self.back.value()

    def _went_back(self, row: int) -> None:
        newest = self.row is None
        self.which.setText("newest frame" if newest else f"{self.back.maximum() - row} frames ago")
        if isinstance(self.plot, SpectrumView):
            self.plot.show_row(self.row)

    def keep_shown(self) -> None:
        """Keep the frame on the screen."""
        self.presenter.keep(self.row, self.note.text().strip())
        self.note.clear()

    def _align(self) -> None:
        if self.presenter.running:
            self.presenter.stop()
        else:
            self.presenter.start(align=True)
        self.refresh()

    def _reset(self) -> None:
        self.presenter.hold = None

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = self.bar.theme = theme
        self.trace.setBackground(theme.plot)
        for side, words in (("left", "Counts/s"), ("bottom", "Seconds ago")):
            axis = self.trace.getAxis(side)
            axis.restyle(theme)
            axis.say(words)
        self._curve.setPen(line(theme.series[0]))
        self.trace.hideButtons()
        if self.plot is not None:
            self.plot.restyle(theme)
        self.bar.update()

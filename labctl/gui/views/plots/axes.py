"""Axes: numbers as people write them, decades as powers of ten, and a second scale along the top."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtGui

from labctl.gui.model.scales import Convert
from labctl.gui.theme import CAPTION_PX, Theme

PLAIN = 1e4                     # numbers below it are written in full
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
FEW_DECADES = 2.5               # on which 2 and 5 are labelled too
EVERY_DECADE = 8.0              # above so many only some are labelled
MEDIUM = re.compile(r"\((vacuum|air), ")        # before the unit: left out where room is short
UNIT = re.compile(r" \([^()]*\)$")
LABEL_MARGIN_PX = 10.0      # of a label, on both sides together
LEAST_PX = 20.0                 # of height between two labels


def power_of_ten(exponent: int) -> str:
    """Write 10⁴."""
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


def whole(value: float) -> str:
    """Write counts: 65 535."""
    return f"{round(value):,}".replace(",", "\u2009") if np.isfinite(value) else "–"


def place(value: float) -> str:
    """Write where a cursor stands, as short as it is."""
    return f"{value:.5g}" if abs(value) < PLAIN else number(value, 5)


def number(value: float, digits: int = 4) -> str:
    """Write a number for a readout: 17 240, 1.84 × 10⁶, 0.0123; the digits are significant ones."""
    if not np.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    exponent = int(np.floor(np.log10(abs(value))))
    if exponent > 5 or exponent < -3:
        mantissa = f"{value / 10.0**exponent:.{max(digits - 2, 1)}f}"
        return f"{mantissa} × {power_of_ten(exponent)}"
    places = max(digits - 1 - exponent, 0)
    return f"{value:,.{places}f}".replace(",", "\u2009")       # thin space


class PlotAxis(pg.AxisItem):
    """An axis in the theme's colours; large numbers carry a prefix, logarithmic ones are decades."""

    _known, _told = True, ""            # whether its numbers mean something; the label as it is written

    def __init__(self, orientation: str, theme: Theme, **options: Any):
        super().__init__(orientation, **options)
        self.enableAutoSIPrefix(False)
        self.setStyle(tickLength=-4, autoExpandTextSpace=True, tickTextOffset=5 if orientation in ("left", "right") else 3)
        self.restyle(theme)

    def restyle(self, theme: Theme) -> None:
        """Take a theme."""
        font = QtGui.QFont()
        font.setPixelSize(CAPTION_PX)
        self.setStyle(tickFont=font)
        self.setPen(pg.mkPen(theme.border))
        self.setTextPen(pg.mkPen(theme.muted))
        self.labelStyle = {"color": theme.muted, "font-size": f"{CAPTION_PX}px"}
        if self.labelText:
            self._write(self.labelText)

    def know(self, known: bool) -> None:
        """Write numbers only where they mean something: a plot that is empty has none."""
        if known != self._known:
            self._known = known
            self.picture = None
            self.update()

    def decades(self, on: bool) -> None:
        """Write powers of ten: what stands on the axis are logarithms."""
        args: Any = (on,)
        self.setLogMode(*args)

    def say(self, label: str) -> None:
        """Write what the axis is."""
        if label != self.labelText or not self.label.isVisible():
            self._write(label)

    def labelString(self) -> str:
        """Give the label as HTML: as long as there is room for."""
        style = ";".join(f"{name}: {value}" for name, value in self.labelStyle.items())
        return f"<span style='{style}'>{self._fitted}</span>"

    @property
    def _fitted(self) -> str:
        """The label, without the medium or cut where the axis is too short for it; its unit stays."""
        length = (self.size().height() if self.orientation in ("left", "right") else self.size().width()) or float("inf")
        font = QtGui.QFont()
        font.setPixelSize(CAPTION_PX)
        metrics = QtGui.QFontMetricsF(font)
        short = MEDIUM.sub("(", self.labelText)
        if metrics.horizontalAdvance(self.labelText) + LABEL_MARGIN_PX <= length:
            return self.labelText
        unit = UNIT.search(short)
        room = length - LABEL_MARGIN_PX - (metrics.horizontalAdvance(unit[0]) if unit else 0.0)
        words = short[:unit.start()] if unit else short
        return metrics.elidedText(words, QtCore.Qt.TextElideMode.ElideRight, max(room, 0.0)) + (unit[0] if unit else "")

    def resizeEvent(self, ev: Any = None) -> None:
        """Write the label as long as there is room for, in the middle of the axis."""
        if self.label is not None and self.labelText and self._told != self._fitted:
            self._told = self._fitted
            self.label.setHtml(self.labelString())
        super().resizeEvent(ev)

    def _write(self, label: str) -> None:
        style: dict[str, Any] = self.labelStyle
        self.setLabel(label, **style)
        self.resizeEvent()              # an axis of fixed width does not notice that its label has become longer

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Write the numbers of an axis; all of one axis with the same prefix."""
        if not self._known:
            return [""] * len(values)
        if self.logMode:
            return self.logTickStrings(values, scale, spacing)
        if not len(values):
            return []
        largest = max(abs(value) for value in values) * scale
        if 0.0 < largest < 1e-3:
            return [f"{value * scale:.3g}".replace("e-0", "e-") for value in values]
        if largest < PLAIN:
            return super().tickStrings(list(values), scale, spacing)
        factor, prefix = next((pair for pair in PREFIXES if largest >= pair[0]), PREFIXES[-1])
        return [f"{value * scale / factor:g} {prefix}" if value else "0" for value in values]

    def logTickValues(self, minVal: float, maxVal: float, size: float, stdTicks: Any) -> list[tuple[float | None, list[float]]]:
        """Place ticks at decades; on few decades at 2 and 5 of each, labelled too."""
        span = maxVal - minVal
        step = max(1, int(np.ceil(span / max(min(EVERY_DECADE, size / LEAST_PX), 1.0))))
        decades = np.arange(np.floor(minVal), np.ceil(maxVal) + 1)
        within = [float(decade) for decade in decades if minVal <= decade <= maxVal and int(decade) % step == 0]
        parts = (2, 5) if span <= FEW_DECADES and size > 6 * LEAST_PX else ()
        minor = [float(decade + np.log10(part)) for decade in decades for part in parts]
        rest = [part for part in range(2, 10) if part not in parts] if step == 1 else []
        fine = [float(decade + np.log10(part)) for decade in decades for part in rest]

        def seen(ticks: list[float]) -> list[float]:
            return [tick for tick in ticks if minVal <= tick <= maxVal]

        return [(1.0, within), (0.5, seen(minor)), (None, seen(fine))]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: Any) -> list[str]:
        """Write powers of ten; small plain numbers on a short axis."""
        if spacing is None:
            return [""] * len(values)
        low, high = sorted(self.range)
        if low > -2.5 and high < np.log10(PLAIN):
            return [f"{10.0**value:.4g}" for value in values]
        return [power_of_ten(round(value)) if abs(value - round(value)) < 1e-6 else "" for value in values]


class ConvertedAxis(PlotAxis):
    """The same places on another scale: photon energies along the top of wavelengths."""

    def __init__(self, orientation: str, theme: Theme, forward: Convert, back: Convert, unit: str = ""):
        self.forward, self.back, self.unit = forward, back, unit
        self._last = float("nan")           # the outermost labelled place, which carries the unit
        super().__init__(orientation, theme)

    def convert_by(self, forward: Convert, back: Convert, unit: str) -> None:
        """Show another scale."""
        self.forward, self.back, self.unit = forward, back, unit
        self.picture = None
        self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Place ticks at round numbers of the other scale."""
        low, high = sorted(float(value) for value in self.forward(np.array([minVal, maxVal])))
        if not np.isfinite([low, high]).all() or high > 1e3 * max(abs(low), 1e-12) + 1e3:
            return []                           # an axis that nothing is drawn on yet
        ticks = [(spacing, [float(value) for value in self.back(np.array(values))])
                 for spacing, values in super().tickValues(low, high, size) if len(values)]
        self._last = max(ticks[0][1]) if ticks else float("nan")
        return ticks

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Write the other scale's numbers."""
        if not self._known:
            return [""] * len(values)
        places = max(0, int(np.ceil(-np.log10(spacing * 1.001)))) if spacing > 0 else 0
        texts = [f"{value:.{places}f}" for value in self.forward(np.array(values, dtype=float))]
        return [f"{text} {self.unit}" if value == self._last else text for text, value in zip(texts, values, strict=True)]

"""Draw the plots that a procedure declares, from any run: one figure, ready to be looked at or printed."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labctl.analysis.labels import result_text
from labctl.analysis.panels import Panel, paint_curve, paint_heat_map, paint_image, paint_map, paint_spectrum
from labctl.analysis.panels_polar import paint_polar
from labctl.analysis.panels_time import paint_histogram, paint_trace
from labctl.core.plan import Problem
from labctl.core.plots import Curve, HeatMap, Histogram, Image, Map, Plot, Polar, Spectrum, Trace
from labctl.core.reduction import Reduction, RunView

PANEL_INCHES = (5.9, 4.3)
LINE_INCHES, LINE_LETTERS = 0.19, 88      # height of one line of the footer; letters per panel width
LETTER_INCHES = 0.069                     # width of a letter of 9 points, on the wide side
PAINTERS: dict[type[Plot], Callable[[Panel, Plot], None]] = {
    Map: paint_map, HeatMap: paint_heat_map, Curve: paint_curve, Spectrum: paint_spectrum,
    Polar: paint_polar, Histogram: paint_histogram, Trace: paint_trace, Image: paint_image,
}
INK, GREY, ALARM = "#222222", "#666666", "#b03a00"


def figure(run: RunView, plots: Sequence[Plot], reduction: Reduction | None, *, title: str = "", subtitle: str = "") -> Figure:
    """Draw every declared plot, two to a row, with the results and problems of the reduction below.

    A live `Spectrum` is left out where a `Map` of the same channel shows every spectrum anyway. Plots of a kind that cannot be
    drawn yet are named in the footer. `reduction` is None when there is none. Needs no display: `savefig` works anywhere.
    """
    mapped = {plot.channel for plot in plots if isinstance(plot, Map)}
    wanted = [plot for plot in plots if not ((isinstance(plot, Spectrum) and plot.channel in mapped) or _left_out(plot, reduction))]
    drawn = [plot for plot in wanted if type(plot) in PAINTERS]
    footer = _footer(reduction, [plot for plot in wanted if type(plot) not in PAINTERS], LINE_LETTERS * min(max(len(drawn), 1), 2))
    columns, rows = min(max(len(drawn), 1), 2), max(-(-len(drawn) // 2), 1)
    header = 0.62 if title or subtitle else 0.1
    below = LINE_INCHES * len(footer) + (0.16 if footer else 0.05)
    size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows + header + below)
    made = Figure(figsize=size, dpi=150, layout="constrained", facecolor="white")
    engine = made.get_layout_engine()
    assert engine is not None    # noqa: S101 - asked for in the line above
    engine.set(rect=(0, below / size[1], 1, 1 - (header + below) / size[1]), w_pad=0.12, h_pad=0.1)    # type: ignore[call-arg]
    for index, plot in enumerate(drawn):
        axes = made.add_subplot(rows, columns, index + 1, projection="polar" if isinstance(plot, Polar) else None)
        _style(axes)
        PAINTERS[type(plot)](Panel(axes, run, reduction or Reduction()), plot)
    _header(made, size, title, subtitle)
    for line, (text, colour) in enumerate(footer):
        made.text(0.12 / size[0], (below - 0.06 - LINE_INCHES * line) / size[1], text, fontsize=8.5, va="top", color=colour,
                  parse_math=False)
    return made


def _left_out(plot: Plot, reduction: Reduction | None) -> bool:
    """Tell whether a plot waits for a curve that this reduction does not give."""
    if not isinstance(plot, Curve) or not plot.optional:
        return False
    return reduction is None or not any(name == plot.y or name.startswith(f"{plot.y}_") for name in reduction.curves)


def _style(axes: Axes) -> None:
    axes.tick_params(direction="in", colors=INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color("#888888")
        spine.set_linewidth(0.8)


def _header(made: Figure, size: tuple[float, float], title: str, subtitle: str) -> None:
    left = 0.12 / size[0]
    if title:
        made.text(left, 1 - 0.1 / size[1], title, fontsize=13, fontweight="bold", va="top", color=INK, parse_math=False)
    if subtitle:
        points = min(9.0, 9.0 * (size[0] - 0.24) / (LETTER_INCHES * len(subtitle)))      # one line, whatever the names
        made.text(left, 1 - (0.37 if title else 0.1) / size[1], subtitle, fontsize=points, va="top", color=GREY,
                  parse_math=False)      # people call samples what they like: a $ is a $


def _footer(reduction: Reduction | None, undrawn: Sequence[Plot], width: int) -> list[tuple[str, str]]:
    """Give the lines below the panels with their colours: results, then problems, then what could not be drawn."""
    if reduction is None:
        return []
    lines = [(line, INK) for line in _joined([result_text(name, result) for name, result in reduction.results.items()], width)]
    for problem in reduction.problems:
        lines += [(line, ALARM) for line in textwrap.wrap(_problem_text(problem), width)]
    return lines + [(f"Not drawn: {plot.title} ({type(plot).__name__}).", GREY) for plot in undrawn]


def _joined(texts: Sequence[str], width: int) -> list[str]:
    """Put several short texts into as few lines as fit."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + len(text) + 5 <= width:
            lines[-1] += "     " + text
        else:
            lines.append(text)
    return lines


def _problem_text(problem: Problem) -> str:
    return f"{'Warning' if problem.level == 'warning' else 'No result'}: {problem}"

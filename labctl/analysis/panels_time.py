"""Painters of what runs with time: decay histograms against delay, numbers against the time since the start."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from labctl.analysis.labels import axis_label, quantity_label, shown_as
from labctl.analysis.lifetimes import RESPONSE
from labctl.analysis.panels import BLUE, GREY, VERMILION, Panel, curves_named
from labctl.core.plots import Histogram, Plot, Trace
from labctl.core.quantities import long_name
from labctl.core.reduction import CurveData

MOST_DECAYS = 8             # histograms in one panel; of more, so many are picked evenly
MOST_STEPS = 1500           # bins drawn per histogram; finer ones are added up, since a page has no more dots
LINES = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")       # Okabe and Ito


def paint_histogram(panel: Panel, plot: Plot) -> None:
    """Draw counts per bin against delay, logarithmic: the reduced curves named after the channel, else the raw histograms."""
    assert isinstance(plot, Histogram)    # noqa: S101 - chosen by type
    axes = panel.axes
    curves = curves_named(panel, plot.channel)
    unit = _draw_reduced(axes, curves) if curves else _draw_raw(panel, plot.channel)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0.5), high)
    axes.set(xlabel=axis_label("Time delay", unit), ylabel="Counts per bin")
    axes.set_title(plot.title, loc="left", fontsize=10.5)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8, frameon=False, handlelength=1.2, markerscale=3.0)


def _draw_reduced(axes: Axes, curves: list[CurveData]) -> str:
    decays = [curve for curve in curves if curve.label != RESPONSE]
    for curve in (curve for curve in curves if curve.label == RESPONSE):
        axes.plot(curve.x, curve.y, lw=0.9, color=GREY, label=RESPONSE, zorder=1)
    for curve, colour in zip(decays, _colours(len(decays)), strict=True):
        _draw_steps(axes, curve.x, curve.y, colour, curve.label)
        if curve.fit_x is not None and curve.fit_y is not None:
            alone = len(decays) == 1
            axes.plot(curve.fit_x, curve.fit_y, lw=1.3, color=VERMILION if alone else colour, label="fit" if alone else None,
                      zorder=4)
    return "ns"


def _draw_raw(panel: Panel, channel: str) -> str:
    """Draw the recorded histograms, channels of a point one after the other; gives the unit of their delay."""
    counts = panel.run.counts(channel)
    rows = counts.reshape(-1, counts.shape[-1])
    found = panel.run.coordinate(channel)
    _, unit, delay = found if found is not None else ("bin", "", np.arange(rows.shape[1], dtype=float))
    picked = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_DECAYS)).astype(int)) if len(rows) else np.array([], int)
    for row, colour in zip(picked, _colours(len(picked)), strict=True):
        label = "" if len(picked) == 1 else f"{row + 1} of {len(rows)}"
        _draw_steps(panel.axes, delay, rows[row], colour, label)
    return unit


def _draw_steps(axes: Axes, delay: np.ndarray, counts: np.ndarray, colour: Any, label: str) -> None:
    """Draw a histogram as dots; bins too fine for a page show the mean of their neighbours, empty ones are left out."""
    join = max(len(counts) // MOST_STEPS, 1)
    whole = len(counts) // join * join
    height = np.asarray(counts, dtype=float)[:whole].reshape(-1, join).mean(axis=1)
    place = np.asarray(delay, dtype=float)[:whole].reshape(-1, join).mean(axis=1)
    seen = height > 0
    axes.plot(place[seen], height[seen], ".", ms=2, color=colour, alpha=0.7, label=label or None, zorder=2)


def _colours(count: int) -> list[Any]:
    return [BLUE] if count == 1 else [tuple(c) for c in colormaps["viridis"](np.linspace(0, 0.88, count))]


def paint_trace(panel: Panel, plot: Plot) -> None:
    """Draw numbers against the time since the start; those of different units each on a scale of their own mean."""
    assert isinstance(plot, Trace)    # noqa: S101 - chosen by type
    axes, run = panel.axes, panel.run
    drawn: dict[str, np.ndarray] = {}
    for name in plot.names:
        try:
            drawn[name] = run[name]
        except KeyError:
            continue
    if not drawn:
        axes.text(0.5, 0.5, "no data for this trace", transform=axes.transAxes, ha="center", color=GREY)
    time, word = _time(run["elapsed_s"]) if drawn else (np.array([]), "s")
    alike = len({shown_as(name)[0] for name in drawn}) == 1
    for (name, values), colour in zip(drawn.items(), LINES, strict=False):
        scale = shown_as(name)[1] if alike else 1 / (np.nanmean(np.abs(values)) or 1.0)
        axes.plot(time, values * scale, "o-", ms=2.5, lw=0.9, color=colour, label=long_name(name))
    axes.set_xlabel(f"Time since the start ({word})")
    one = next(iter(drawn), "")
    axes.set_ylabel("Relative to the mean" if not alike else quantity_label(one) if len(drawn) == 1 else shown_as(one)[0])
    if alike:
        axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.set_title(plot.title, loc="left", fontsize=10.5)
    if len(drawn) > 1:
        axes.legend(fontsize=8, frameon=False)


def _time(elapsed_s: np.ndarray) -> tuple[np.ndarray, str]:
    """Give the time in the unit a person would say."""
    longest = float(np.nanmax(elapsed_s)) if len(elapsed_s) else 0.0
    return (elapsed_s / 3600, "h") if longest > 2 * 3600 else (elapsed_s / 60, "min") if longest > 300 else (elapsed_s, "s")

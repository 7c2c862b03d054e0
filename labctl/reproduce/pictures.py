"""Pictures for the report: panels from run files, the papers' bounds as bands."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labctl.analysis import figure, panels
from labctl.analysis.verdicts import Row
from labctl.core.plots import Plot, Polar
from labctl.core.reduction import CurveData, Reduction
from labctl.reproduce.plan import Panel
from labctl.reproduce.targets import rows
from labctl.store.run import Run, load

INCHES, DPI = (5.4, 3.7), 100
BAND = "#f3d9a4"


def draw(panel: Panel, path: Path) -> bytes:
    """Draw a panel from a run file; gives a PNG."""
    with load(path) as run:
        plot = _plot(panel, run)
        made = Figure(figsize=INCHES, dpi=DPI, layout="constrained", facecolor="white")
        axes = made.add_subplot(projection="polar" if isinstance(plot, Polar) else None)
        axes.tick_params(direction="in", labelsize=9)
        reduction = Reduction(run.results, _curves(panel, run.curves))
        figure.PAINTERS[type(plot)](panels.Panel(axes, run, reduction), replace(plot, title=""))
    if panel.xlim is not None:
        axes.set_xlim(*panel.xlim)
    if panel.ylim is not None:
        axes.set_ylim(*panel.ylim)
    claims = {row.id: row for row in rows()}
    _band(axes, claims.get(panel.x_band), along_x=True)
    _band(axes, claims.get(panel.y_band), along_x=False)
    kept = io.BytesIO()
    made.savefig(kept, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.06)
    return kept.getvalue()


def _curves(panel: Panel, curves: Mapping[str, CurveData]) -> dict[str, CurveData]:
    """Keep of the run's curves what the panel wants to show."""
    kept = {name: curve for name, curve in curves.items() if not panel.curves or name in panel.curves}
    if panel.used:
        kept = {name: _used(curve) for name, curve in kept.items()}
    if not panel.fit:
        kept = {name: replace(curve, fit_x=None, fit_y=None) for name, curve in kept.items()}
    return kept


def _used(curve: CurveData) -> CurveData:
    if curve.used is None:
        return curve
    sigma = None if curve.sigma is None else curve.sigma[curve.used]
    return replace(curve, x=curve.x[curve.used], y=curve.y[curve.used], sigma=sigma, used=None)


def _plot(panel: Panel, run: Run) -> Plot:
    """Give the plot that the panel is about: its own, or one that the procedure declared."""
    if isinstance(panel.plot, Plot):
        return panel.plot
    return next(plot for plot in run.plots if plot.title == panel.plot)


def _band(axes: Axes, row: Row | None, *, along_x: bool) -> None:
    """Shade what the paper's row allows."""
    if row is None:
        return
    low, high = (end if row.check[key] is None else row.check[key]
                 for key, end in zip(("lo", "hi"), axes.get_xlim() if along_x else axes.get_ylim(), strict=True))
    shade = axes.axvspan if along_x else axes.axhspan
    shade(low, high, color=BAND, alpha=0.6, lw=0, zorder=0, label="published")

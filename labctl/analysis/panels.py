"""One painter per kind of plot. Colours are safe for the colour-blind: viridis for maps, Okabe and Ito's for lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from labctl.analysis.labels import axis_label, shown_as
from labctl.core.errors import AnalysisError, StoreError
from labctl.core.photons import HC_EV_NM
from labctl.core.plots import Curve, HeatMap, Image, Map, Plot, Spectrum
from labctl.core.quantities import long_name, quantity_unit
from labctl.core.reduction import CurveData, Reduction, RunView
from labctl.core.refocus import FLAG as FOCUS

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#777777"
MOST_EARLIER = 8         # earlier spectra behind the newest
VISIBLE = 8.0            # a column of a map is shown when something in it exceeds this many standard errors
PLAIN = 1e4              # numbers on an axis below it are written in full
LARGEST_SPAN = 1e6       # of a logarithmic colour scale
DECADE = 10.0            # ratio of the ends of an abscissa from which it is drawn logarithmically where the plot does not say
RANK = {"measured": 0, "fit": 1}     # order in a legend; the rest follows


@dataclass(frozen=True)
class Panel:
    """Where to draw, and from what."""

    axes: Axes
    run: RunView
    reduction: Reduction


def curves_named(panel: Panel, name: str) -> list[CurveData]:
    """Give the reduced curves of a name, or of the name and a suffix: one of several."""
    return [curve for key, curve in panel.reduction.curves.items() if key == name or key.startswith(f"{name}_")]


# ------------------------------------------------------------------ scales
def _is_wavelength(name: str) -> bool:
    return name.removesuffix("_measured").endswith("wavelength") and quantity_unit(name) == "nm"


def _swap(value: Any) -> Any:
    """Turn nm into eV or eV into nm (vacuum); both are hc over the other. Zero, which an empty axis asks for, stays finite."""
    return HC_EV_NM / np.maximum(np.asarray(value, dtype=float), 1e-6)


def _energy_axis(axes: Axes) -> None:
    """Add photon energy along the top of an axis in nm (vacuum)."""
    top = axes.secondary_xaxis("top", functions=(_swap, _swap))
    top.set_xlabel("Photon energy (eV)", fontsize=9, color="#444444")
    top.tick_params(direction="in", labelsize=8.5, colors="#444444")


def _edges(centres: np.ndarray) -> np.ndarray:
    """Give the borders between neighbouring cells; a single cell is 1 wide."""
    if len(centres) < 2:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


# ------------------------------------------------------------------ maps
def paint_map(panel: Panel, plot: Plot) -> None:
    """Draw every spectrum as a row, logarithmic from the noise to the brightest pixel, cut to where there is something to see."""
    assert isinstance(plot, Map)    # noqa: S101 - chosen by type
    axes, run = panel.axes, panel.run
    unit, factor = shown_as(plot.y)
    kept = ~run.flag(FOCUS)
    wavelength, all_rows, noise = _on_one_axis(run)
    y, signal = _joined(run[plot.y][kept] * factor, all_rows[kept])
    order = np.argsort(y, kind="stable")
    repeated = len(np.unique(y)) < len(y)
    rows = np.arange(1.0, len(y) + 1) if repeated else y[order]
    signal = signal[slice(None) if repeated else order]
    shown = _columns_with_light(signal, noise)
    signal, wavelength = signal[:, shown], wavelength[shown]
    highest = float(np.nanmax(signal))
    floor = max(float(np.nanmedian(noise)), highest / LARGEST_SPAN, 1e-30)
    norm = LogNorm(floor, max(highest, 10 * floor))
    image = np.clip(signal, floor, None)
    mesh = axes.pcolormesh(_edges(wavelength), _edges(rows), image, norm=norm, cmap="viridis", rasterized=True)
    axes.set(xlabel="Emission wavelength (vacuum, nm)")
    axes.set_ylabel("Point number" if repeated else axis_label(long_name(plot.y), unit))
    _energy_axis(axes)
    _colour_bar(axes, mesh, run.signal_label)
    axes.set_title(plot.title, loc="left", fontsize=10.5)


def _on_one_axis(run: RunView) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give wavelengths (vacuum, nm), signal and its noise, (points, pixels), on the one axis of all points.

    Where the spectrograph moved that is an even one that holds them all; NaN beside what a point has seen.
    """
    signal, noise = run.signal(), run.sigma()
    try:
        return run.wavelength("vacuum"), signal, noise
    except AnalysisError:
        own = run.wavelengths("vacuum")
    step = float(np.nanmedian(np.diff(own, axis=1)))
    whole = np.arange(np.nanmin(own), np.nanmax(own) + step, step)

    def onto(rows: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(whole, place, row, left=np.nan, right=np.nan) for place, row in zip(own, rows, strict=True)])

    return whole, onto(signal), onto(noise)


def _joined(y: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean of spectra that were taken at one place one after the other, where no place was visited twice."""
    starts = np.flatnonzero(np.diff(y, prepend=np.nan) != 0.0)
    if not len(y) or len(starts) > len(np.unique(y)):
        return y, signal
    return y[starts], np.add.reduceat(signal, starts, axis=0) / np.diff(np.append(starts, len(y)))[:, None]


def _columns_with_light(signal: np.ndarray, noise: np.ndarray) -> slice:
    """Give the range of pixels in which the mean spectrum stands out of its noise, with a margin of a tenth on each side."""
    if np.isnan(signal).any():          # of several places of the spectrograph everything is shown
        return slice(None)
    mean = signal.mean(axis=0)
    stderr = np.sqrt((noise**2).sum(axis=0)) / len(signal)
    clear = np.flatnonzero(mean - np.percentile(mean, 10) > VISIBLE * stderr)
    if len(clear) < 2:
        return slice(None)
    margin = max((clear[-1] - clear[0]) // 10, 5)
    return slice(max(int(clear[0] - margin), 0), int(clear[-1] + margin + 1))


def paint_heat_map(panel: Panel, plot: Plot) -> None:
    """Draw a number over two set-points; places that were not visited stay white."""
    assert isinstance(plot, HeatMap)    # noqa: S101 - chosen by type
    axes, run = panel.axes, panel.run
    curve = panel.reduction.curves.get(plot.z)
    values = run[plot.z] if curve is None else curve.y
    unit, factor = shown_as(plot.z, "" if curve is None else curve.unit)
    columns, column = np.unique(run[plot.x] * shown_as(plot.x)[1], return_inverse=True)
    rows, row = np.unique(run[plot.y] * shown_as(plot.y)[1], return_inverse=True)
    image = np.full((len(rows), len(columns)), np.nan)
    image[row, column] = values * factor
    mesh = axes.pcolormesh(_edges(columns), _edges(rows), image, cmap="viridis", rasterized=True)
    axes.set_xlabel(axis_label(long_name(plot.x), shown_as(plot.x)[0]))
    axes.set_ylabel(axis_label(long_name(plot.y), shown_as(plot.y)[0]))
    if quantity_unit(plot.x) == quantity_unit(plot.y):
        axes.set_aspect("equal")
        axes.xaxis.set_major_locator(MaxNLocator(5))       # a square leaves no room for more
    _colour_bar(axes, mesh, axis_label(plot.z if curve is None else curve.label, unit)).formatter = EngFormatter(sep=" ")
    axes.set_title(plot.title, loc="left", fontsize=10.5)


def _colour_bar(axes: Axes, mesh: Any, label: str) -> Any:
    """Put a colour bar beside the axes, as quiet as they are."""
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.06)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8.5, direction="in")
    bar.outline.set_edgecolor("#888888")     # type: ignore[operator]
    return bar


def paint_image(panel: Panel, plot: Plot) -> None:
    """Draw the newest array of two dimensions, row 1 below."""
    assert isinstance(plot, Image)    # noqa: S101 - chosen by type
    axes = panel.axes
    counts = panel.run.counts(plot.channel)
    if not len(counts) or counts.ndim < 3:
        axes.text(0.5, 0.5, "no image in this run", transform=axes.transAxes, ha="center", color=GREY)
        return
    image = counts[-1].reshape(-1, *counts.shape[-2:])[-1]
    mesh = axes.imshow(image, origin="lower", aspect="auto", cmap="viridis", interpolation="nearest",
                       extent=(0.5, image.shape[1] + 0.5, 0.5, image.shape[0] + 0.5))
    axes.set(xlabel="Column", ylabel="Row")
    _colour_bar(axes, mesh, "Counts")
    axes.set_title(plot.title, loc="left", fontsize=10.5)


# ------------------------------------------------------------------ curves
def paint_curve(panel: Panel, plot: Plot) -> None:
    """Draw the reduced curves named `plot.y` (or `plot.y` and a suffix: one of several), else the raw numbers of the run."""
    assert isinstance(plot, Curve)    # noqa: S101 - chosen by type
    axes = panel.axes
    curves = curves_named(panel, plot.y)
    several, plot = len(curves) > 1, _on_own_axis(plot, curves)
    colours = [BLUE] if not several else [tuple(c) for c in colormaps["viridis"](np.linspace(0, 0.9, len(curves)))]
    for curve, colour in zip(curves, colours, strict=False):
        _draw_curve(axes, plot, curve, colour, several)
    if not curves and not _draw_raw(panel, plot):
        axes.text(0.5, 0.5, "no data for this curve", transform=axes.transAxes, ha="center", color=GREY)
    unit, _ = shown_as(plot.x)
    axes.set_xlabel(axis_label(long_name(plot.x), unit))
    axes.set_ylabel(_curve_label(plot, curves))
    if plot.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if plot.log:
        axes.set_yscale("log")
        _above_zero(axes, [curve.y * shown_as(plot.y)[1] for curve in curves])
    else:
        low, high = axes.get_ylim()
        if max(abs(low), abs(high)) >= PLAIN:
            axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
        if 0 < low < 0.3 * high:
            axes.set_ylim(bottom=0)      # a rate is read against zero
    if _is_wavelength(plot.x):
        _energy_axis(axes)
    axes.set_title(plot.title, loc="left", fontsize=10.5)
    _legend(axes, several)


def _on_own_axis(plot: Curve, curves: list[CurveData]) -> Curve:
    """Give the plot with the abscissa of its curves where it names none; over more than a decade it is logarithmic then."""
    if plot.x or not curves:
        return plot
    x = np.concatenate([curve.x for curve in curves])
    wide = bool(len(x) and x.min() > 0 and x.max() > DECADE * x.min())
    return replace(plot, x=curves[0].x_name, log_x=wide)


def _above_zero(axes: Axes, values: list[np.ndarray]) -> None:
    """Let a logarithmic axis end below the lowest positive value: error bars and noise reach through zero, it cannot."""
    positive = [float(array[array > 0].min()) for array in values if np.any(array > 0)]
    if positive:
        axes.set_ylim(bottom=max(axes.get_ylim()[0], 0.5 * min(positive)))


def _legend(axes: Axes, several: bool) -> None:
    """Explain the marks: beside the axes when there are many lines, else where there is room."""
    handles, labels = axes.get_legend_handles_labels()
    if several:
        axes.legend(handles[::-1], labels[::-1], fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5),
                    handlelength=0.8, borderaxespad=0.3)
    elif labels:
        order = np.argsort([RANK.get(label, len(RANK)) for label in labels], kind="stable")
        axes.legend([handles[i] for i in order], [labels[i] for i in order], fontsize=8.5, frameon=False, handlelength=1.4)


def _curve_label(plot: Curve, curves: list[CurveData]) -> str:
    unit, _ = shown_as(plot.y, curves[0].unit if curves else quantity_unit(plot.y))
    words = curves[0].label if len(curves) == 1 else long_name(plot.y)
    return axis_label(words[:1].upper() + words[1:] if words.isascii() else words, unit)


def _draw_curve(axes: Axes, plot: Curve, curve: CurveData, colour: Any, several: bool) -> None:
    x, y = curve.x * shown_as(plot.x)[1], curve.y * shown_as(plot.y)[1]
    sigma = None if curve.sigma is None else curve.sigma * shown_as(plot.y)[1]
    used = np.ones(len(x), dtype=bool) if curve.used is None else curve.used
    if curve.fit_x is not None and curve.fit_y is not None:
        axes.plot(curve.fit_x * shown_as(plot.x)[1], curve.fit_y * shown_as(plot.y)[1], "-", lw=1.1 if several else 1.8,
                  color=colour if several else VERMILION, zorder=3 if several else 5, label=None if several else "fit")
    # Several lines differ by colour alone; one line has points of its own colour and explains itself.
    size = 2.5 if several else 4.0
    axes.errorbar(x[used], y[used], None if sigma is None else sigma[used], fmt="o", ms=size, color=colour, elinewidth=0.9,
                  capsize=1.5, lw=0, zorder=4, label=curve.label if several else "measured")
    if not np.all(used):
        kept = y if plot.log else y[used]       # a logarithmic axis has room for all
        _draw_left_out(axes, x[~used], y[~used], kept, "" if several else curve.left_out, size, colour)


def _draw_left_out(axes: Axes, x: np.ndarray, y: np.ndarray, kept: np.ndarray, reason: str, size: float, colour: Any) -> None:
    """Draw excluded points hollow; those far above the rest stand as arrows at the upper edge instead of flattening the curve."""
    ceiling = 1.3 * float(np.max(kept)) if len(kept) else np.inf
    inside = y <= ceiling
    style = {"ls": "none", "ms": size, "mfc": "white", "mec": GREY if reason else colour, "mew": 0.9, "zorder": 4}
    off_scale = not np.all(inside)
    axes.plot(x[inside], y[inside], "o", **style, label=f"{reason}{' (△ off scale)' if off_scale else ''}" if reason else None)
    if off_scale:
        axes.plot(x[~inside], np.full(np.count_nonzero(~inside), 0.98), "^", transform=axes.get_xaxis_transform(), **style)
        axes.set_ylim(top=ceiling)


def _draw_raw(panel: Panel, plot: Curve) -> bool:
    """Draw the run's own numbers when the reduction has none; false when the run has none either."""
    try:
        x, y = panel.run[plot.x], panel.run[plot.y]
    except KeyError:
        return False
    panel.axes.plot(x * shown_as(plot.x)[1], y * shown_as(plot.y)[1], "o", ms=3, color=BLUE, label="as measured")
    return True


# ------------------------------------------------------------------ spectra
def paint_spectrum(panel: Panel, plot: Plot) -> None:
    """Draw the newest spectrum against what its axis is, in front of some earlier ones."""
    assert isinstance(plot, Spectrum)    # noqa: S101 - chosen by type
    axes, run = panel.axes, panel.run
    place, label, in_nm = _abscissa(run, plot.channel)
    signal = run.signal()
    places = np.broadcast_to(place, (len(signal), place.shape[-1]))
    earlier = np.unique(np.linspace(0, len(signal) - 2, min(len(signal) - 1, MOST_EARLIER)).astype(int)) if len(signal) > 1 else []
    for row in earlier:
        axes.plot(places[row], signal[row], lw=0.6, color="#bbbbbb", zorder=1)
    if len(signal):
        axes.plot(places[-1], signal[-1], lw=0.9, color=BLUE)
    axes.set(xlabel=label, ylabel=run.signal_label)
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    if in_nm:
        _energy_axis(axes)
    axes.set_title(plot.title, loc="left", fontsize=10.5)


def _abscissa(run: RunView, channel: str) -> tuple[np.ndarray, str, bool]:
    """Give the values along a channel (of every point, where they differ), their label, and whether they are vacuum wavelengths."""
    found = run.coordinate(channel)
    name, unit, values = found if found is not None else ("pixel", "", np.arange(run.signal().shape[-1], dtype=float))
    if name == "emission_wavelength" and unit == "nm":
        try:
            return run.wavelength("vacuum"), "Emission wavelength (vacuum, nm)", True
        except StoreError:       # a foreign file that does not say whether it is scaled in air
            return values, "Emission wavelength (nm)", False
    if name == "column":
        return run.wavelengths("vacuum"), "Emission wavelength (vacuum, nm)", True
    return values, axis_label(name.replace("_", " ").capitalize(), unit), False

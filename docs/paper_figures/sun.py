"""Sun et al. 2024, figures 2 to 4: whispering-gallery lasing under three and two photons, gain, cavities of other sizes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import uniform_filter1d

from benchmarks.score import sun as score
from benchmarks.score.detectors import Spectra
from docs.paper_figures.style import BLUE, GREEN, GREY, ORANGE, SEED, clean, panels, shades, spectra
from labctl.analysis.lines import gaussian_line, half_maximum_width
from labctl.analysis.modes import quality, quality_against_diameter, spacing
from labctl.analysis.polarization import malus
from labctl.analysis.slopes import segments
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.transient import relative_bleach

SHOWN_MJ = (1.5, 2.5, 3.0, 3.5, 4.0)
PROBED_MJ = (1.5, 2.2, 3.0, 4.0)
SMOOTHED_PIXELS = 9        # before a width is read: less than half of the narrowest line


def draw() -> Figure:
    """Draw the page."""
    figure, axes = panels(4, 3, "Sun et al. 2024 (Fig. 2-4), simulated: dots in whispering-gallery cavities")
    _lasing(axes[0])
    _resonances(axes[1])
    _kinetics(axes[2, 0])
    cavities = clean(score.cavities(SEED))
    _sizes((axes[2, 1], axes[3, 0], axes[3, 1]), cavities)
    _single(axes[2, 2], axes[3, 2], score.estimate_cavities(cavities)["mode_wavelength_d15"])
    return figure


def _lasing(row: np.ndarray) -> None:
    three = score.power_series(SEED, "sun2024", score.THREE_NM, score.THREE_MJ)
    seen = clean(score.camera(SEED).series(score.emit(load_sample("sun2024")), np.array(SHOWN_MJ)))
    spectra(row[0], seen.wavelength_nm, seen.signal, [f"{level:g} mJ/cm²" for level in SHOWN_MJ])
    row[0].set(title="Fig. 2e: three photons, 88 µm", xlim=(515.0, 550.0), ylabel="Photons (arbitrary)")
    row[0].legend()
    two = score.power_series(SEED, "sun2024", score.TWO_NM, score.TWO_MJ)
    for series, name, colour in ((three, "1500 nm", BLUE), (two, "970 nm", ORANGE)):
        law = segments(series.x, series.total, count=3, refine=False)
        slopes = ", ".join(f"{slope.value:.1f}" for slope in law.slopes)
        row[1].loglog(series.x, series.total, "o", color=colour, label=f"{name}: slopes {slopes}")
        row[1].loglog(series.x, law.curve(series.x), color=colour)
        for place in law.breaks:
            row[1].axvline(place.value, color=colour, ls=":", lw=0.6)
    ticks = (0.2, 0.5, 1.0, 2.0, 4.0)
    row[1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    row[1].set_xticks([], minor=True)
    row[1].set(title="Fig. 2c: light against fluence", xlabel="Fluence (mJ/cm²)", ylabel="Photons (arbitrary)")
    row[1].set_ylim(None, 3.0 * three.total.max())
    row[1].legend(loc="upper left")
    turn = score.analyser_turn(SEED)
    fine = np.linspace(0.0, 360.0, 361)
    brightest = int(np.argmax(turn.total))
    place = score.strongest(score.lines_of(turn, brightest)).centre_nm.value
    areas = np.array([gaussian_line(turn.wavelength_nm, light, error, near_nm=place, half_range_nm=score.LINE_HALF_NM).area.value
                      for light, error in zip(turn.signal, turn.sigma, strict=True)])
    law = malus(turn.x, areas)
    row[2].plot(turn.x, areas / areas.max(), "o", color=BLUE)
    row[2].plot(fine, law.curve(fine) / areas.max(), color=BLUE)
    row[2].set(title=f"Fig. 2f: 1 − I⊥/I∥ = {law.extinction.value:.1f} %", xlabel="Analyser (deg)", ylabel="Line (scaled)",
               ylim=(0.0, 1.1), xticks=np.arange(0, 361, 90))


def _resonances(row: np.ndarray) -> None:
    for axis, order, colour in ((row[0], 2, ORANGE), (row[1], 3, BLUE)):
        scan = score.pump_scan(SEED, order)
        found = score.estimate_scan(scan, order)
        places = [segments(each.x, each.total, count=3, refine=False).breaks[1].value for each in scan.series]
        axis.plot(scan.pump_nm, places, "o", color=colour)
        axis.axvline(found[f"threshold_minimum_{order}p"], color=GREY, ls=":")
        axis.set(title=f"Fig. 3{'ab'[order - 2]}: lowest threshold at {found[f'threshold_minimum_{order}p']:.0f} nm",
                 xlabel="Pump wavelength (nm)", ylabel="Second break (mJ/cm²)")
    sample = load_sample("sun2024")
    levels = np.linspace(0.2, 4.0, 40)
    for probe_nm, colour in ((537.0, GREEN), (525.0, ORANGE)):
        seen = [relative_bleach(Pump.monochromatic(1500.0, level * 1e-3, 75e-15), probe_nm, 5e-12, sample, score.ROOM_K)
                for level in levels]
        row[2].plot(levels, seen, color=colour, label=f"{probe_nm:g} nm")
    row[2].axhline(1.0, color=GREY, ls=":")
    row[2].set(title="Fig. 3c: net gain above the line (model)", xlabel="Fluence (mJ/cm²)", ylabel="−Δα/α₀, 5 ps")
    row[2].legend()


def _kinetics(axis: Axes) -> None:
    """Draw what a probe at 537 nm sees after pumps below and above transparency: model functions, no noise."""
    sample, times = load_sample("sun2024"), np.geomspace(0.3, 300.0, 120)
    for level, colour in zip(PROBED_MJ, shades(len(PROBED_MJ)), strict=True):
        pump = Pump.monochromatic(1500.0, level * 1e-3, 75e-15)
        seen = [relative_bleach(pump, 537.0, time * 1e-12, sample, score.ROOM_K) for time in times]
        axis.semilogx(times, seen, color=colour, label=f"{level:g} mJ/cm²")
    axis.axhline(1.0, color=GREY, ls=":")
    axis.set(title="Fig. 3d: its life (model)", xlabel="Delay (ps)", ylabel="−Δα/α₀ at 537 nm")
    axis.legend()


def _sizes(row: tuple[Axes, Axes, Axes], cavities: Spectra) -> None:
    found = score.estimate_cavities(cavities)
    shown = [cavities.at(diameter)[0] for diameter in (125.0, 88.0, 33.0)]
    spectra(row[0], cavities.wavelength_nm, shown, ["125 µm", "88 µm", "33 µm"], offset=1.1)
    row[0].set(title="Fig. 4a: diameters", xlim=(526.0, 548.0))
    row[0].legend(loc="upper left")
    lines = [score.lines_of(cavities, place) for place in range(len(cavities.x))]
    wide, fine = cavities.x[1:], np.linspace(25.0, 130.0, 106)
    middle = spacing(lines[1]).middle_nm
    row[1].plot(wide, [spacing(each).fsr_nm.value for each in lines[1:]], "o", color=ORANGE)
    row[1].plot(fine, middle**2 / (np.pi * fine * 1e3 * found["effective_index"]), color=ORANGE)
    row[1].set(title=f"Fig. 4b: spacing, index {found['effective_index']:.3f}", xlabel="Diameter (µm)", ylabel="Spacing (nm)",
               ylim=(0.0, None))
    values = np.array([np.median([quality(line).value for line in each]) for each in lines])
    law = quality_against_diameter(cavities.x, values)
    row[2].plot(cavities.x, values, "o", color=BLUE)
    line = np.polyval(np.polyfit(cavities.x, values, 1), np.array([10.0, 130.0]))
    row[2].plot([10.0, 130.0], line, color=BLUE)
    row[2].set(title=f"Fig. 4b: quality, {law.slope.value:.1f} per µm", xlabel="Diameter (µm)", ylabel="Q as read")


def _single(lines: Axes, curve: Axes, mode_nm: float) -> None:
    """Draw the cavity of one mode: spectra, and light and width against fluence."""
    single = clean(score.camera(SEED).series(score.emit(load_sample("sun2024_d15")), np.array((2.0, 3.0, 4.0, 5.0))))
    spectra(lines, single.wavelength_nm, single.signal, [f"{level:g} mJ/cm²" for level in single.x])
    lines.set(title=f"Fig. 4c: single mode, {mode_nm:.1f} nm", xlim=(510.0, 550.0), yscale="log", ylabel="Photons (arbitrary)")
    lines.set_ylim(1e-4 * single.signal.max(), None)
    lines.legend()
    series = clean(score.power_series(SEED, "sun2024_d15", score.THREE_NM, score.SINGLE_MJ))
    law = segments(series.x, series.total, count=3)
    curve.loglog(series.x, series.total, "o", color=BLUE)
    curve.loglog(series.x, law.curve(series.x), color=BLUE)
    for place in law.breaks:
        curve.axvline(place.value, color=GREY, ls=":", lw=0.6)
    ticks = (1.0, 2.0, 3.0, 5.0)
    curve.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    curve.set_xticks([], minor=True)
    width = curve.twinx()
    smooth = np.asarray(uniform_filter1d(series.signal, SMOOTHED_PIXELS, axis=1))
    widths = [half_maximum_width(series.wavelength_nm, light, error).value
              for light, error in zip(smooth, series.sigma, strict=True)]
    width.semilogy(series.x, widths, "s", mfc="none", color=ORANGE)
    width.set_ylabel("Width (nm)", color=ORANGE)
    slopes = ", ".join(f"{slope.value:.1f}" for slope in law.slopes)
    curve.set(title=f"Fig. 4d: single mode, slopes {slopes}", xlabel="Fluence (mJ/cm²)", ylabel="Photons (arbitrary)")

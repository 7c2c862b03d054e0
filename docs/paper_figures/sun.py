"""Sun et al. 2024, figures 2 to 4: whispering-gallery lasing under three and two photons, gain, cavities of other sizes."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from benchmarks.score import sun as score
from docs.paper_figures.style import BLUE, GREEN, GREY, ORANGE, SEED, panels, spectra
from labctl.analysis.lines import gaussian_line
from labctl.analysis.modes import quality
from labctl.analysis.polarization import malus
from labctl.analysis.slopes import segments
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.transient import relative_bleach

SHOWN_MJ = (1.5, 2.5, 3.0, 3.5, 4.0)


def draw() -> Figure:
    """Draw the page."""
    figure, axes = panels(3, 3, "Sun et al. 2024 (Fig. 2-4), simulated: dots in whispering-gallery cavities")
    _lasing(axes[0])
    _resonances(axes[1])
    _sizes(axes[2])
    return figure


def _lasing(row: np.ndarray) -> None:
    three = score.power_series(SEED, "sun2024", score.THREE_NM, score.THREE_MJ)
    seen = score.camera(SEED).series(score.emit(load_sample("sun2024")), np.array(SHOWN_MJ))
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


def _sizes(row: np.ndarray) -> None:
    cavities = score.cavities(SEED)
    found = score.estimate_cavities(cavities)
    shown = [cavities.at(diameter)[0] for diameter in (125.0, 88.0, 33.0)]
    spectra(row[0], cavities.wavelength_nm, shown, ["125 µm", "88 µm", "33 µm"], offset=1.1)
    row[0].set(title="Fig. 4a: diameters", xlim=(526.0, 548.0))
    row[0].legend(loc="upper left")
    values = [np.median([quality(line).value for line in score.lines_of(cavities, place)]) for place in range(len(cavities.x))]
    row[1].plot(cavities.x, values, "o", color=BLUE)
    row[1].set(title=f"Fig. 4b: quality; index {found['effective_index']:.3f} from the spacings", xlabel="Diameter (µm)",
               ylabel="Q as read")
    single = score.camera(SEED).series(score.emit(load_sample("sun2024_d15")), np.array((2.0, 3.0, 4.0, 5.0)))
    spectra(row[2], single.wavelength_nm, single.signal, [f"{level:g} mJ/cm²" for level in single.x])
    row[2].set(title=f"Fig. 4c: single mode, {found['mode_wavelength_d15']:.1f} nm", xlim=(510.0, 550.0), yscale="log",
               ylabel="Photons (arbitrary)")
    row[2].set_ylim(1e-4 * single.signal.max(), None)
    row[2].legend()

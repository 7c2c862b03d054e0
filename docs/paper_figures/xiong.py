"""Xiong et al. 2022, figure 5: random lasing under two photons, either ligand; and the table of decays."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from benchmarks.score import xiong as score
from docs.paper_figures.style import BLUE, GREY, ORANGE, SEED, clean, panels, spectra
from sim_instruments.twin.sample import load_sample

PUBLISHED = {"oam": 257.34, "ola": 79.81}
PARTS = (0.6, 0.9, 1.1, 1.3, 1.6)


def draw() -> Figure:
    """Draw the page."""
    figure, axes = panels(2, 3, "Xiong et al. 2022 (Fig. 5), simulated: random lasers pumped by two photons of 800 nm")
    for row, ligand in zip(axes, score.LIGANDS, strict=True):
        sample, published, seen = load_sample(f"xiong2022_{ligand}"), PUBLISHED[ligand], score.camera(SEED)
        series = clean(seen.series(score.emit(sample, 0), published * np.array(PARTS)))
        spectra(row[0], series.wavelength_nm, series.signal, [f"{level:.0f} µJ/cm²" for level in series.x])
        row[0].set(title=f"Fig. 5{'b' if ligand == 'oam' else 'd'}: {ligand.upper()}, one spot", xlim=(505.0, 550.0),
                   ylabel="Photons (arbitrary)")
        row[0].legend()
        power = score.power_series(SEED, sample)
        found = score.estimate_power_series(power, ligand)[f"threshold_kink_fluence_{ligand}"]
        row[1].plot(power.x, power.total / power.total.max(), "o", color=BLUE, label="mean of six spots")
        row[1].axvline(found, color=BLUE, ls=":", label=f"threshold {found:.1f}")
        row[1].axvline(published, color=ORANGE, ls=":", label=f"published {published:.1f}")
        row[1].set(title=f"Fig. 5{'c' if ligand == 'oam' else 'e'}: light against fluence", xlabel="Fluence (µJ/cm²)",
                   ylabel="Light (scaled)")
        row[1].legend()
        for shot in range(3):
            light, _ = seen.take(score.emit(sample, 0, shot), 1.15 * published)
            row[2].plot(series.wavelength_nm, light / light.max() + 1.1 * shot, color=GREY if shot else BLUE, lw=0.7)
        row[2].set(title="Three shots on one spot", xlim=(520.0, 545.0), yticks=[], xlabel="Wavelength in vacuum (nm)",
                   ylabel="Light, scaled and shifted")
    return figure

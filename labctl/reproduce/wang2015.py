"""Wang et al. 2015: films of nanocrystals; amplified emission, gain by stripe length, bands at 10 K, decays, other samples."""

from __future__ import annotations

import numpy as np

from labctl.analysis import cascade, lifetimes
from labctl.analysis.series import Findings
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from labctl.core.plan import Result
from labctl.core.plots import Curve
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, on_sample, same
from labctl.reproduce.reading import ratio
from labctl.store.run import Run

NAME, FILM = "wang2015", "wang2015"
DECAYS = "wang2015-trpl"
CENTRE = "instruments.spectrograph.initial.centre"
WEEKS_S = 21 * 86400.0
FOCUSED = {"twin.elements.sample.spot_diameter_um": 1200.0, "pump.spot.diameter_um": 1200.0}
SHOTS, RATE_HZ, SHOWN = 1.6e7, 1000.0, 0.9      # pulses between the first and the last tenth of the spectra, which are compared
EARLY_NS, WHOLE_NS = (0.0, 0.05), (0.0, 6.0)    # gates from the arrival of the pump
BLUE_NM = (490.0, 505.0)                        # spontaneous light alone
WEAK = {"vary": "nothing", "fluence": "0.05 uJ/cm^2", "wanted": 1e6}


def threshold_change(runs: Runs) -> Result:
    """Give by how many % the threshold rose."""
    return ratio(runs, "aged.threshold_kink_fluence", "fresh.threshold_kink_fluence", percent=True, less=1.0)


# ------------------------------------------------------------------ spectra cut out in time
def gated(run: Run, gates: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Give wavelengths (nm, vacuum) and light in each gate, (gates, wavelengths), from decays against emission wavelength."""
    data = lifetimes.counted(run, run["emission.centre"], float(run.parameters["dead_time"]), Findings(), dimmed=True)
    light = []
    for piece in data.pieces:
        age = _ages_ns(piece.counts, data.timing.bin_ps)
        light.append([cascade.in_gate(data, piece, (age >= low) & (age < high))[0] for low, high in gates])
    return np.array([piece.value for piece in data.pieces]), np.array(light).T


def _ages_ns(counts: np.ndarray, bin_ps: float) -> np.ndarray:
    """Give the age of every bin's middle in ns; light begins where the counts first reach half of their highest.

    The clock differs from colour to colour, the rise of a decay behind a short response tells it for each.
    """
    smooth = np.convolve(counts, np.ones(3) / 3, "same")
    first = int(np.argmax(smooth >= smooth.max() / 2))
    low, high = smooth[first - 1], smooth[first]
    begin = first - 1 + (smooth.max() / 2 - low) / max(high - low, 1e-9)
    return (np.arange(len(counts)) - begin) * bin_ps * 1e-3


def early_shift(runs: Runs) -> Result:
    """Give the centroid of the first 50 ps less that of all light in meV; negative is red."""
    nm, (early, whole) = gated(runs["trpl"], (EARLY_NS, WHOLE_NS))
    energy = energy_ev(nm)
    shift = (early * energy).sum() / early.sum() - (whole * energy).sum() / whole.sum()
    return Result(1e3 * float(shift), None, "meV", "centroids of the light in two gates")


def narrow_over_broad(runs: Runs, late: bool) -> Result:
    """Give the height of the narrow band over that of the broad one; the broad one's shape is that of a weakly pumped film."""
    nm, both = gated(runs["strong"], (EARLY_NS, (EARLY_NS[1], WHOLE_NS[1])))
    _, (broad,) = gated(runs["weak"], (WHOLE_NS,))
    blue = (nm >= BLUE_NM[0]) & (nm <= BLUE_NM[1])
    if not blue.any():
        raise AnalysisError("no emission wavelength lies on the blue side.")
    excess = [light - broad * light[blue].sum() / broad[blue].sum() for light in both]
    place, light = int(np.argmax(excess[0])), both[int(late)]
    floor = (broad * light[blue].sum() / broad[blue].sum()).max()
    return Result(float(excess[int(late)][place] / floor), None, "1", f"at {nm[place]:g} nm")


def _scan(fluence: str) -> dict[str, object]:
    """Give the values of a scan of decays over the emission wavelength."""
    return {"vary": "emission wavelength", "first": 494.0, "last": 542.0, "values_count": 17, "fluence": fluence, "wanted": 2e5}


EXPERIMENTS = (
    Experiment(
        "power series", NAME, (Step("power_series", "wang2015"),),
        same("threshold_kink_fluence", "spe_wavelength", "spe_fwhm", "ase_wavelength", "ase_fwhm", "spe_ase_separation",
             "fwhm_low_pump", "collapse_fluence", "spe_slope_below", "spe_slope_above"),
        (Panel("Fig. 2: spectra against fluence", "Emission against fluence", ("003-02", "003-03", "003-04", "003-05", "003-16")),
         Panel("Fig. 2: threshold of amplified emission", "Threshold", ("003-01",), x_band="003-01"),
         Panel("Fig. 2: the spectrum collapses at the threshold", "Narrowing", ("003-06", "003-07"), x_band="003-01"))),
    Experiment(
        "three weeks in air", NAME,
        (Step("power_series", "wang2015", name="fresh"), Step("power_series", "wang2015", name="aged", wait_s=WEEKS_S)),
        {"threshold_change_air": threshold_change}, evidence={"threshold_change_air": "predicted"}, together=True),
    Experiment(
        "stripe length", NAME, (Step("vsl", "wang2015"),), same("gain_coefficient", "saturation_length", "gain_depletion_time"),
        (Panel("Fig. 3: light against stripe length", Curve("", x="stripe.length", y="amplified", log=True),
               ("003-08", "003-09", "003-10")),)),
    Experiment(
        "photostability", NAME,
        (Step("stability", "wang2015", {"duration": f"{SHOTS / RATE_HZ / SHOWN:.0f} s"}),), same("emission_retained_shots"),
        (Panel("Fig. 3: emission under 1.6e7 pulses", "Emission against time", ("003-11",)),)),
    Experiment(
        "bands at 10 K", NAME, (Step("biexciton", "wang2015-10k"),), same("exciton_slope", "biexciton_slope", "biexciton_binding"),
        (Panel("Fig. 6: exciton and biexciton at 10 K", "Areas of the bands", ("003-13", "003-14", "003-15")),)),
    Experiment(
        "decay of the film", NAME, (Step("trpl", DECAYS, WEAK, on_sample(FILM)),), {"exciton_lifetime_film": "lifetime"},
        (Panel("Film, weak pump", "Decays", ("003-18", "003-19")),)),
    Experiment(
        "decay in solution", NAME, (Step("trpl", DECAYS, WEAK),), {"exciton_lifetime_solution": "lifetime"},
        (Panel("Solution, weak pump", "Decays", ("003-17", "003-19")),)),
    Experiment(
        "decays against fluence", NAME, (Step("trpl", DECAYS),), same("biexciton_lifetime", "fast_component_onset", "irf_fwhm"),
        (Panel("Fig. 4: decays against fluence, solution", "Decays", ("003-20", "003-29")),
         Panel("Fig. 4: the fast component sets in", "Early over late light", ("003-21",), x_band="003-21"))),
    Experiment(
        "occupancy", NAME, (Step("occupancy", DECAYS),), same("cross_section_1p"),
        (Panel("Fig. 4: light after 400 ps saturates", "Light of single excitons", ("003-22",)),)),
    Experiment(
        "early and late spectra", NAME, (Step("trpl", DECAYS, _scan("11.5 uJ/cm^2"), on_sample(FILM)),),
        {"early_energy_shift": early_shift}),
    Experiment(
        "stimulated light in time", NAME,
        (Step("trpl", DECAYS, _scan("25 uJ/cm^2"), on_sample(FILM), "strong"),
         Step("trpl", DECAYS, _scan("0.05 uJ/cm^2"), on_sample(FILM), "weak")),
        {"se_to_spe_early": lambda runs: narrow_over_broad(runs, late=False),
         "se_to_spe_late": lambda runs: narrow_over_broad(runs, late=True)},
        evidence={"se_to_spe_early": "predicted", "se_to_spe_late": "predicted"}),
    Experiment(
        "small dots", NAME,
        (Step("power_series", "wang2015", {"spontaneous_start": 475.0, "spontaneous_stop": 482.0},
              on_sample("wang2015_5p5nm", **{CENTRE: 492.0})),),
        {"spe_wavelength_5p5nm": "spe_wavelength", "ase_wavelength_5p5nm": "ase_wavelength"},
        (Panel("Dots of 5.5 nm", "Emission against fluence", ("003-25",)),)),
    *(Experiment(
        f"mixed halide {name}", NAME,
        (Step("power_series", "wang2015", {"spontaneous_start": blue[0], "spontaneous_stop": blue[1]},
              on_sample(f"wang2015_{name}", **{CENTRE: centre})),),
        {f"ase_wavelength_{name}": "ase_wavelength"}, (Panel(words, "Emission against fluence", ("003-26",)),),
        evidence={f"ase_wavelength_{name}": "predicted"})
      for name, centre, blue, words in (("brcl", 482.0, (455.0, 462.0), "Bromide and chloride"),
                                        ("ibr", 650.0, (620.0, 630.0), "Iodide and bromide"))),
    Experiment(
        "capillary", NAME,
        (Step("cavity_modes", "wang2015-10k", {"wavelength": 400.0, "fluence": "1 mJ/cm^2", "diameter": 50.0, "share": 0.05},
              on_sample("wang2015_capillary", **{CENTRE: 525.0}, **FOCUSED)),),
        same("mode_count", "fsr_relative_sd", "effective_index"),
        (Panel("Fig. 5: lines of a capillary", "Spectrum above threshold", ("003-27",), xlim=(510.0, 540.0)),)),
)

PAPER = Paper(NAME, "Wang et al. 2015: amplified emission and lasing of nanocrystals in films and capillaries", EXPERIMENTS, {
    "003-24": "the counter's bench excites a small spot, in which light is hardly amplified; its response spreads what there is",
    "003-25": "a finite box puts the exciton right; the biexciton's shift, scaled with the root of the size, does not grow enough",
})


"""Wang et al. 2015: films of nanocrystals; amplified emission, gain by stripe length, bands at 10 K, decays, other samples."""

from __future__ import annotations

from labctl.core.plan import Result
from labctl.core.plots import Curve
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, on_sample, same
from labctl.reproduce.reading import ratio

NAME, FILM = "wang2015", "wang2015"
DECAYS = "wang2015-trpl"
CENTRE = "instruments.spectrograph.initial.centre"
WEEKS_S = 21 * 86400.0
FOCUSED = {"twin.elements.sample.spot_diameter_um": 1200.0, "pump.spot.diameter_um": 1200.0}
SHOTS, RATE_HZ, SHOWN = 1.6e7, 1000.0, 0.9      # pulses between the first and the last tenth of the spectra, which are compared
WEAK = {"vary": "nothing", "fluence": "0.05 uJ/cm^2", "wanted": 1e6}


def threshold_change(runs: Runs) -> Result:
    """Give by how many % the threshold rose."""
    return ratio(runs, "aged.threshold_kink_fluence", "fresh.threshold_kink_fluence", percent=True, less=1.0)


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

STREAK = ("gates of 50 ps need a streak camera, whose data labctl reads and does not take: the counter's response is as long as "
          "the gate, and its twin gives every colour one decay")
PAPER = Paper(NAME, "Wang et al. 2015: amplified emission and lasing of nanocrystals in films and capillaries", EXPERIMENTS, {
    "003-23": STREAK,
    "003-24": STREAK,
    "003-25": "a finite box puts the exciton right; the biexciton's shift, scaled with the root of the size, does not grow enough",
})


"""All experiments of the score, by paper; and why some rows do not pass or are not simulated."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.score import full_bench, pump_probe, qin, sun, toluene, wang, wang_further, xiong, ying, ying_bench
from benchmarks.score.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    *ying.EXPERIMENTS, *ying_bench.EXPERIMENTS, *qin.EXPERIMENTS, *xiong.EXPERIMENTS, *wang.EXPERIMENTS, *wang_further.EXPERIMENTS,
    *sun.EXPERIMENTS, *toluene.EXPERIMENTS, *pump_probe.EXPERIMENTS, *full_bench.BENCH_ROWS)
"""Every experiment; its bench names the paper."""

AFTER_CALIBRATION = full_bench.AFTER_CALIBRATION
"""Experiments through the whole bench that repeat some of these."""

REASONS: Mapping[str, str] = {
    "001-13": "without losses the gain has no red edge in the model: induced absorption of excited crystals would be needed",
    "002-09": "modes of a spot keep their places and only their weights change from shot to shot: every second spike comes again",
    "003-24": "a response of 50 ps spreads the prompt light into the later gate; confined when the later gate begins 25 ps later",
    "003-25": "a finite box puts the exciton right; the biexciton's shift, scaled with the root of the size, does not grow enough",
    "004-01": "with the quoted cross-sections excitons saturate below the first break",
    "004-03": "near the lower bound of 2.4 with 1 % of the pump per exposure",
    "004-06": "with the quoted two-photon cross-section; the first break, 0.61, would be inside",
    "004-27": "needs an induced absorption at 525 nm that leaves 537 nm alone; there is no datum for such a line",
    "004-28": "at the 2.2 mJ/cm2 of the text net gain has just set in (2.06); it lives 17 ps at 2.3 mJ/cm2",
    "004-29": "the model's excitons fall by Auger recombination, 30 ps in pairs; nothing relaxes in 7 ps",
    "004-30": "as for the damping time: there is no metastable two-exciton state in the model",
    "004-33": "12.4 % means a pump of 940 nm; at the 970 nm of the text it is 9.7 %",
    "004-34": "one dose constant for both photon orders is a compromise at the edge of both bounds",
    "004-35": "modes of this cavity do not shift with the pump: the index does not depend on the carriers",
}
"""By row: why it does not pass, or what is missing."""

BENCH_REASONS: Mapping[str, str] = {
    "001-08": "near the bound of 4.1; the width of the default's spectrum follows the pulse energy of its own exposure",
    "002-12": "noise of the default exposures: the dimmest spectra are a few electrons high",
    "003-08": "scatter of the shortest stripes, and what the choice of the longest one in the fit is worth: 4 per cm each",
    "003-13": "noise of the default exposures",
}
"""By row: why it does not pass, or should not, behind the whole bench."""

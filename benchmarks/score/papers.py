"""All experiments of the score, by paper; and why some rows are not simulated."""

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

NOT_SIMULATED: Mapping[str, str] = {}
"""By row: what is missing."""

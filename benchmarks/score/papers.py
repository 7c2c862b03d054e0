"""All experiments of the score, by paper; and why some rows are not simulated."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.score import qin, sun, wang, xiong, ying
from benchmarks.score.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (*ying.EXPERIMENTS, *qin.EXPERIMENTS, *xiong.EXPERIMENTS, *wang.EXPERIMENTS, *sun.EXPERIMENTS)
"""Every experiment; its bench names the paper."""

NOT_SIMULATED: Mapping[str, str] = {}
"""By row: what is missing."""

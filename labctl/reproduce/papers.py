"""All papers that can be reproduced, by name."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.reproduce import qin2021, sun2024, wang2015, xiong2022, ying2021
from labctl.reproduce.plan import Experiment, Paper

PAPERS: Mapping[str, Paper] = {paper.name: paper for paper in (
    ying2021.PAPER, qin2021.PAPER, xiong2022.PAPER, wang2015.PAPER, sun2024.PAPER)}
ALL = "all"


def find(paper: str, experiment: str) -> Experiment:
    """Give an experiment by its paper and its name."""
    return next(each for each in PAPERS[paper].experiments if each.name == experiment)


def chosen(name: str) -> tuple[Paper, ...]:
    """Give the paper of a name, or all."""
    return tuple(PAPERS.values()) if name == ALL else (PAPERS[name],)

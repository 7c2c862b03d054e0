"""All papers that can be reproduced, by name."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.reproduce import ying2021
from labctl.reproduce.plan import Experiment, Paper

PAPERS: Mapping[str, Paper] = {paper.name: paper for paper in (ying2021.PAPER,)}
ALL = "all"


def find(paper: str, experiment: str) -> Experiment:
    """Give an experiment by its paper and its name."""
    return next(each for each in PAPERS[paper].experiments if each.name == experiment)


def chosen(name: str) -> tuple[Paper, ...]:
    """Give the paper of a name, or all."""
    return tuple(PAPERS.values()) if name == ALL else (PAPERS[name],)

"""Data that ship with labctl. The published claims in `targets.yaml` are for `labctl.reproduce` alone; a contract sees to that."""

from __future__ import annotations

from importlib import resources

TARGETS = resources.files(__name__) / "targets.yaml"
"""Claims of five papers, each with a criterion that a machine can check."""

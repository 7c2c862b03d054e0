"""What the process of every member needs, imported and asked for once, in the process that they are forked from."""

from __future__ import annotations

from labctl.ensembles import working
from labctl.store.environment import environment

__all__ = ["working"]

environment()

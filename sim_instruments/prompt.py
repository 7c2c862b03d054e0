"""Thorlabs boxes that echo a line, answer it and print a prompt, and that keep numbers by name: shutter SC10, wheels FW102C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim_instruments.clock import Clock
from sim_instruments.lines import LineDevice, command


class PromptDevice(LineDevice):
    """A box with `values` by name, of which `save` keeps a copy over a power cycle; subclasses say how they are set."""

    echo = True
    prompt = b"> "
    factory: ClassVar[Mapping[bytes, int]]

    def __init__(self, *, clock: Clock, name: str, seed: int = 0):
        super().__init__(clock=clock, name=name, seed=seed)
        self.values = dict(self.factory)
        self._saved = dict(self.values)

    def recall(self) -> None:
        """Take the saved values."""
        self.values = dict(self._saved)

    @command(rb"([a-z]+)\?")
    def _value(self, name: bytes) -> bytes:
        return b"%d\r" % self.values[name] if name in self.values else self.unknown(name + b"?")

    @command(rb"save")
    def save(self) -> bytes:
        """Keep the values."""
        self._saved = dict(self.values)
        return b""

"""The power heads of a bench where they stand: behind a pick-off, at the sample, or behind a cuvette."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim_instruments.twin import light
from sim_instruments.twin.cuvette import CuvetteInFocus
from sim_instruments.twin.elements import PowerHead
from sim_instruments.twin.noise import frozen
from sim_instruments.twin.path import Part
from sim_instruments.twin.power import Head, make_head
from sim_instruments.twin.pump import Beam

States = tuple[tuple[Any, ...], ...]


class PowerHeads:
    """What falls on each head, by role; `heads` is what they show of it."""

    def __init__(self, parts: Sequence[Part], beam: Beam, cuvette: CuvetteInFocus, *, now: float, bench_seed: int, ideal: bool):
        self._beam, self._cuvette = beam, cuvette
        places = [part for part in parts if isinstance(part.element, PowerHead)]
        self.heads: dict[str, Head] = {
            part.role: make_head(frozen(bench_seed, part.role, "head"), now, ideal) for part in places}
        self._behind = {part.role for part in places if part.kind == "transmitted_head"}
        stages = [stage.role for stage in beam.stages]
        self._pick_offs = {part.role: (stages.index(part.role), float(part.options["fraction"]), float(part.options["slope"]))
                           for part in places if part.kind == "pick_off"}

    def feel(self, states: States, level: float, at_sample_w: float, when: float, seconds: float) -> None:
        """Let light of the given stages fall on every head for a while; `level` is the source's over nominal."""
        for role, head in self.heads.items():
            head.feel(self.falls_on(role, states, level, at_sample_w, when)[0], seconds)

    def falls_on(self, role: str, states: States, level: float, at_sample_w: float, when: float) -> tuple[float, float]:
        """Give the power on a head in W and its mean wavelength in nm (vacuum)."""
        pick_off = self._pick_offs.get(role)
        if pick_off is None:
            mean_nm = self._beam.band(states).mean_nm
            lossy = role in self._behind and at_sample_w > 0.0
            return at_sample_w * (self._cuvette.transmitted(when, at_sample_w, mean_nm) if lossy else 1.0), mean_nm
        place, fraction, slope = pick_off
        band = self._beam.band(states[:place])
        if band.total_w <= 0.0:
            return 0.0, 0.0
        return band.total_w * light.pick_off_fraction(band.mean_nm, fraction, slope) * level, band.mean_nm

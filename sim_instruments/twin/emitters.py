"""Which law turns pump light into emission, by the sections of a sample's record."""

from __future__ import annotations

from collections.abc import Callable

from sim_instruments.twin import cavity, film, resonance, stripe
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import Sample
from sim_instruments.twin.spectra import Emission

Emitter = Callable[[Pump, Sample, float, float], Emission]
"""emission(pump, sample, temperature in K, active part 0..1)."""

EMITTERS: tuple[tuple[tuple[str, ...], Emitter], ...] = (
    (("cavity", "resonance"), resonance.emission),
    (("cavity",), cavity.emission),
    (("stripe",), stripe.emission),
    ((), film.emission),
)
"""Sections a record must have, and its law; the first that fits counts."""


def emission(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> Emission:
    """Give what the sample emits per nanocrystal and pulse, by the law its record asks for."""
    for sections, emitter in EMITTERS:
        if all(getattr(sample, section) is not None for section in sections):
            return emitter(pump, sample, temperature_k, active)
    raise AssertionError("the last law asks for no section")

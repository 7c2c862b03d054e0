"""What procedures share that count photons by their delay: a dimmed detection, the response first, pieces until it is enough."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labctl.core.calibration import Calibration
from labctl.core.errors import CalibrationNeeded
from labctl.core.instrument import BenchView
from labctl.core.photons import vacuum_to_air
from labctl.core.plan import Bounds, Kind, Point, Problem, Reading
from labctl.core.points import has_axis
from labctl.core.procedure import Procedure, count, quantity, switch

READ = ("histogram",)
ND, FILTER = "detection.nd", "detection.filter"
LOOK_S = 0.2                # of the look at the rate that decides how far the detection is dimmed
NEXT_FILTER = 12.0          # the next thinner filter lets at most so much more through
DETECTOR_HZ = 1e6           # to which the detector is linear (unverified)
PILE_UP, PILE_UP_IRF = 0.05, 0.01       # of the sync rate


@dataclass(frozen=True)
class Gathered:
    """What was counted so far: the sum of the histograms (bins,) and the width of a bin in ps."""

    counts: np.ndarray
    bin_ps: float


Enough = Callable[[Gathered], bool]
"""Tells whether what was counted is enough."""


class CountedProcedure(Procedure):
    """A measurement with a photon counter; so that photons do not pile up the detection is dimmed, never the pump."""

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    emission = quantity("Emission wavelength", "nm", default=520.0, minimum=200.0, maximum=3000.0, group="Detection",
                        description="On the spectrograph's scale (air).")
    exposure = quantity("One piece", "s", default=5.0, minimum=0.01, maximum=3600.0, group="Detection")
    pieces = count("Most pieces", default=12, minimum=1, maximum=10_000, group="Detection", description="At each value.")
    response_counts = quantity("Counts of the response", "1", default=2e5, minimum=1e3, maximum=1e9, group="Detection")
    thinnest = count("Open slot of the dimming wheel", default=1, minimum=0, maximum=12, group="Detection",
                     description="Slots from here on are denser; 0: there is no such wheel.")
    densest = count("Densest slot of the dimming wheel", default=5, minimum=0, maximum=12, group="Detection")
    long_pass = count("Slot of the long-pass", default=2, minimum=0, maximum=12, group="Detection",
                      description="Taken out for the response; 0: there is none.")
    open_slot = count("Slot without long-pass", default=1, minimum=0, maximum=12, group="Detection")
    dead_time = quantity("Dead time", "ns", default=95.0, minimum=0.0, maximum=1e4, group="Analysis")

    def check_wheel(self) -> list[Problem]:
        """Refuse a dimming wheel that is upside down."""
        if self.densest >= self.thinnest:
            return []
        return [Problem("densest", f"slot {self.densest} is not denser than slot {self.thinnest}.")]

    def missing_wheels(self, bench: BenchView) -> list[Problem]:
        """Refuse wheels that the bench does not have."""
        wheels = {"thinnest": (ND, self.thinnest), "long_pass": (FILTER, self.long_pass)}
        return [Problem(name, f"this bench has no {wheel}; set {name} to 0 to do without.")
                for name, (wheel, wanted) in wheels.items() if wanted and not has_axis(bench, wheel)]

    def where(self, varied: Mapping[str, float]) -> dict[str, float]:
        """Give the set-points of a decay; `varied` joins or replaces those that all have in common."""
        common = {"pump.wavelength": self.wavelength, "emission.centre": self.emission}
        return common | ({FILTER: float(self.long_pass)} if self.long_pass else {}) | dict(varied)

    def response_where(self, varied: Mapping[str, float]) -> dict[str, float]:
        """Give the set-points of the response: as of a decay, but on the pump line and with the long-pass out."""
        where = self.where(varied)
        on_line = where | {"emission.centre": float(vacuum_to_air(where["pump.wavelength"]))}
        return on_line | ({FILTER: float(self.open_slot)} if self.long_pass else {})

    def promised(self, everywhere: Sequence[Mapping[str, float]]) -> Bounds:
        """Promise the set-points of all values (the response's among them), the filters, and the most pieces."""
        spans = {name: (min(each[name] for each in everywhere), max(each[name] for each in everywhere)) for name in everywhere[0]}
        if self.thinnest:
            spans[ND] = (float(self.thinnest), float(self.densest))
        looks = self.densest - self.thinnest + 1
        return Bounds(len(everywhere) * (self.pieces + looks), spans, (min(LOOK_S, self.exposure), self.exposure), READ)

    def look(self, where: Mapping[str, float], limit_hz: float) -> Generator[Point, Reading, dict[str, float]]:
        """Open the detection filter by filter as far as the limit of the rate allows; gives its set-point."""
        slot = self.densest
        while self.thinnest and slot > self.thinnest:
            reading = yield Point({**where, ND: float(slot)}, READ, "zero", exposure_s=min(LOOK_S, self.exposure))
            seen = float(reading.arrays["histogram"].sum()) / reading.values["counting_time"]
            if NEXT_FILTER * seen > limit_hz:
                break
            slot -= 1
        return {ND: float(slot)} if self.thinnest else {}

    def gather(self, where: Mapping[str, float], kind: Kind, enough: Enough) -> Generator[Point, Reading, Gathered]:
        """Count piece after piece until it is enough."""
        gathered: Gathered | None = None
        for _ in range(self.pieces):
            reading = yield Point(where, READ, kind, exposure_s=self.exposure)
            before = 0.0 if gathered is None else gathered.counts
            gathered = Gathered(before + reading.arrays["histogram"].astype(float), reading.values["resolution_ps"])
            if enough(gathered):
                break
        assert gathered is not None    # noqa: S101  there is at least one piece
        return gathered


class DecayProcedure(CountedProcedure):
    """A measurement of decays: the instrument response first, or the one that was kept."""

    stored = switch("Use the response of the last `irf` run", default=False, group="Detection",
                    description="Instead of counting one first.")

    def missing(self, bench: BenchView) -> list[Problem]:
        """Refuse wheels that the bench does not have, and a stored response of another pump line.

        Raises CalibrationNeeded where no response has been stored.
        """
        problems = self.missing_wheels(bench)
        if not self.stored:
            return problems
        found = bench.calibration("irf")
        if found is None:
            raise CalibrationNeeded("irf", f"There is no stored response. Run 'labctl run irf --bench {bench.name}'.")
        if not found.covers("pump.wavelength", self.wavelength):
            low, high = found.valid["pump.wavelength"]
            problems.append(Problem("stored", f"the stored response serves pump lines from {low:g} to {high:g} nm, the pump is to "
                                              f"stand at {self.wavelength:g} nm. Take it again there, or set stored to no."))
        return problems

    def response(self, bench: BenchView, varied: Mapping[str, float]) -> Generator[Point, Reading, Gathered]:
        """Count the instrument response on scattered pump light, as points of kind "reference", or give the stored one."""
        found = bench.calibration("irf") if self.stored else None
        if found is not None:
            return stored_response(found)
        where = self.response_where(varied)
        dimmed = yield from self.look(where, PILE_UP_IRF * bench.constant("repetition_rate_hz"))
        return (yield from self.gather({**where, **dimmed}, "reference", lambda so_far: _full(so_far, self.response_counts)))


def stored_response(found: Calibration) -> Gathered:
    """Give the histogram of a stored response: the bins of its peak, and its background elsewhere."""
    counts = np.full(int(found.curve["bins"]), float(found.curve["background"]))
    first, peak = int(found.curve["first"]), found.curve["counts"]
    counts[first:first + len(peak)] = peak
    return Gathered(counts, float(found.curve["bin_ps"]))


def _full(so_far: Gathered, wanted: float) -> bool:
    return float(so_far.counts.sum()) >= wanted


def most_hz(rate_hz: float) -> float:
    """Give the count rate that a decay may have: 5 % of the sync, and what the detector stands."""
    return min(PILE_UP * rate_hz, DETECTOR_HZ)

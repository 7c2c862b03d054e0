"""What a point can be flagged for, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labctl.core.plan import Problem

Action = Literal["flag", "retake", "shorten", "pause", "abort"]

FLAGS: Mapping[str, str] = {
    "saturated": "a single frame reaches the pixel well, the register well or the converter's end",
    "cosmic": "a spike narrower than any line stands in this frame and did not stand in the one before",
    "pile_up": "photons arrive so often that the counter loses the later ones",
    "no_sync": "the photon counter sees no laser pulses",
    "unsettled": "something had not come to rest when the point was taken",
    "drift": "the pump power at the pick-off left the value it was set to",
    "pump_overlap": "the pump's own line comes near the emission",
    "focus": "taken to find the focus again; no part of the measurement",
    "smeared": "an image was read out in the light: what fell then lies in the wrong rows",
    "compliance": "the source was limited by its compliance",
}


@dataclass(frozen=True)
class Policy:
    """What is done about a flag.

    "flag" keeps the point with its mark; "retake" exposes again, at most `times`, and keeps the last with its mark; "shorten" does
    so with `factor` times the exposure; "pause" parks until a person says to go on and repeats the point; "abort" ends the run.
    Every retake is light on the sample: it is counted, noted in the log and stored with the point.
    """

    action: Action = "flag"
    times: int = 2
    factor: float = 0.5

    def check(self, flag: str) -> list[Problem]:
        """Say what is wrong with it."""
        problems = []
        if flag not in FLAGS:
            problems.append(Problem("quality", f"there is no flag {flag!r}. Flags: {', '.join(FLAGS)}."))
        if not 1 <= self.times <= 20:
            problems.append(Problem("quality", f"{flag}: {self.times} retakes are outside 1 to 20."))
        if not 0.0 < self.factor < 1.0:
            problems.append(Problem("quality", f"{flag}: a factor of {self.factor:g} is outside 0 to 1."))
        return problems


# A histogram that was piled up, or counted without a sync, is never taken for data: somebody has to dim the detection or look for
# the cable. Everything else is marked, and reductions leave it out.
USUAL: Mapping[str, Policy] = {"pile_up": Policy("pause"), "no_sync": Policy("pause")}


def policies(*sources: Mapping[str, Policy]) -> dict[str, Policy]:
    """Put policies together, later sources counting more: the usual ones, the bench's, the procedure's."""
    found = dict(USUAL)
    for source in sources:
        found.update(source)
    return found


def strictest(flags: tuple[str, ...], by: Mapping[str, Policy]) -> tuple[str, Policy]:
    """Give the flag with the gravest consequence and its policy; ("", flag) when nothing is to be done."""
    order: tuple[Action, ...] = ("abort", "pause", "shorten", "retake")
    for action in order:
        for flag in flags:
            if flag in by and by[flag].action == action:
                return flag, by[flag]
    return "", Policy()

"""Judging a reading: what is wrong with it is said in flags; what follows is the business of policies (labctl.core.quality)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

import numpy as np

from labctl.analysis import cosmic
from labctl.core.errors import LabctlError
from labctl.core.plan import Point
from labctl.core.quality import Policy

SHARE_OF_SYNC = 0.05        # detected photons per laser pulse above which a histogram is piled up
DRIFT = 0.02                # relative change of the pump power since it was set that is worth a mark
SAME_EXPOSURE = 1e-3        # relative; a camera grants its own
SIGMAS = 3.0                # margin for the brightest of several accumulated frames

Arrays = Mapping[str, np.ndarray]
Numbers = Mapping[str, float]


class Held(LabctlError):
    """A point is so bad that a person has to look before the run goes on; it is repeated afterwards."""


class Judge:
    """Judges reading after reading, remembering what a frame is compared with: the last one, and the power that was set."""

    def __init__(self, policies: Mapping[str, Policy]):
        self.policies = policies
        self._before: dict[str, np.ndarray] = {}
        self._power: float | None = None

    def power_set(self, measured: Numbers) -> None:
        """Remember what the pick-off read when the pump level had been set."""
        if "pump.power" in measured or "power" in measured:
            self._power = measured.get("power")

    def recall(self, frames: Arrays, measured: Numbers) -> None:
        """Remember the last frames of the points so far, and what was measured when the bench was put back as after them."""
        self._before = dict(frames)
        self.power_set(measured)

    def flags(self, name: str, granted: Numbers, arrays: Arrays, numbers: Numbers) -> list[str]:
        """Say what is wrong with what one detector has read; `granted` is what it told when it was configured."""
        found = ["saturated"] if any(_saturated(array, granted) for array in arrays.values()) else []
        if "gain_e_per_count" in granted:
            hit = [self._hit(key, array, granted) for key, array in arrays.items()]      # each is remembered
            found += ["cosmic"] if any(hit) else []
        if "sync_rate" in numbers and "count_rate" in numbers:
            if not numbers["sync_rate"] > 0.0:
                found.append("no_sync")
            elif numbers["count_rate"] > SHARE_OF_SYNC * numbers["sync_rate"]:
                found.append("pile_up")
        power = numbers.get("power")
        if power is not None and self._power and abs(power / self._power - 1.0) > DRIFT:
            found.append("drift")
        return found

    def _hit(self, key: str, array: np.ndarray, granted: Numbers) -> bool:
        before, self._before[key] = self._before.get(key), array
        # the bias level is not known here; taken for signal it makes the noise too large, which errs on the quiet side
        return bool(len(cosmic.hits(array, gain_e_per_count=granted["gain_e_per_count"], before=before,
                                    read_noise_e=granted.get("read_noise_e", 0.0))))


def _saturated(array: np.ndarray, granted: Numbers) -> bool:
    """Tell whether any single frame has reached the limit of pixel well, register well or converter.

    `saturation_counts` is the limit of the sum of `accumulations` frames, which hides a single one: the brightest of so many is
    expected 3 standard deviations of its own shot noise above their mean.
    """
    limit = granted.get("saturation_counts")
    if not limit or not array.size:
        return False
    frames = max(granted.get("accumulations", 1.0), 1.0)
    highest = float(array.max())
    if frames > 1.0:
        gain = granted.get("gain_e_per_count", 1.0)
        highest += frames * SIGMAS * float(np.sqrt(max(highest / frames, 0.0) / gain))
    return highest >= limit


def with_shorter_darks(points: Sequence[Point], policies: Mapping[str, Policy], can: Callable[[Point], bool]) -> tuple[Point, ...]:
    """Add dark frames of every exposure that a "shorten" policy may lead to, behind the plan's own of the whole exposure.

    Counts become electrons only with a dark frame of the same exposure. As many are added of each as the plan takes of the whole
    one; none to a plan that takes none, and none that the detectors cannot take (`can`).
    """
    shortening = [policy for policy in policies.values() if policy.action == "shorten"]
    factors = sorted({policy.factor**take for policy in shortening for take in range(1, policy.times + 1)}, reverse=True)
    if not factors:
        return tuple(points)
    lit = {point.exposure_s for point in points if point.light and point.read}
    had = {point.exposure_s for point in points if point.kind == "dark"}
    found: list[Point] = []
    for (kind, exposure, read), alike in groupby(points, lambda point: (point.kind, point.exposure_s, point.read)):
        frames = list(alike)
        found += frames
        if kind == "dark" and exposure in lit:
            lit.discard(exposure)           # once is enough
            for shorter in (exposure * factor for factor in factors):
                dark = Point(kind="dark", light=False, read=read, exposure_s=shorter)
                if can(dark) and not any(math.isclose(shorter, one, rel_tol=SAME_EXPOSURE) for one in had):
                    had.add(shorter)
                    found += [dark] * len(frames)
    return tuple(found)

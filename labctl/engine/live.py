"""Live light: frame after frame that nobody saves, on the same engine as a run.

So it has everything that a run has: the bench is taken and parked, the pump moves in the dark, guards and interlocks are minded,
every frame is judged, and the meter on the shutter counts all its light. What differs: the course has no end, and points go into a
ring of memory instead of a journal. A frame in the ring may be kept: it becomes a run (`labctl.engine.keeping`).
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from labctl.analysis.read_off import brightest
from labctl.bench.bench import Bench
from labctl.bench.samples import SampleFile
from labctl.core.errors import AnalysisError, LabctlError, Refused
from labctl.core.plan import Estimate, Point, Problem, Reading
from labctl.core.plots import Image, Plot, Spectrum
from labctl.core.quality import Policy, policies
from labctl.engine import describing, preflight
from labctl.engine.control import Control
from labctl.engine.course import Left
from labctl.engine.engine import Engine, RunEnd
from labctl.engine.events import Listeners
from labctl.engine.planning import Plan
from labctl.engine.preparing import sample_file, taken
from labctl.engine.runner import Order, draw_seed
from labctl.store import unsafe

WAVELENGTH, POWER = "pump.wavelength", "pump.power"
KEEPABLE = 200               # frames
DARKS, MOST_DARKS = 3, 60    # frames of every exposure; all that are remembered
ENDLESS = 10**9
ARMED_S = 1800.0             # of aligning, on the bench's clock; then somebody has to say so again
EXPOSURES_S = tuple(mantissa * 10.0**power for power in range(-3, 1) for mantissa in (1.0, 2.0, 5.0))     # 1 ms to 5 s
FULLEST, EMPTIEST, AIM = 0.8, 0.2, 0.5          # of full well: above and below the exposure is changed, towards the middle
FLOOR_PERCENT = 10.0         # of the pixels see no light
NOTHING = Estimate(0.0, 0.0, 0, 0)
LIVE_POLICIES = {flag: Policy("flag") for flag in ("pile_up", "no_sync")}      # somebody is looking: marked, not stopped


@dataclass(frozen=True)
class Wish:
    """What live light should be like: exposure in s, detectors, quantities to set, with or without light.

    `auto` lets the exposure follow the brightest pixel; `darks` takes dark frames whenever an exposure is new; `armed_s` ends it
    all after so many seconds.
    """

    exposure_s: float = 0.1
    read: tuple[str, ...] = ("spectrum",)
    set: Mapping[str, float] = field(default_factory=dict)
    light: bool = True
    auto: bool = False
    darks: bool = True
    armed_s: float | None = None


def detectors(bench: Bench) -> tuple[str, ...]:
    """Give the detector that live light is looked at with: the first that wants light; empty where there is none."""
    return tuple(name for name, detector in bench.detectors.items() if detector.exposed)[:1]


def alignment(bench: Bench, sample: SampleFile, at: Mapping[str, float] | None = None) -> Wish:
    """Give the wish for aligning: the pump at the sample's alignment limit, or at the least there is; armed for half an hour.

    `at` may name the pump's wavelength; else it stays where it is. Raises Refused when the pump cannot be held there.
    """
    at = {name: value for name, value in (at or {}).items() if name == WAVELENGTH}
    try:
        low, high = bench.reach(POWER, at)
    except (AnalysisError, LabctlError) as exc:
        raise Refused([Problem(POWER, f"aligning needs a pump that can be held at a low power: {exc}")]) from None
    limit = sample.alignment_w if sample.alignment_w is not None else low
    if limit < low:
        raise Refused([Problem(POWER, f"{sample.name} may be aligned with {limit * 1e6:.3g} µW, and the least that the "
                                             f"attenuator lets through is {low * 1e6:.3g} µW. Put a neutral density filter in.")])
    return Wish(read=detectors(bench), set={**at, POWER: min(limit, high)}, auto=True, darks=False, armed_s=ARMED_S)


def pump(bench: Bench) -> dict[str, float]:
    """Give set-points for the pump before anybody has chosen any: where the filter stands, else its middle, and the least power.

    Empty on a bench whose pump cannot be set.
    """
    found: dict[str, float] = {}
    try:
        if WAVELENGTH in bench.axes:
            stands = getattr(bench.axes[WAVELENGTH], "position", None)
            found[WAVELENGTH] = float(stands) if stands else round(sum(bench.reach(WAVELENGTH, {})) / 2)
        if POWER in bench.axes:
            found[POWER] = bench.reach(POWER, found)[0]
    except (AnalysisError, LabctlError):
        return {name: value for name, value in found.items() if name == WAVELENGTH}
    return found


def check(bench: Bench, wish: Wish) -> list[Problem]:
    """Say what is wrong with a wish on this bench; touches nothing."""
    if not wish.read:
        return [Problem("read", f"{bench.name} has no detector that looks at light.")]
    point = Point(wish.set, wish.read, light=wish.light, exposure_s=wish.exposure_s)
    return [*preflight.check_points([point], bench.axes, bench.detectors, bench.actions), *bench.check_light([point])]


class Live:
    """The course of live light, and the ring of its frames. Made in one thread, followed in another."""

    def __init__(self, wish: Wish, name: str = "live", serve: Callable[[Live], None] = lambda live: None):
        self.name, self.wish = name, wish
        self.frames: deque[Reading] = deque(maxlen=KEEPABLE)
        self.darks: deque[Reading] = deque(maxlen=MOST_DARKS)
        self.left = Left()
        self.header: Mapping[str, Any] = {}
        self._serve = serve                 # asked in the bench's thread between two frames: keeps what somebody wants kept
        self._exposure_s = wish.exposure_s
        self._index, self._stopped = 0, False
        self._point: Point | None = None
        self._refresh_dark = False
        self._began: float | None = None
        self._now: Callable[[], float] = lambda: 0.0

    # ---------------------------------------------------------------- from the window
    def want(self, wish: Wish) -> None:
        """Change what it is like, from the next frame on. `check` it first."""
        self._exposure_s, self.wish = wish.exposure_s, wish

    def take_dark(self) -> None:
        """Take dark frames anew before the next frame."""
        self._refresh_dark = True

    def stop(self) -> None:
        """End after the frame under way."""
        self._stopped = True

    @property
    def exposure_s(self) -> float:
        """The exposure of the next frame."""
        return self._exposure_s

    @property
    def left_s(self) -> float | None:
        """Seconds for which it is still armed; None without a limit."""
        armed = self.wish.armed_s
        return None if armed is None or self._began is None else max(self._began + armed - self._now(), 0.0)

    def frame(self, index: int) -> Reading | None:
        """Give a frame that is still in the ring."""
        return next((reading for reading in tuple(self.frames) if reading.index == index), None)

    def dark_of(self, reading: Reading) -> list[Reading]:
        """Give the dark frames of a frame's exposure, newest last."""
        return [dark for dark in tuple(self.darks) if dark.point.exposure_s == reading.point.exposure_s][-DARKS:]

    # ---------------------------------------------------------------- what the engine asks (Course)
    @property
    def total(self) -> int:
        """It has no end."""
        return ENDLESS

    def everything(self) -> Point:
        """Give a point that reads what a frame reads."""
        return Point(read=self.wish.read, exposure_s=self._exposure_s)

    def upcoming(self) -> tuple[int, Point] | None:
        """Give the next frame, the same until it is taken."""
        if self._point is None:
            self._serve(self)
            if self._stopped or self.left_s == 0.0:
                return None
            self._point = self._next()
        return self._index, self._point

    def _next(self) -> Point:
        wish, exposure = self.wish, self._exposure_s
        had = sum(dark.point.exposure_s == exposure for dark in self.darks)
        if self._refresh_dark:
            self.darks = deque((dark for dark in self.darks if dark.point.exposure_s != exposure), MOST_DARKS)
            had, self._refresh_dark = 0, False
        if wish.darks and had < DARKS:
            return Point(kind="dark", light=False, exposure_s=exposure, read=wish.read)
        moves = {name: value for name, value in wish.set.items() if self.left.standing.get(name) != value}
        return Point(moves, wish.read, light=wish.light, exposure_s=exposure)

    def following(self) -> None:
        """Nothing: somebody may want something else by then."""

    def finish(self, reading: Reading) -> None:
        """Put a frame into the ring, and let the exposure follow it."""
        self.left.finish(reading)
        self._index, self._point = self._index + 1, None
        if reading.point.kind == "dark":
            self.darks.append(reading)
            return
        self.frames.append(reading)
        if self.wish.auto:
            self._exposure_s = better_exposure(reading)

    def remarks(self) -> list[Problem]:
        """Say so when its time was over."""
        armed = self.wish.armed_s
        if armed is None or self.left_s != 0.0:
            return []
        return [Problem("live", f"{self.name} was armed for {armed / 60:.0f} min, and they are over.", "warning")]

    def begin(self, now: Callable[[], float]) -> None:
        """Begin to count the time for which it is armed."""
        self._now, self._began = now, now()


def better_exposure(reading: Reading) -> float:
    """Give the exposure for the next frame, of the series 1, 2, 5: the same while the brightest pixel is well within its well."""
    exposure, limit = reading.point.exposure_s, reading.values.get("saturation_counts")
    array = next((array for array in reading.arrays.values() if array.size), None)
    if not limit or array is None:
        return exposure
    floor = float(np.percentile(array, FLOOR_PERCENT))
    highest = brightest(array)
    share = (highest - floor) / max(limit - floor, 1.0)
    if EMPTIEST <= share <= FULLEST:
        return exposure
    wanted = exposure * (0.1 if highest >= limit else AIM / max(share, 1e-3))
    fitting = [each for each in EXPOSURES_S if each <= wanted * 1.001]
    return fitting[-1] if fitting else EXPOSURES_S[0]


class Unsaved:
    """A recorder that records nothing."""

    def point(self, index: int, **what: Any) -> None:
        """Let it go."""

    def event(self, kind: str, elapsed_s: float, text: str, data: dict[str, Any] | None = None) -> None:
        """Let it go: listeners have heard it."""


def run(bench: Bench, live: Live, order: Order, *, listeners: Listeners | None = None, control: Control | None = None) -> RunEnd:
    """Look until somebody stops it; the bench is parked at the end.

    Raises Refused, with every problem, before anything moves; whatever happens afterwards is in what it gives.
    """
    control = control or Control()
    from labctl.core.procedure import Procedure  # brings a tenth of what it takes to start a window

    sample, problems = sample_file(bench, order.sample)
    problems = [*problems, *check(bench, live.wish)]
    if any(problem.level == "error" for problem in problems):
        raise Refused(problems)
    unsafe.refuse_if_marked(bench.name, simulated=bench.simulated)
    seed = order.seed if order.seed is not None else draw_seed()
    with taken(bench, sample, doing=live.name, mount=order.mount, most_lit_s=order.most_lit_s, stop=control.request) as (meter, _):
        def header() -> Mapping[str, Any]:
            told = describing.header(Procedure(), bench, Plan((), NOTHING, ()), name=live.name, run_id=uuid.uuid4().hex, number=0,
                                     seed=seed, sample=sample.name, user=order.user, note=order.note, dose=meter.as_json())
            shown: Plot = Image("Camera") if "image" in live.wish.read else Spectrum("Live spectrum")
            live.header = {**told, **describing.described(bench, live.wish.read), "plots": [shown.as_json()]}
            live.begin(bench.clock.now)
            return live.header

        end = Engine(bench, listeners, control).run(
            live, Unsaved(), seed=seed, run_id=uuid.uuid4().hex, procedure=live.name, estimate=NOTHING, before_first=header,
            quality=policies(LIVE_POLICIES))
        live.header = {**live.header, "dose": {**live.header.get("dose", {}), **meter.report()}}
    return replace(end, status="done") if end.status == "aborted" and not end.problems else end

"""How much light a plan will let fall, place by place, and whether the sample's budget allows it. Nothing is asked of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labctl.bench.bench import Bench
from labctl.bench.devices import DriverDetector
from labctl.core.dose import DARK, PARTS, WORDS, Budget, Light, Spot, summary, written
from labctl.core.instrument import Detector
from labctl.core.plan import Estimate, Point, Problem
from labctl.engine.adaptive import Adaptive
from labctl.engine.dose import Meter
from labctl.engine.preflight import asked_power, lit_before_s

# After one of these has been moved directly, the level is not known.
ATTENUATORS = frozenset({"attenuator.angle", "nd.slot", "pump.nd", "pump.attenuation", "filter.centre"})
LIT_BESIDE_S = 0.2        # beyond the exposure, from the order to open until "closed" is answered; simulated SC10 and CCD: 0.18 s

Place = tuple[float | None, float | None]
NOWHERE: Place = (None, None)


def planned(points: Sequence[Point], bench: Bench) -> dict[Place, Light]:
    """Give the light that each place (x, y in mm; None where the plan leaves it) will have by a plan that has passed its checks.

    A level stays until it is set again, or until something that attenuates is moved directly; where none is known, the highest
    power that the bench file allows counts.
    """
    highest = bench.config.safety.limits.get("pump.power", (0.0, float("inf")))[1]
    unknown = highest if np.isfinite(highest) else None
    exposed = {name: detector for name, detector in bench.detectors.items() if detector.exposed}
    power, wavelength, place = unknown, 0.0, NOWHERE
    looks_s: dict[tuple[tuple[str, ...], float], float] = {}        # by detectors and exposure; 0: none wants light
    seconds: dict[tuple[Place, float | None], float] = {}
    for point in points:
        settings = point.set
        if settings:
            wavelength = settings.get("pump.wavelength", wavelength)
            if "sample.x" in settings or "sample.y" in settings:
                place = (settings.get("sample.x", place[0]), settings.get("sample.y", place[1]))
            asked = asked_power(settings, bench.axes, wavelength)
            if asked is not None:
                power = asked
            elif not ATTENUATORS.isdisjoint(settings):
                power = unknown
        if point.light:
            asked_s = (point.read, point.exposure_s)
            if asked_s not in looks_s:
                looks_s[asked_s] = lit_s([exposed[name] for name in point.read if name in exposed], point.exposure_s)
            if looks_s[asked_s]:
                key = (place, power)
                seconds[key] = seconds.get(key, 0.0) + looks_s[asked_s]
    return _by_place(seconds, bench)


def lit_s(detectors: Sequence[Detector], exposure_s: float) -> float:
    """Give the seconds for which the shutter is open for detectors that are exposed together; 0 where there is none."""
    if not detectors:
        return 0.0
    takes = [each.lit_s(exposure_s) if isinstance(each, DriverDetector) else exposure_s for each in detectors]
    return max(map(lit_before_s, detectors)) + max(takes) + LIT_BESIDE_S


def planned_at_most(adaptive: Adaptive, bench: Bench) -> dict[Place, Light]:
    """Give the most light that an adaptive plan may let fall: at the points it has named, else all on one place.

    Without named points it is that of its brightest corner at every point.
    """
    if adaptive.bounds.known:
        return planned(adaptive.bounds.known, bench)
    corners = [light for point in adaptive.bounds.corners() for light in planned([point], bench).values()]
    if not corners:
        return {}
    most = Light(**{name: max(getattr(each, name) for each in corners) * (1 if name == "peak_j_cm2" else adaptive.total)
                    for name in (*PARTS, "unknown_s")})
    limit = adaptive.bounds.dose_j_cm2
    return {NOWHERE: most if limit is None else replace(most, dose_j_cm2=min(limit, most.dose_j_cm2))}


def _by_place(seconds: Mapping[tuple[Place, float | None], float], bench: Bench) -> dict[Place, Light]:
    area, _ = bench.spot_size()
    pulses_per_s = bench.constants().get("repetition_rate_hz", 0.0)
    found: dict[Place, Light] = {}
    for (place, power), lit in seconds.items():
        found[place] = found.get(place, DARK) + Light.of(power, lit, pulses_per_s, area)
    return found


def with_light(estimate: Estimate, light: Mapping[Place, Light]) -> Estimate:
    """Give an estimate with the light of the most exposed place, and the lit seconds of all."""
    most = max(light.values(), key=lambda each: (each.dose_j_cm2, each.lit_s), default=DARK)
    return replace(estimate, dose_j_cm2=most.dose_j_cm2, pulses=most.pulses, peak_j_cm2=max((e.peak_j_cm2 for e in light.values()),
                   default=0.0), lit_seconds=sum(each.lit_s for each in light.values()), unknown_s=most.unknown_s)


def check_budget(light: Mapping[Place, Light], meter: Meter) -> list[Problem]:
    """Hold a plan's light against the sample's budget, spot by spot, with all that has fallen there before."""
    budget = meter.budget
    if not budget:
        return []
    here = meter.spot()
    places = [replace(here, x_mm=here.x_mm if x is None else x, y_mm=here.y_mm if y is None else y) for x, y in light]
    problems = [problem for spot, added in zip(places, _with_neighbours(places, list(light.values())), strict=True)
                for problem in _judge(spot, meter.before(spot), added, budget)]
    more = len(problems) - 3
    return problems[:3] + ([Problem("dose", f"... and {more} more places or limits.")] if more > 0 else [])


def check_fresh(light: Mapping[Place, Light], meter: Meter) -> list[Problem]:
    """Refuse a plan that wants fresh places when some of them have had light."""
    here = meter.spot()
    places = [replace(here, x_mm=here.x_mm if x is None else x, y_mm=here.y_mm if y is None else y) for x, y in light]
    used = [spot for spot in places if meter.before(spot).lit_s > 0.0]
    if not used:
        return []
    return [Problem("fresh", f"{len(used)} of {len(places)} places have had light before: {used[0]} had "
                             f"{summary(meter.before(used[0]))}. Choose another region, or set fresh to no.")]


def _judge(spot: Spot, before: Light, added: Light, budget: Budget) -> list[Problem]:
    if budget.needs_power() and added.unknown_s:
        return [Problem("dose", f"{spot} has a budget, but the power is not known for {added.unknown_s:.0f} s of this plan. Let "
                                "the procedure set pump.power, or give the bench file a [safety.limits] \"pump.power\".")]
    found = []
    for name in budget.over(before + added):
        had, adds, may = (written(name, getattr(each, name)) for each in (before, added, budget))
        what = (f"the plan reaches {adds} per pulse" if name == "peak_j_cm2" else
                f"{spot} has had {had} and the plan adds {adds}, together {written(name, getattr(before + added, name))}")
        found.append(Problem("dose", f"{what}; the sample's budget of {WORDS[name]} is {may}. Measure with less power, or fewer "
                                     "or shorter points, or go to a new spot and say so: labctl dose BENCH --new-spot."))
    return found


def _with_neighbours(places: Sequence[Spot], light: Sequence[Light]) -> list[Light]:
    """Add to each place what falls on those whose disc touches it."""
    if len(places) < 2 or any(spot.x_mm is None or spot.y_mm is None for spot in places):
        whole = sum(light, DARK)
        return [whole] * len(places)
    where = np.array([(spot.x_mm, spot.y_mm) for spot in places], dtype=float)
    reach_mm = 2e-3 * places[0].radius_um
    amounts = np.array([[getattr(each, name) for name in (*PARTS, "unknown_s")] for each in light])
    found = []
    for row in where:
        near = amounts[np.hypot(*(where - row).T) <= reach_mm]
        total = dict(zip((*PARTS, "unknown_s"), near.sum(axis=0), strict=True))
        found.append(Light(**{**total, "peak_j_cm2": float(near[:, PARTS.index("peak_j_cm2")].max())}))
    return found

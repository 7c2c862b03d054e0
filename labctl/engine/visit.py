"""One point, in order: dark, moves, settle, gate, shutter open, expose, shutter closed, fetch, judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labctl.core.errors import Aborted, BadReply, CommunicationError, Disconnected, InstrumentError, LaneDead, NotSettled
from labctl.core.instrument import Axis, Coordinate, Detector, Shutter
from labctl.core.moving import move_all
from labctl.core.plan import Point, Reading
from labctl.core.quality import Policy, policies, strictest
from labctl.core.steps import Steps, Together, side_by_side
from labctl.engine.control import Dropped
from labctl.engine.quality import Held, Judge
from labctl.engine.soak import LONGEST_STILL_S, STILL_EVERY_S, Soaker, centre_ev, stands_still

TRIES = 3       # of what is idempotent: a move, a query, an exposure with its read-out


@dataclass
class Visit:
    """One point under way: what has been found so far, how often it was exposed and how long it was lit."""

    index: int
    point: Point
    exposure_s: float = 0.0
    values: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    lasting: list[str] = field(default_factory=list)     # flags that no other take can change
    takes: int = 0
    lit_s: float = 0.0
    checkpoint: bytes | None = None      # the simulated history when the exposure had ended, where the next moves began at once

    def reading(self) -> Reading:
        """Give what was found, marks known beforehand first."""
        light = {"lit_s": self.lit_s, **({"takes": float(self.takes)} if self.takes > 1 else {})}
        return Reading(self.index, self.point, self.arrays, {**self.values, **light},
                       tuple(dict.fromkeys((*self.point.flags, *self.lasting, *self.flags))))


class TakeAgain(Dropped):
    """A point that was read out while the next moves ran has to be exposed once more; it carries what light it had."""

    def __init__(self, reason: str, visit: Visit):
        super().__init__(f"point {visit.index} is taken again: {reason}")
        self.takes, self.lit_s = visit.takes, visit.lit_s


class Visitor:
    """Visits points on a bench. Knows axes, detectors and shutter as protocols, and no instrument."""

    def __init__(self, bench: Any, gate: Callable[[], None], note: Callable[[str], None],
                 quality: Mapping[str, Policy] | None = None):
        self.bench = bench
        self.axes: Mapping[str, Axis] = bench.axes
        self.detectors: Mapping[str, Detector] = bench.detectors
        self.shutter: Shutter | None = bench.shutter
        self.gate, self.note = gate, note
        self.judge = Judge(policies() if quality is None else quality)
        self.soaker = Soaker(bench.clock, bench.axes, gate)
        self._configured: dict[str, tuple[float, dict[str, float]]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}        # of every array, as the detectors promised it

    def configure(self, point: Point, exposure_s: float | None = None) -> Steps[None]:
        """Set the detectors of a point up; does nothing for those that already are."""
        wanted = point.exposure_s if exposure_s is None else exposure_s
        for name in point.read:
            if self._configured.get(name, (None,))[0] != wanted:
                granted = yield from self._again(name, lambda name=name: self.detectors[name].configure(wanted))
                self._configured[name] = (wanted, granted)
                self._shapes.update({channel.name: channel.shape for channel in self.detectors[name].channels()})

    def visit(self, visit: Visit, start: float, *, approached: bool = False) -> Steps[Reading]:
        """Visit one point; gives what was found. On any exception the caller parks the bench."""
        if not approached:
            yield from self.approach(visit)
        while True:
            yield from self._begin(visit, start)
            yield from self._take(visit)
            again = self._consequence(visit)
            if again is None:
                yield from self.bench.interlocks(lit=visit.point.light)
                return visit.reading()
            visit.exposure_s = again
            yield from self.configure(visit.point, again)

    def visit_and_move_on(self, visit: Visit, start: float, following: Visit, announce: Callable[[], None],
                          commit: Callable[[Visit], None], *, approached: bool = False) -> Steps[bool]:
        """Visit one point, and let the next moves run while it is read out; tells whether they are made.

        `announce` tells the connection that the next visit begins; `commit` takes the point as soon as it is read out. Raises
        TakeAgain when the point has to be exposed once more: everything has moved on, so it is visited anew.
        """
        if not approached:
            yield from self.approach(visit)
        yield from self._begin(visit, start)
        names = self._lit(visit.point)
        visit.takes += 1
        try:
            yield from self._expose(visit, names, light=visit.point.light)
        except (LaneDead, Disconnected):
            raise
        except CommunicationError as exc:
            raise TakeAgain(str(exc), visit) from exc
        visit.checkpoint = self.bench.checkpoint()
        announce()
        done = yield Together({"this": self._read_out(visit, names, commit), "next": self._go_ahead(following)})
        return done["next"]

    def _begin(self, visit: Visit, start: float) -> Steps[None]:
        """Pass the gate, and read what needs no light."""
        self.gate()
        visit.values["elapsed_s"] = self.bench.clock.now() - start
        visit.flags.clear()
        yield from self._read_in_the_dark(visit)

    def _read_out(self, visit: Visit, names: list[str], commit: Callable[[Visit], None]) -> Steps[None]:
        try:
            results = yield from self._fetch(names)
        except (LaneDead, Disconnected):
            raise
        except CommunicationError as exc:
            raise TakeAgain(str(exc), visit) from exc
        self._keep(visit, results)
        if self._consequence(visit) is not None:
            raise TakeAgain("its flags ask for it", visit)
        yield from self.bench.interlocks(lit=visit.point.light)
        commit(visit)

    def _go_ahead(self, following: Visit) -> Steps[bool]:
        """Make the moves of the next point; one that fails is left to that point's own visit, where it is repeated and told."""
        try:
            yield from self.approach(following)
        except (LaneDead, Disconnected):
            raise
        except InstrumentError:
            return False
        return True

    def may_move_on(self, point: Point, following: Point | None) -> bool:
        """Tell whether the moves to the next point may begin while this one is read out.

        Only where every detector under way is blanked meanwhile, and nothing on the way to the next point concerns a detector.
        """
        lit = self._lit(point)
        if following is None or not lit or not all(self.detectors[name].overlaps for name in lit):
            return False
        ready = all(self._configured.get(name, (None,))[0] == following.exposure_s for name in following.read)
        return ready and not following.do and not self.soaker.slow(following.set)

    def approach(self, visit: Visit) -> Steps[None]:
        """Bring everything to where the point wants it, in the dark."""
        point = visit.point
        visit.exposure_s = point.exposure_s
        yield from self.configure(point)
        measured = yield from self.stand(point.set)
        self.judge.power_set(measured)
        visit.values.update({**point.set, **measured})
        if point.do:
            yield from self._close()
        for name in point.do:
            yield from self.bench.action(name)
        if self.soaker.band_ev > 0.0:
            yield from self._until_still(visit)

    def stand(self, targets: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Move everything, first of all what the sample follows slowly; gives the read-backs and how long it soaked."""
        slow = {name: targets[name] for name in self.soaker.slow(targets)}
        if not slow:
            return (yield from move_all(self.axes, self.shutter, targets, self.move))
        measured = yield from move_all(self.axes, self.shutter, slow, self.move)
        measured.update((yield from self.soaker.soak(slow)))
        rest = {name: value for name, value in targets.items() if name not in slow}
        measured.update((yield from move_all(self.axes, self.shutter, rest, self.move)))
        return measured

    def _until_still(self, visit: Visit) -> Steps[None]:
        """Take spectra, which count as light, until three in a row have their centre within the wanted band."""
        band, self.soaker.band_ev = self.soaker.band_ev, 0.0
        names = [name for name in self._lit(visit.point) if self._wavelength(name) is not None]
        if not names or not visit.point.light:
            return
        give_up, centres = self.bench.clock.now() + LONGEST_STILL_S, []
        while not stands_still(centres, band):
            if self.bench.clock.now() > give_up:
                visit.lasting.append("unsettled")
                self.note(f"point {visit.index}: the emission did not stand still within {band * 1e3:g} meV in "
                          f"{LONGEST_STILL_S / 60:.0f} min; the point is flagged unsettled.")
                return
            if centres:
                yield from self.soaker.pause(STILL_EVERY_S)
            results = yield from self._again("exposure", lambda: self._expose_and_fetch(visit, names[:1], light=True))
            channel, coordinate = self._wavelength(names[0]) or ("", None)
            centres.append(centre_ev(results[names[0]][0][channel], coordinate))     # type: ignore[arg-type]
        visit.values["still_spectra"] = float(len(centres))

    def _wavelength(self, name: str) -> tuple[str, Coordinate] | None:
        """Give the channel of a detector that runs over wavelength, with its wavelengths."""
        for channel in self.detectors[name].channels():
            if len(channel.dims) == 1 and channel.dims[0] in channel.coords and channel.coords[channel.dims[0]].unit == "nm":
                return channel.name, channel.coords[channel.dims[0]]
        return None

    # ---------------------------------------------------------------- exposing
    def _lit(self, point: Point) -> list[str]:
        return [name for name in point.read if self.detectors[name].exposed]

    def _read_in_the_dark(self, visit: Visit) -> Steps[None]:
        """Read what needs no light (the power at the pick-off)."""
        names = [name for name in visit.point.read if not self.detectors[name].exposed]
        if names:
            self._keep(visit, (yield from self._again("exposure", lambda: self._expose_and_fetch(visit, names, light=False))))

    def _take(self, visit: Visit) -> Steps[None]:
        """Expose and read out once, with the shutter open no longer than the exposure."""
        names = self._lit(visit.point)
        if names:
            visit.takes += 1
            light = visit.point.light
            self._keep(visit, (yield from self._again("exposure", lambda: self._expose_and_fetch(visit, names, light=light))))

    def _expose_and_fetch(self, visit: Visit, names: list[str], *, light: bool) -> Steps[dict[str, Any]]:
        yield from self._expose(visit, names, light=light)
        return (yield from self._fetch(names))

    def _expose(self, visit: Visit, names: list[str], *, light: bool) -> Steps[None]:
        """Expose, and count the seconds between the command to open and the confirmation that the shutter is closed."""
        clock = self.bench.clock
        opened = clock.now()
        if light and self.shutter is not None:
            yield from self.shutter.open()
        else:
            yield from self._close()
        try:
            yield from side_by_side({name: self.detectors[name].expose() for name in names})
            if light:
                yield from self._close()
        finally:
            visit.lit_s = round(visit.lit_s + (clock.now() - opened if light else 0.0), 6)      # the same at any hour

    def _fetch(self, names: list[str]) -> Steps[dict[str, Any]]:
        results = yield from side_by_side({name: self.detectors[name].fetch() for name in names})
        for name, (found, numbers, _) in results.items():
            self._insist_finite(name, found, numbers)
        return results

    def _keep(self, visit: Visit, results: dict[str, Any]) -> None:
        """Put what was read into the visit, in place of an earlier take, and mark what is wrong with it."""
        for name, (found, numbers, marks) in reversed(results.items()):       # the first that is named says what the exposure was
            granted = self._configured[name][1]
            visit.arrays.update(found)
            visit.values.update({**{key: value for key, value in granted.items() if key not in visit.point.set}, **numbers})
            visit.flags += [*marks, *self.judge.flags(name, granted, found, numbers)]

    def _consequence(self, visit: Visit) -> float | None:
        """Give the exposure in s of another take, or None to keep this one. Raises Held or Aborted where the policy says so."""
        flag, policy = strictest((*visit.point.flags, *visit.lasting, *visit.flags), self.judge.policies)
        where = f"point {visit.index} is flagged {flag}"
        if policy.action == "abort":
            raise Aborted(f"{where}, and that ends the run")
        if policy.action == "pause":
            raise Held(where)
        if policy.action == "flag" or visit.takes > policy.times or not self._lit(visit.point):
            return None
        exposure = visit.exposure_s * (policy.factor if policy.action == "shorten" else 1.0)
        if any(self.detectors[name].check(exposure) for name in self._lit(visit.point)):
            return None
        self.note(f"{where}; it is taken again with {exposure:g} s.")
        return exposure

    def _close(self) -> Steps[None]:
        if self.shutter is not None:
            yield from self.shutter.close()

    def _insist_finite(self, name: str, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, float]) -> None:
        for key, array in arrays.items():
            expected = self._shapes.get(key, array.shape)
            if array.shape != expected or (array.dtype.kind == "f" and not np.all(np.isfinite(array))):
                raise BadReply(name, f"the read-out has shape {array.shape} where {expected} was expected, or is not finite.",
                               state="the frame was thrown away", remedy="It is taken again.")
        if not all(np.isfinite(number) for number in numbers.values()):
            raise BadReply(name, "the reading is not a number.", state="it was thrown away", remedy="It is taken again.")

    # ---------------------------------------------------------------- moving and repeating
    def move(self, axis: Axis, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Move; a read-back that does not fit the set-point is tried once more, the sample being in the dark."""
        try:
            return (yield from self._again(axis.name, lambda: axis.move(value, at)))
        except NotSettled as exc:
            self.note(f"{exc} It is repeated once.")
            return (yield from self._again(axis.name, lambda: axis.move(value, at)))

    def _again(self, what: str, make: Callable[[], Steps[Any]]) -> Steps[Any]:
        """Repeat what is idempotent after a failed exchange, at most twice, each repetition noted; the shutter closes first."""
        for left in reversed(range(TRIES)):
            try:
                return (yield from make())
            except (LaneDead, Disconnected):
                raise
            except CommunicationError as exc:
                if not left:
                    raise
                self.note(f"{what}: {exc} It is repeated.")
                if self.shutter is not None and what == "exposure":
                    yield from self.shutter.close()
        raise AssertionError("the loop returns or raises")

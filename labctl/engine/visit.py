"""One point, in order: dark, moves, settle, gate, shutter open, expose, shutter closed, fetch, judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labctl.core.errors import Aborted, CommunicationError, Disconnected, InstrumentError, LaneDead, NotSettled
from labctl.core.instrument import Axis, Shutter
from labctl.core.moving import move_all
from labctl.core.plan import Point, Reading
from labctl.core.quality import Policy, policies, strictest
from labctl.core.steps import Steps, Together
from labctl.core.timing import moment
from labctl.engine.control import Dropped
from labctl.engine.course import Left
from labctl.engine.exposing import Exposer, Visit, again
from labctl.engine.quality import Held, Judge
from labctl.engine.soak import LONGEST_STILL_S, STILL_EVERY_S, Soaker, centre_ev, stands_still


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
        self.shutter: Shutter | None = bench.shutter
        self.gate, self.note = gate, note
        self.judge = Judge(policies() if quality is None else quality)
        self.soaker = Soaker(bench.clock, bench.axes, gate)
        self.exposer = Exposer(bench, self.judge, note)

    def configure(self, point: Point) -> Steps[None]:
        """Set the detectors of a point up; does nothing for those that already are."""
        yield from self.exposer.configure(point, point.exposure_s)

    def visit(self, visit: Visit, start: float, *, approached: bool = False) -> Steps[Reading]:
        """Visit one point; gives what was found. On any exception the caller parks the bench."""
        if not approached:
            yield from self.approach(visit)
        while True:
            yield from self._begin(visit, start)
            yield from self._take(visit)
            shorter = self._consequence(visit)
            if shorter is None:
                yield from self.bench.interlocks(lit=visit.point.light)
                return visit.reading()
            visit.exposure_s = shorter
            yield from self.exposer.configure(visit.point, shorter)

    def visit_and_move_on(self, visit: Visit, start: float, following: Visit, announce: Callable[[], None],
                          commit: Callable[[Visit], None], *, approached: bool = False) -> Steps[bool]:
        """Visit one point, and let the next moves run while it is read out; tells whether they are made.

        `announce` tells the connection that the next visit begins; `commit` takes the point as soon as it is read out. Raises
        TakeAgain when the point has to be exposed once more: everything has moved on, so it is visited anew.
        """
        if not approached:
            yield from self.approach(visit)
        yield from self._begin(visit, start)
        names = self.exposer.lit(visit.point)
        visit.takes += 1
        try:
            yield from self.exposer.expose(visit, names, light=visit.point.light)
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
        visit.values["elapsed_s"] = moment(self.bench.clock.now() - start)
        visit.flags.clear()
        if names := self.exposer.dark(visit.point):
            self.exposer.keep(visit, (yield from self.exposer.take(visit, names, light=False)))

    def _read_out(self, visit: Visit, names: list[str], commit: Callable[[Visit], None]) -> Steps[None]:
        try:
            results = yield from self.exposer.fetch(names)
        except (LaneDead, Disconnected):
            raise
        except CommunicationError as exc:
            raise TakeAgain(str(exc), visit) from exc
        self.exposer.keep(visit, results)
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
        if following is None or not self.exposer.overlaps(point):
            return False
        return self.exposer.ready(following) and not following.do and not self.soaker.slow(following.set)

    def approach(self, visit: Visit) -> Steps[None]:
        """Bring everything to where the point wants it, in the dark."""
        point = visit.point
        visit.exposure_s = point.exposure_s
        yield from self.configure(point)
        measured = yield from self.stand(point.set)
        self.judge.power_set(measured)
        visit.values.update({**point.set, **measured})
        if point.do:
            yield from self.exposer.close()
        for name in point.do:
            yield from self.bench.action(name)
        if self.soaker.band_ev > 0.0:
            yield from self._until_still(visit)

    def stand_again(self, left: Left) -> Steps[None]:
        """Bring axes and detectors to where the points so far had left them: the next one takes what it would have taken."""
        self.judge.recall(left.frames, (yield from self.stand(left.standing)))
        yield from self.exposer.stand_again(left.exposed)

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
        names = [name for name in self.exposer.lit(visit.point) if self.exposer.wavelength(name) is not None]
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
            results = yield from self.exposer.take(visit, names[:1], light=True)
            channel, coordinate = self.exposer.wavelength(names[0]) or ("", None)
            centres.append(centre_ev(results[names[0]][0][channel], coordinate))     # type: ignore[arg-type]
        visit.values["still_spectra"] = float(len(centres))

    # ---------------------------------------------------------------- exposing
    def _take(self, visit: Visit) -> Steps[None]:
        """Expose and read out once, with the shutter open no longer than the exposure."""
        names = self.exposer.lit(visit.point)
        if names:
            visit.takes += 1
            self.exposer.keep(visit, (yield from self.exposer.take(visit, names, light=visit.point.light)))

    def _consequence(self, visit: Visit) -> float | None:
        """Give the exposure in s of another take, or None to keep this one. Raises Held or Aborted where the policy says so."""
        flag, policy = strictest(visit.every_flag, self.judge.policies)
        where = f"point {visit.index} is flagged {flag}"
        if policy.action == "abort":
            raise Aborted(f"{where}, and that ends the run")
        if policy.action == "pause":
            raise Held(where)
        if policy.action == "flag" or visit.takes > policy.times or not self.exposer.lit(visit.point):
            return None
        exposure = visit.exposure_s * (policy.factor if policy.action == "shorten" else 1.0)
        if not self.exposer.can(visit.point, exposure):
            return None
        self.note(f"{where}; it is taken again with {exposure:g} s.")
        return exposure

    # ---------------------------------------------------------------- moving and repeating
    def move(self, axis: Axis, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Move; a read-back that does not fit the set-point is tried once more, the sample being in the dark."""
        try:
            return (yield from again(axis.name, lambda: axis.move(value, at), self.note))
        except NotSettled as exc:
            self.note(f"{exc} It is repeated once.")
            return (yield from again(axis.name, lambda: axis.move(value, at), self.note))

"""What a run would take, and what its light would mean for the spot: for a form that says so before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labctl.bench.bench import Bench
from labctl.core.dose import DARK, Budget, Light, Spot
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.pump_units import EXCITONS, OF_QUANTITY, THRESHOLD, PumpUnits
from labctl.engine.arrangement import Arrangement
from labctl.engine.known import known
from labctl.engine.planning import AS_PLANNED, Plan, make_plan
from labctl.engine.preparing import sample_file, unnamed
from labctl.store.ledger import REAL, open_ledger

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure


@dataclass(frozen=True)
class Pump:
    """What a plan wants of the pump: levels by quantity in the quantity's unit, ascending, and what they mean in other units."""

    levels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    units: PumpUnits = field(default_factory=PumpUnits.of)


@dataclass(frozen=True)
class Prospect:
    """A plan, what has fallen on the spot under the beam, and what may fall there."""

    plan: Plan
    spot: Spot
    before: Light = DARK
    budget: Budget = field(default_factory=Budget)
    pump: Pump = field(default_factory=lambda: Pump())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, a budget that would be exceeded included."""
        return self.plan.problems

    @property
    def share(self) -> float | None:
        """Give the largest share of the budget that would be used up after the run; None without a budget."""
        after = [before + light for before in (self.before,) for light in self.plan.light.values()] or [self.before]
        shares = [getattr(light, name) / limit for light in after for name, limit in self.budget.as_json().items() if limit]
        return max(shares) if shares else None


def count_from_nought(bench: Bench | None, sample: str = "", mount: str = "") -> Spot:
    """Say that the sample has been moved to where no light has fallen; gives the new spot."""
    if bench is None:
        raise Refused([Problem("sample", "the bench is not open yet.")])
    told, problems = sample_file(bench, sample)
    if problems:
        raise Refused(problems)
    where = mount or told.mount
    with open_ledger() as ledger:
        return Spot(told.name, where, ledger.new_spot(told.name, where), radius_um=bench.spot_size()[1])


def prospect(procedure: Procedure, bench: Bench, root: Path, *, sample: str = "", mount: str = "",
             arrangement: Arrangement = AS_PLANNED) -> Prospect:
    """Plan a run and look the spot up in the ledger; touches no instrument and writes nothing, so it may be asked during a run."""
    plan = make_plan(procedure, bench, root, arrangement)
    told, problems = sample_file(bench, sample)
    with open_ledger() as ledger:
        where = mount or told.mount
        x, y = (getattr(bench.axes.get(name), "position", None) for name in ("sample.x", "sample.y"))
        spot = Spot(told.name, where, ledger.number(told.name, where), x, y, bench.spot_size()[1])
        before = ledger.total(spot, bench.session if bench.simulated else REAL)
    plan = plan.with_problems([*problems, *unnamed(bench, sample)])
    return Prospect(plan, spot, before, told.budget, _pump(plan, bench, root, told.name))


def _pump(plan: Plan, bench: Bench, root: Path, sample: str) -> Pump:
    """Tell what the points want of the pump; without a wavelength that is one and the same nothing is said of photons."""
    wanted: dict[str, set[float]] = {name: set(plan.bounds.set.get(name, ())) for name in (*OF_QUANTITY, "pump.wavelength")}
    for point in plan.points:
        for name in wanted.keys() & point.set.keys():
            wanted[name].add(point.set[name])
    wavelengths = wanted.pop("pump.wavelength")
    levels = {name: tuple(sorted(values)) for name, values in wanted.items() if values}
    if not levels:
        return Pump()
    wavelength = wavelengths.pop() if len(wavelengths) == 1 else None
    found = known(root, sample, wavelength, simulated=bench.simulated) if wavelength else None
    units = PumpUnits.of(
        wavelength_nm=wavelength, rate_hz=bench.constants().get("repetition_rate_hz"), area_cm2=bench.spot_size()[0],
        section_cm2=found.section_cm2 if found else None, threshold_j_cm2=found.threshold_j_cm2 if found else None,
        sources={EXCITONS: f"run {found.section_run}", THRESHOLD: f"run {found.threshold_run}"} if found else None)
    return Pump(levels, units)

"""What a run would take, and what its light would mean for the spot: for a form that says so before anything is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labctl.bench.bench import Bench
from labctl.core.dose import DARK, Budget, Light, Spot
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.procedure import Procedure
from labctl.engine.arrangement import Arrangement
from labctl.engine.planning import AS_PLANNED, Plan, make_plan
from labctl.engine.preparing import sample_file
from labctl.store.ledger import REAL, open_ledger


@dataclass(frozen=True)
class Prospect:
    """A plan, what has fallen on the spot under the beam, and what may fall there."""

    plan: Plan
    spot: Spot
    before: Light = DARK
    budget: Budget = field(default_factory=Budget)

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
    return Prospect(plan.with_problems(problems), spot, before, told.budget)

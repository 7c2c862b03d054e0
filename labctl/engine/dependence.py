"""Runs of the queue that depend on each other: conditions and parameters computed from results of earlier ones.

What an item depends on stands in its options: `night` and `entry` name it, `when` is a condition, `computed` gives formula, lowest
and highest value by parameter. So it holds whoever runs the queue, and after a crash: results are read from the run files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labctl.core import registry
from labctl.core.errors import LabctlError, Refused, StoreError
from labctl.core.expression import Amount, Lookup, parse, plain_unit
from labctl.core.plan import Problem
from labctl.core.quantities import to_float
from labctl.core.suggest import suggestion
from labctl.store.run import load
from labctl.store.waiting import Item


class NotWanted(LabctlError):
    """A run that is left out: its condition does not hold, or what it would be computed from was not measured."""


class _Unknown(LabctlError):
    """A result that is not there: the run has not been done."""


def resolve(item: Item, items: Sequence[Item]) -> Item:
    """Give an item with its computed parameters; raises NotWanted when it is left out, Refused for a formula without good value."""
    computed, when = item.options.get("computed") or {}, item.options.get("when") or ""
    if not computed and not when:
        return item
    lookup = _lookup(item, items)
    try:
        if when and not _judged("when", when, lookup):
            raise NotWanted(f"left out: {when} does not hold")
        values = {name: _value(item, name, told, lookup) for name, told in computed.items()}
    except _Unknown as exc:
        raise NotWanted(f"left out: {exc}") from None
    return replace(item, settings={**item.settings, **values})


def holding(texts: Sequence[str], item: Item, items: Sequence[Item]) -> str:
    """Give the first condition that holds, empty when none does; one over results that are not there does not."""
    for text in (text for text in texts if text):
        try:
            if _judged("stop_when", text, _lookup(item, items)):
                return text
        except _Unknown:
            continue
    return ""


def _judged(field: str, text: str, lookup: Lookup) -> bool:
    try:
        return parse(text).holds(lookup)
    except ValueError as exc:
        raise Refused([Problem(field, f"{exc}.")]) from None


def _value(item: Item, name: str, told: tuple[str, float, float], lookup: Lookup) -> str:
    """Compute a parameter, in its unit, within its bounds."""
    formula, low, high = told
    declared = registry.find("procedure", item.procedure).declarations().get(name)
    unit = getattr(declared, "units", None) or ""
    try:
        amount = parse(formula).amount(lookup)
        if unit and not amount.unit:
            raise ValueError(f"{formula} is {amount}, a pure number; {name} is in {unit}. Write the unit, e.g. 20 [{unit}]")
        value = to_float(f"{amount.value!r} {amount.unit}" if amount.unit else amount.value, unit)
    except ValueError as exc:
        raise Refused([Problem(name, f"{exc}. Nothing was moved.")]) from None
    if not low <= value <= high:
        raise Refused([Problem(name, f"{formula} is {value:g} {unit}, outside {low:g} to {high:g} {unit}, which was checked before "
                                     "the night. Nothing was moved. Widen its bounds, or look at the result it comes from.")])
    return repr(value)


def _lookup(item: Item, items: Sequence[Item]) -> Lookup:
    """Give a function that finds the result of another run of the same night."""
    same = {str(each.options.get("entry")): each for each in items if each.options.get("night") == item.options.get("night")}

    def find(run: str, result: str) -> Amount:
        other = same.get(run)
        if other is None or other.status != "done" or not other.run:
            raise _Unknown(f"{run}.{result} is not known, as {run} {'is not there' if other is None else f'is {other.status}'}")
        try:
            with load(other.run) as measured:      # type: ignore[arg-type]
                results = measured.results
        except StoreError as exc:
            raise _Unknown(f"{run}.{result} is not known: {exc}") from None
        if not results:
            raise _Unknown(f"{run}.{result} is not known, as {run} gave no results. {other.message}".strip())
        if result not in results:
            raise Refused([Problem(run, f"it has no result {result}. {suggestion(result, results)}")])
        found = results[result]
        return Amount(found.value, plain_unit(found.unit))

    return find

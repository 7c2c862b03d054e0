"""`labctl show`: what stands in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from labctl.store.run import Run

KINDS = ("scan", "reference", "dark", "zero")
MOST_NAMED = 20


def show(
    run: Annotated[str, typer.Argument(help="A path, a run number in the data root, or the beginning of a run id.")],
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
) -> None:
    """Show a run: what, when, where, parameters, results, and how it ended."""
    from rich.console import Console
    from rich.table import Table

    from labctl.store.find import find_run
    from labctl.store.run import load

    console = Console(soft_wrap=True, highlight=False, markup=False)
    path = find_run(run, out)
    with load(path) as found:
        console.print(found.headline, style="bold")
        console.print(f"{path}\nrun id {found.run_id}, status {found.status}, seed {found.seed}")
        table = Table("parameter", "value", "unit", box=None, pad_edge=False)
        for name, declared in found.header["parameters"].items():
            table.add_row(name, f"{declared['value']}", declared["unit"])
        console.print(table)
        _compare(console, found)
        for line in _remarks(found):
            console.print(line, markup=False)
        if found.results:
            console.print("results", style="bold")
        for name, result in found.results.items():
            console.print(f"  {name:<18} {result}", markup=False)
        shown = found.data.copy()
        shown.attrs = {}                    # NeXus' own bookkeeping, longer than everything else
        console.print(f"\n{shown}", markup=False)


def _compare(console: Console, run: Run) -> None:
    """Print what the run was estimated to cost beside what it did."""
    from rich.table import Table

    from labctl.store.comparison import compared

    points = sum(len(run.select(kind)) for kind in KINDS)
    table = Table("", "estimated", "was", "", box=None, pad_edge=False)
    for each in compared(run.header, run.end, points):
        table.add_row(each.what, *each.texts, each.difference)
    if table.row_count:
        console.print(table)


def _remarks(run: Run) -> list[str]:
    """Say what the light has done to the spot, and how the run stands to its rehearsal."""
    from labctl.core.dose import Light, summary
    from labctl.engine.rehearsal import summary as compared

    lines = []
    if spots := run.end.get("dose", {}).get("spots"):
        more = f" (and {len(spots) - 1} more places)" if len(spots) > 1 else ""
        lines.append(f"light: {summary(Light(**spots[0]['added']))}; on the spot now {summary(Light(**spots[0]['after']))}{more}")
    told = run.header.get("rehearsal")
    if not told:
        return lines
    lines.append(f"rehearsed as run {told['run_id'][:8]}, {told['path']}")
    if "chi2" in told:
        where = f": points {', '.join(map(str, told['differs'][:MOST_NAMED]))}" if told["differs"] else ""
        more = " ..." if len(told["differs"]) > MOST_NAMED else ""
        lines.append(compared(len(told["differs"]), len(told["numbers"]), told["factor"]) + where + more)
    return lines

"""`labctl show`: what stands in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from labctl.store.run import Run

KINDS = ("scan", "reference", "dark", "zero")


def show(
    run: Annotated[str, typer.Argument(help="A path, a run number in the data root, or the beginning of a run id.")],
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
) -> None:
    """Show a run: what, when, where, parameters, results, and how it ended."""
    from rich.console import Console
    from rich.table import Table

    from labctl.store.find import find_run
    from labctl.store.run import load

    console = Console(soft_wrap=True, highlight=False)
    path = find_run(run, out)
    with load(path) as found:
        console.print(f"[bold]{found.headline}[/bold]")
        console.print(f"{path}\nrun id {found.run_id}, status {found.status}, seed {found.seed}")
        table = Table("parameter", "value", "unit", box=None, pad_edge=False)
        for name, declared in found.header["parameters"].items():
            table.add_row(name, f"{declared['value']}", declared["unit"])
        console.print(table)
        _compare(console, found)
        if found.results:
            console.print("results", style="bold")
        for name, result in found.results.items():
            console.print(f"  {name:<18} {result}", markup=False)
        console.print(f"\n{found.data}", markup=False)


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

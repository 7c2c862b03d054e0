"""`labctl show`: what stands in a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
        if found.results:
            console.print("results", style="bold")
        for name, result in found.results.items():
            console.print(f"  {name:<18} {result}", markup=False)
        console.print(f"\n{found.data}", markup=False)

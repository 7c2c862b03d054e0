"""`labctl ensemble`: one procedure many times on the twin, over seeds, samples and parameters."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import options

if TYPE_CHECKING:
    import xarray

    from labctl.ensembles.session import Gathered

WIDE = 160
MOST_ROWS = 60
Over = Annotated[list[str] | None, typer.Option("--over", metavar="NAME=VALUES", help="Vary seed, sample or a parameter: "
                                                "seed=0:64, 'power=1 uW, 2 uW', step=1:5:2; repeat for every combination.")]


def ensemble(
    procedure: Annotated[str, typer.Argument(help="Name of the procedure; see 'labctl procedures'.")],
    over: Over = None,
    bench: Annotated[str, typer.Option(help="Bench by name, or path of a bench file, real or simulated.")] = "ying2021",
    set_: options.Settings = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the ensemble; default: labctl_ensembles/PROCEDURE.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; default: one for each core.")] = None,
    dask: Annotated[bool, typer.Option("--dask", help="Use Dask on this computer (labctl[cluster]), on loopback alone.")] = False,
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of every run, where it is not varied.")] = 0,
    sample: Annotated[str, typer.Option(help="Sample on the twin, where it is not varied; default: that of the bench file.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout, the rest on stderr.")] = False,
) -> None:
    """Run a procedure on the bench's twin for every combination: one catalogue of run files, one table of all results.

    Opens nothing real. What is whole in the folder is left alone, so the same command goes on where it was.
    Exit codes: 0 every run is there, 1 some failed, 2 refused before the first run, 130 aborted.
    """
    from labctl.cli.progress import TaskBar
    from labctl.cli.run import split_settings
    from labctl.ensembles.asking import asked
    from labctl.ensembles.session import FOLDER, make

    wanted = asked(procedure, bench, split_settings(over or []), split_settings(set_ or []), seed=seed, sample=sample)
    folder = out or FOLDER / procedure
    try:
        with TaskBar() as bar:
            made = make(wanted, folder, workers=workers, dask=dask, scheduler=scheduler, told=bar)
    except KeyboardInterrupt:
        typer.echo(f"aborted: what is whole stays in {folder}, and the same command makes the rest.", err=True)
        raise typer.Exit(130) from None
    for failure in made.failures:
        typer.echo(f"failed: {failure}", err=True)
    rows = _rows(made.data)
    if json_:
        sys.stdout.write(json.dumps(_contract(made, rows)) + "\n")
    else:
        _print(rows)
    typer.echo(_summary(made), err=True)
    raise typer.Exit(1 if made.failures else 0)


def _summary(made: Gathered) -> str:
    from labctl.ensembles.folder import TABLE

    there = f", {made.found} of them there before" if made.found else ""
    return f"{made.members - len(made.failures)} of {made.members} runs{there}; {made.folder / TABLE}"


def _contract(made: Gathered, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the object of `--json`."""
    from labctl.ensembles.folder import CATALOGUE, TABLE

    return {"folder": str(made.folder), "table": str(made.folder / TABLE), "catalogue": str(made.folder / CATALOGUE),
            "members": made.members, "found": made.found, "failures": list(made.failures), "statistics": rows}


def _rows(data: xarray.Dataset) -> list[dict[str, Any]]:
    """Give the statistics over the seeds, or over all there is: one row for every result and every combination of the rest."""
    from labctl.core.errors import AnalysisError
    from labctl.ensembles.asking import SEED
    from labctl.ensembles.statistics import statistics

    try:
        over = SEED if SEED in data.dims else str(next(iter(data.dims)))
        found = statistics(data, over)
    except AnalysisError:
        return []
    others = [str(name) for name in found.dims if name != "result"]
    flat = found.stack(row=[*others, "result"])
    rows = []
    for place in range(flat.sizes["row"]):
        each = flat.isel(row=place)
        where = {name: each[name].item() for name in others}
        numbers = {name: None if each[name].isnull() else each[name].item() for name in found.data_vars}
        rows.append({"result": each["result"].item(), "unit": each["unit"].item(), "over": over, **where, **numbers})
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    """Print the statistics as a table, the first rows of a long one."""
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDE)      # a pipe has no width to fit into
    numbers = {"mean": ".6g", "scatter": ".3g", "stated": ".3g", "ratio": ".3g", "ratio_stderr": ".2g"}
    others = [name for name in rows[0] if name not in ("result", "unit", "over", "n", "mean_stderr", *numbers)]
    table = Table("result", "unit", *others, "n", "mean", "scatter", "stated error", "scatter / stated", "±",
                  box=None, pad_edge=False)
    for row in rows[:MOST_ROWS]:
        told = ["" if row[name] is None else format(row[name], how) for name, how in numbers.items()]
        where = [f"{row[name]:g}" if isinstance(row[name], float) else str(row[name]) for name in others]
        table.add_row(row["result"], row["unit"], *where, str(row["n"]), *told)
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(f"... and {len(rows) - MOST_ROWS} more rows in the table")

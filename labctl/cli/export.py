"""`labctl export`: a run in the format of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[str, typer.Argument(help="A path (of another program's file too), a run number, or the beginning of an id.")],
    csv: Annotated[bool, typer.Option("--csv", help="A table, one row per point; with --point one spectrum.")] = False,
    matrix: Annotated[bool, typer.Option("--matrix", help="Spectra as columns, with the header rows Origin imports.")] = False,
    nc: Annotated[bool, typer.Option("--nc", help="netCDF, for xarray and others.")] = False,
    hspy: Annotated[bool, typer.Option("--hspy", help="HyperSpy's own format.")] = False,
    phu: Annotated[bool, typer.Option("--phu", help="PicoQuant histogram file, of runs with decays.")] = False,
    documents: Annotated[bool, typer.Option("--documents", help="Run documents of Bluesky, one JSON object per line.")] = False,
    png: Annotated[bool, typer.Option("--png", help="The figure.")] = False,
    so_far: Annotated[bool, typer.Option("--so-far", help="A run file of what a running or unfinished run has measured.")] = False,
    point: Annotated[int | None, typer.Option(min=0, help="With --csv: the spectrum of this point.")] = None,
    to: Annotated[Path | None, typer.Option(help="File to write; default: beside the run. With several formats: a folder.")] = None,
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
) -> None:
    """Write a run in other formats; nothing is ever overwritten."""
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem
    from labctl.store.export import export as write
    from labctl.store.export import file_of
    from labctl.store.find import find_run
    from labctl.store.run import load

    asked = {"csv": csv, "matrix": matrix, "nc": nc, "hspy": hspy, "phu": phu, "documents": documents, "png": png, "so-far": so_far}
    wanted = [how for how, yes in asked.items() if yes]
    if not wanted:
        raise Refused([Problem("export", f"say in which format: {' '.join(f'--{how}' for how in asked)}.")])
    with load(find_run(run, out)) as found:
        for how in wanted:
            target = to
            if to is not None and (to.is_dir() or len(wanted) > 1):
                target = to / file_of(found, how, point).name
            typer.echo(write(found, how, target, point=point))

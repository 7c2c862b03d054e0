"""`labctl runs`: the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from labctl.store.catalogue import Entry

WIDE = 240


def runs(
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
    sample: Annotated[str, typer.Option(help="Only runs of this sample.")] = "",
    procedure: Annotated[str, typer.Option(help="Only runs of this procedure.")] = "",
    since: Annotated[str, typer.Option(help="Only runs from this date or time on (UTC), e.g. 2026-11-01.")] = "",
    status: Annotated[str, typer.Option(help="Only runs of this status: done, aborted, failed, interrupted, running ...")] = "",
    tag: Annotated[str, typer.Option(help="Only runs that bear this tag.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many, the newest.")] = 100,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="List journals whose points all stand in a run file; delete with --yes.")]
    = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --prune: delete them.")] = False,
) -> None:
    """List the runs below the data root, newest first; a run with several files shows its newest."""
    from labctl.store.catalogue import Catalogue, Query

    with Catalogue(out) as catalogue:
        catalogue.refresh()
        if prune:
            _prune(out, delete=yes)
            return
        found = catalogue.find(Query(sample, procedure, since, status, tag, limit))
    if json_:
        typer.echo(json.dumps([_plain(entry) for entry in found]))
        return
    _print(found)


def _prune(out: Path, *, delete: bool) -> None:
    from labctl.store.prune import prunable

    found = prunable(out)
    for path in found:
        if delete:
            path.unlink()
        typer.echo(f"{'deleted' if delete else 'can be deleted'}: {path}")
    if found and not delete:
        typer.echo("Every point of these is in a run file; without them the runs cannot be resumed. Delete them with --yes.")
    if not found:
        typer.echo("No journal can be deleted.")


def _plain(entry: Entry) -> dict[str, object]:
    return {**vars(entry), "path": str(entry.path), "tags": list(entry.tags)}


def _print(found: list[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("run", "start (UTC)", "procedure", "sample", "status", "tags", "notes", "id", "file", box=None, pad_edge=False)
    for entry in found:
        status = f"{entry.status}{' (rehearsal)' if entry.rehearsal else ' (simulated)' if entry.simulated else ''}"
        table.add_row(str(entry.number), entry.start[:16].replace("T", " "), entry.procedure, entry.sample, status,
                      ", ".join(entry.tags), str(entry.notes or ""), entry.run_id[:8], entry.path.name)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDE)      # a pipe has no width to fit into
    console.print(table if found else "no runs")

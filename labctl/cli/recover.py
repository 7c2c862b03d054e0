"""`labctl recover`: give killed runs their file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def recover(
    folder: Annotated[Path, typer.Argument(help="Data folder, or one journal.")] = Path("labctl_data"),
) -> None:
    """Write the run file of every run whose process was killed; runs that are being measured are left alone.

    Exit codes: 0 nothing left to do, 1 something could not be recovered.
    """
    from labctl.store.recover import recover as recover_runs

    found = recover_runs(folder)
    for told in found:
        typer.echo(f"{told.run or told.journal}: {told.text}")
    if not found:
        typer.echo(f"{folder}: nothing to recover")
    raise typer.Exit(1 if any("could not" in told.text for told in found if told.run is None) else 0)

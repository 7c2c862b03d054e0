"""`labctl verify`: is a run whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    run: Annotated[str, typer.Argument(help="A path, a run number in the data root, or the beginning of a run id.")],
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
) -> None:
    """Check a run: checksums, plan, schema, axes, units, completeness.

    Exit codes: 0 whole (warnings may be printed), 1 not whole.
    """
    from labctl.store.find import find_run
    from labctl.store.verify import verify as verify_run

    path = find_run(run, out)
    problems = verify_run(path)
    for problem in problems:
        typer.echo(f"{problem.level}: {problem}", err=True)
    wrong = any(problem.level == "error" for problem in problems)
    typer.echo(f"{path}: {'NOT whole' if wrong else 'whole'}")
    raise typer.Exit(int(wrong))

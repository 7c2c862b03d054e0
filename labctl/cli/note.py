"""`labctl note`: write something about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def note(
    run: Annotated[str, typer.Argument(help="A path, a run number in the data root, or the beginning of a run id.")],
    text: Annotated[str, typer.Argument(help="What to write; leave it out to read the notes.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A word to find the run by; repeat for more.")] = None,
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
) -> None:
    """Write a note beside a run, or read its notes. The run file itself is never written again."""
    import getpass
    from datetime import UTC, datetime

    from labctl.core.errors import StoreError
    from labctl.store import notes
    from labctl.store.find import find_run, label

    path = find_run(run, out)
    told = label(path)
    if told is None:
        raise StoreError(f"{path} is not a readable run.")
    if text or tag:
        made = notes.Note(datetime.now(UTC).isoformat(timespec="seconds"), told.run_id, getpass.getuser(), text, tuple(tag or ()))
        typer.echo(f"noted in {notes.append(path, made)}")
        return
    written = notes.read(notes.path_of(path))
    if not written:
        typer.echo(f"nobody has written anything about {path.name}", err=True)
    for found in written:
        tags = "".join(f" #{word}" for word in found.tags)
        typer.echo(f"{found.time[:16].replace('T', ' ')} {found.user}: {found.text}{tags}")

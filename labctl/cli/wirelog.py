"""`labctl wirelog`: save the bytes of a session, and replay them against emulators or drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None,
                  help="Save the bytes of a session; replay them against emulators or drivers.")
LogFile = Annotated[Path, typer.Argument(metavar="FILE", help="The wire log: lines of JSON.")]


@app.command()
def record(
    file: LogFile,
    bench: Annotated[str, typer.Option(help="Bench by name, or path of a bench file.")] = "ying2021",
) -> None:
    """Open every instrument, ask who it is and for its settings, and save every byte. Nothing moves."""
    from labctl import api
    from labctl.bench import wirelog
    from labctl.core.clock import RealClock, VirtualClock
    from labctl.store import state

    config, _, _ = api.load_bench_file(bench)
    with wirelog.recording() as entries:
        understood = wirelog.session(config, VirtualClock() if config.simulated else RealClock(), state.folder() / "locks")
    wirelog.save(entries, file)
    for line in understood:
        typer.echo(line)
    typer.echo(f"{file}: {len(entries)} messages on {len({each.port for each in entries})} ports")


@app.command()
def replay(
    file: LogFile,
    against: Annotated[Literal["emulator", "driver"], typer.Option(help="Who is to be tested by what was recorded.")] = "emulator",
    bench: Annotated[str, typer.Option(help="Bench of the record; a real one needs a [twin] for its emulators.")] = "ying2021",
) -> None:
    """Say to emulators what was said to the boxes, or let drivers hear what the boxes said. Exit code 1 if something differs."""
    from labctl import api
    from labctl.bench import wirelog

    entries = wirelog.load(file)
    config, _, _ = api.load_bench_file(bench)
    if against == "emulator":
        compared, differences = wirelog.against_emulator(entries, config)
        typer.echo(f"{compared} answers compared, {len(differences)} of another form")
        failed = bool(differences)
    else:
        understood, differences = wirelog.against_driver(entries, config)
        for line in understood:
            typer.echo(line)
        failed = bool(differences) or any(line.startswith("not understood") for line in understood)
    for difference in differences:
        typer.echo(str(difference))
    raise typer.Exit(1 if failed else 0)

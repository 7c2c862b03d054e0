"""`labctl queue`: runs that wait for each other, and for the night."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from labctl.cli import asking, options

if TYPE_CHECKING:
    from labctl.api import Ended
    from labctl.store.waiting import Item


class _FileOrCommand(TyperGroup):
    """Lets `labctl queue FILE.toml` stand for `labctl queue night FILE.toml`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the command before a file."""
        return super().resolve_command(ctx, ["night", *args] if args and args[0].endswith(".toml") else args)


app = typer.Typer(no_args_is_help=True, cls=_FileOrCommand,
                  rich_markup_mode=None, help="Line up runs, and run them one after the other.")
Number = Annotated[int, typer.Argument(help="Number of the item; see 'labctl queue list'.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object or array on stdout, the rest on stderr.")]
WIDE = 200


@app.command()
def add(
    procedure: Annotated[str, typer.Argument(help="Name of the procedure; see 'labctl procedures'.")],
    bench: Annotated[str, typer.Option(help="Bench by name, or path of a bench file.")] = "ying2021",
    set_: options.Settings = None,
    out: Annotated[Path | None, typer.Option(help="Data root; default from the bench file.")] = None,
    seed: options.Seed = None,
    sample: Annotated[str, typer.Option(help="Name of the sample, or path of its file.")] = "",
    mount: options.Mount = "",
    note: Annotated[str, typer.Option(help="A note stored with the run.")] = "",
    order: options.VisitOrder = "planned",
    reference_every: options.ReferenceEvery = 0,
    dark_every: options.DarkEvery = 0,
) -> None:
    """Put a run at the end of the queue. What can be known to be wrong with it is said now, not at night."""
    from labctl import api
    from labctl.cli.run import split_settings
    from labctl.core.words import human_time

    about = {"out": str(out) if out else "", "seed": seed, "sample": sample, "mount": mount, "note": note, "order": order,
             "reference_every": reference_every, "dark_every": dark_every}
    item = api.enqueue(procedure, bench, split_settings(set_ or []), about)
    takes = "nobody knows yet how long it takes" if item.seconds is None else f"about {human_time(item.seconds)}"
    typer.echo(f"item {item.id}: {procedure} on {bench}, {takes}")


@app.command("list")
def list_items(json_: Json = False) -> None:
    """Show what waits, what is under way and what is over, and when everything will be over."""
    from labctl.store.waiting import Waiting

    with Waiting() as waiting:
        items, paused = waiting.items(), waiting.paused
    if json_:
        typer.echo(json.dumps([item.as_json() for item in items]))
        return
    _print(items)
    for line in _clock(items):
        typer.echo(line)
    if paused:
        typer.echo("paused: no further run is begun before 'labctl queue run'")


@app.command()
def move(number: Number, to: Annotated[int, typer.Argument(help="Position among those that wait, 1 the first.")]) -> None:
    """Move a waiting run."""
    from labctl.store.waiting import Waiting

    with Waiting() as waiting:
        waiting.move(number, to)
    list_items()


@app.command()
def remove(numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="Numbers of items.")]) -> None:
    """Take runs out of the queue; their files stay."""
    from labctl.store.waiting import Waiting

    with Waiting() as waiting:
        waiting.remove(numbers)
    typer.echo(f"removed: {', '.join(map(str, numbers))}")


@app.command()
def clear(everything: Annotated[bool, typer.Option("--all", help="Those that wait, too.")] = False) -> None:
    """Take out what is over; the files stay."""
    from labctl.store.waiting import Waiting

    with Waiting() as waiting:
        typer.echo(f"{waiting.clear(everything=everything)} removed")


@app.command()
def pause() -> None:
    """Let the run under way end, and begin no further one until 'labctl queue run'."""
    from labctl.store.waiting import Waiting

    with Waiting() as waiting:
        waiting.pause()
    typer.echo("no further run is begun")


@app.command()
def run(
    on_failure: Annotated[str, typer.Option(help="stop; skip (the next); retry (once more, then stop); retry-skip; safe (emission "
                                            "off).")] = "stop",
    end: Annotated[str, typer.Option(help="How benches are left: park; safe (emission off); shutdown (heater off, camera warm).")]
    = "park",
    until: Annotated[str, typer.Option(metavar="TIME", help="Latest time, HH:MM (the next one) or ISO; what is not over then is "
                                       "held up.")] = "",
    longest_lit: Annotated[str, typer.Option(metavar="TIME", help="Longest time for which the sample may be lit, over all runs, "
                                             "e.g. '30 min'.")] = "",
    speed: Annotated[float | None, typer.Option(min=0.001, help="Run simulated benches on the real clock, so much faster.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes.")] = False,
    json_: Json = False,
) -> None:
    """Run what waits, in order, until nothing does. A run that was cut off goes on where it was.

    Exit codes as for run, of the worst that happened.
    """
    from labctl import api
    from labctl.api.progress import ProgressBar
    from labctl.cli.run import EXIT_CODES, speaker
    from labctl.engine.events import Listeners
    from labctl.engine.queue import latest
    from labctl.engine.signals import signals

    terms = api.Terms(on_failure, end, latest(until), _seconds(longest_lit))
    say = speaker()
    with signals() as control, ProgressBar() as bar:
        ended = api.run_queue(terms, listeners=Listeners(bar), control=control, speed=speed, operator=asking.operator(yes, say),
                              announce=bar.print)
    for problem in ended.problems:
        say(f"error: {problem}", style="red")
    say(f"the queue has ended: {ended.reason}")
    if json_:
        sys.stdout.write(json.dumps(_contract(ended)) + "\n")
    else:
        _print(list(ended.items))
    raise typer.Exit(EXIT_CODES[ended.status])


@app.command()
def night(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Night file; 'labctl queue FILE.toml' is the same.")],
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong, and when which run would be over.")] = False,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="The whole night on the benches' twins, in virtual time.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Begin once more, giving up what waits of an earlier time.")] = False,
    speed: Annotated[float | None, typer.Option(min=0.001, help="Run simulated benches on the real clock, so much faster.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes.")] = False,
    json_: Json = False,
) -> None:
    """Run the file of a night, or go on with it where it was cut off. The whole night is checked before the first photon.

    Exit codes as for run, of the worst that happened.
    """
    from labctl.api.progress import ProgressBar
    from labctl.cli.run import EXIT_CODES, speaker
    from labctl.engine.events import Listeners
    from labctl.engine.signals import signals
    from labctl.nights.night import rehearse_night, run_night

    if check:
        raise typer.Exit(_checked(file))
    say = speaker()
    with signals() as control, ProgressBar() as bar:
        if rehearse:
            ended, told = rehearse_night(file, listeners=Listeners(bar), control=control, say=bar.print)
        else:
            ended, told = run_night(file, anew=anew, speed=speed, operator=asking.operator(yes, say),
                                    listeners=Listeners(bar), control=control, say=bar.print)
    for problem in ended.problems:
        say(f"error: {problem}", style="red")
    say(f"the night has ended: {ended.reason}")
    for path in told.paths:
        say(f"report    {path}")
    if json_:
        sys.stdout.write(json.dumps({**_contract(ended), "report": [str(path) for path in told.paths]}) + "\n")
    else:
        _print(list(ended.items))
    raise typer.Exit(EXIT_CODES[ended.status])


def _checked(file: Path) -> int:
    """Print what a night would do and what is wrong with it; gives the exit code."""
    from rich.console import Console
    from rich.table import Table

    from labctl.core.words import human_time
    from labctl.nights.night import checkup, read

    now = datetime.now().astimezone()
    found = checkup(read(file, now), now)
    rows = Table("run", "procedure", "bench", "takes at most", "lit", "over by", box=None, pad_edge=False)
    for run, end in zip(found.runs, found.ends(now), strict=True):
        takes, lit = ("?" if value is None else human_time(value) for value in (run.seconds, run.lit_s))
        rows.add_row(run.wanted.label, run.wanted.procedure, run.wanted.bench, takes, lit, f"{end:%a %H:%M}")
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDE).print(rows)
    for problem in found.problems:
        typer.echo(f"{problem.level}: {problem}", err=True)
    if found.unknown:
        typer.echo(f"of {found.unknown} runs nobody knows yet how long they take", err=True)
    return 2 if any(problem.level == "error" for problem in found.problems) else 0


def _seconds(text: str) -> float | None:
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem
    from labctl.core.quantities import to_float

    try:
        return to_float(text, "s") if text else None
    except ValueError as exc:
        raise Refused([Problem("longest-lit", f"{exc}.")]) from None


def _contract(ended: Ended) -> dict[str, Any]:
    return {"status": ended.status, "reason": ended.reason, "items": [item.as_json() for item in ended.items],
            "problems": [problem.as_json() for problem in ended.problems]}


def _print(items: list[Item]) -> None:
    from rich.console import Console
    from rich.table import Table

    from labctl.core.words import human_time

    table = Table("item", "procedure", "bench", "settings", "sample", "status", "takes", "lit", "run", "", box=None, pad_edge=False)
    for item in items:
        settings = ", ".join(f"{name}={value}" for name, value in item.settings.items())
        status = "cut off" if item.abandoned else item.status
        takes, lit = ("?" if value is None else human_time(value) for value in (item.seconds, item.lit_s))
        table.add_row(str(item.id), item.procedure, item.bench, settings, str(item.options.get("sample", "")), status, takes, lit,
                      Path(item.run).name if item.run else "", item.message)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDE)      # a pipe has no width to fit into
    console.print(table if items else "the queue is empty")


def _clock(items: list[Item]) -> list[str]:
    """Say when everything will be over if it is run now."""
    from labctl.engine.queue import expected_end
    from labctl.store.waiting import RUNNING, WAITING

    if not any(item.status in (WAITING, RUNNING) for item in items):
        return []
    now = datetime.now().astimezone()
    end, unknown = expected_end(items, now)
    more = f", and {unknown} of unknown length" if unknown else ""
    return [f"run from now on, everything is over at {end.astimezone(now.tzinfo):%a %H:%M}{more}"]

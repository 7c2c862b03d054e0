"""`labctl run`: one procedure on one bench."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import asking, options

if TYPE_CHECKING:
    from labctl.api import Outcome
    from labctl.core.plan import Problem
    from labctl.engine.control import Control
    from labctl.engine.rehearsal import Forecast

EXIT_CODES = {"done": 0, "failed": 1, "refused": 2, "unsafe": 3, "aborted": 130}


def run(
    procedure: Annotated[str, typer.Argument(help="Name of the procedure; see 'labctl procedures'.")],
    bench: Annotated[str, typer.Option(help="Bench by name, or path of a bench file.")] = "ying2021",
    set_: options.Settings = None,
    out: Annotated[Path | None, typer.Option(help="Data root; default from the bench file.")] = None,
    seed: options.Seed = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="Run a simulated bench on the real clock, so much faster.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout, the rest on stderr.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes.")] = False,
    sample: Annotated[str, typer.Option(help="Name of the sample, for file name and file.")] = "",
    note: Annotated[str, typer.Option(help="A note stored with the run.")] = "",
    mount: options.Mount = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Rehearse: the same as 'labctl rehearse'.")] = False,
    no_auto_calibrate: Annotated[bool, typer.Option(help="Refuse instead of measuring a missing calibration first.")] = False,
    order: options.VisitOrder = "planned",
    reference_every: options.ReferenceEvery = 0,
    dark_every: options.DarkEvery = 0,
) -> None:
    """Run a procedure, write a run file and a figure, print the results.

    Exit codes: 0 done, 1 failed, 2 refused before the first move, 3 a park or safe action failed, 130 aborted.
    """
    def work(control: Control, say: Any) -> Outcome:
        return _run(procedure, bench, set_ or [], control, say, out=out, seed=seed, speed=speed, sample=sample, mount=mount,
                    note=note, dry_run=dry_run, auto_calibrate=not no_auto_calibrate, yes=yes,
                    arrangement=(order, reference_every, dark_every))

    _carry_out(work, json_, seed)


def rehearse(
    procedure: Annotated[str, typer.Argument(help="Name of the procedure; see 'labctl procedures'.")],
    bench: Annotated[str, typer.Option(help="Bench by name, or path of a bench file, real or simulated.")] = "ying2021",
    set_: options.Settings = None,
    out: Annotated[Path | None, typer.Option(help="Data root; default from the bench file. Rehearsals lie in rehearsals/ in it.")]
    = None,
    seed: options.Seed = None,
    json_: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout, the rest on stderr.")] = False,
    sample: Annotated[str, typer.Option(help="Sample; rehearsed as itself where the twin knows it.")] = "",
    mount: options.Mount = "",
    note: Annotated[str, typer.Option(help="A note stored with the rehearsal.")] = "",
    order: options.VisitOrder = "planned",
    reference_every: options.ReferenceEvery = 0,
    dark_every: options.DarkEvery = 0,
) -> None:
    """Run a plan on the bench's twin in virtual time: what it takes, what it shows, what is wrong with it. Opens nothing real.

    Exit codes as for run.
    """
    def work(control: Control, say: Any) -> Outcome:
        return _run(procedure, bench, set_ or [], control, say, out=out, seed=seed, speed=None, sample=sample, mount=mount,
                    note=note, dry_run=True, auto_calibrate=True, yes=True, arrangement=(order, reference_every, dark_every))

    _carry_out(work, json_, seed)


def _carry_out(work: Callable[[Control, Any], Outcome], json_: bool, seed: int | None) -> None:
    """Do the work under signal handlers, report it, and leave with the exit code of the contract."""
    from labctl.core.errors import LabctlError, Refused
    from labctl.core.plan import Problem
    from labctl.engine.signals import signals

    say = speaker()
    status, outcome, problems = "failed", None, []
    try:
        with signals() as control:
            outcome = work(control, say)
        status, problems = outcome.status, list(outcome.problems)
    except Refused as exc:
        status, problems = "refused", list(exc.problems)
    except LabctlError as exc:
        problems = [Problem("run", str(exc))]
    except KeyboardInterrupt:
        status, problems = "aborted", [Problem("run", "interrupted")]
    _report(status, outcome, problems, say)
    if json_:
        sys.stdout.write(json.dumps(_contract(status, outcome, problems, seed)) + "\n")
    raise typer.Exit(EXIT_CODES[status])


def _run(procedure: str, bench: str, settings: list[str], control: Control, say: Any, *, out: Path | None, seed: int | None,
         speed: float | None, sample: str, mount: str, note: str, dry_run: bool, auto_calibrate: bool, yes: bool,
         arrangement: tuple[str, int, int]) -> Outcome:
    from labctl import api
    from labctl.api.progress import ProgressBar
    from labctl.engine.events import Listeners
    from labctl.engine.runner import draw_seed

    (config, text, path), _ = _together(lambda: api.load_bench_file(bench),
                                        lambda: api.make_procedure(procedure, split_settings(settings)))
    made = api.make_procedure(procedure, split_settings(settings), config)
    seed = draw_seed() if seed is None else seed
    say(f"bench {config.name} ({config.backend}) from {path}")
    say(f"seed {seed}")
    order = api.Order(procedure, out or Path(config.data.root), seed=seed, sample=sample, mount=mount, note=note,
                      rehearsal=dry_run, arrangement=api.Arrangement(*arrangement))
    with (api.open_config(config, text, speed=None if dry_run else speed, rehearsal=dry_run, sample=sample,
                          operator=asking.operator(yes, say), announce=say) as opened,
          ProgressBar() as bar):
        return api.run(made, opened, order=order, listeners=Listeners(bar), control=control, auto_calibrate=auto_calibrate,
                       announce=bar.print)


def _together(*makers: Callable[[], Any]) -> list[Any]:
    """Make everything, or raise Refused with the problems of all."""
    from labctl.core.errors import Refused

    made, problems = [], []
    for make in makers:
        try:
            made.append(make())
        except Refused as exc:
            problems += exc.problems
    if problems:
        raise Refused(problems)
    return made


def resume(
    run_: Annotated[str, typer.Argument(metavar="RUN", help="A journal or run file, a run number, or the beginning of a run id.")],
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
    speed: Annotated[float | None, typer.Option(min=0.001, help="Run a simulated bench on the real clock, so much faster.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout, the rest on stderr.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes.")] = False,
) -> None:
    """Go on with an aborted, failed or interrupted run at its first missing point. Exit codes as for run."""
    def work(control: Control, say: Any) -> Outcome:
        from labctl import api
        from labctl.api.progress import ProgressBar
        from labctl.engine.events import Listeners

        with ProgressBar() as bar:
            return api.resume(run_, root=out, speed=speed, operator=asking.operator(yes, say), listeners=Listeners(bar),
                              control=control)

    _carry_out(work, json_, None)


def split_settings(texts: list[str]) -> dict[str, str]:
    """Split NAME=VALUE; raises Refused with every text that is not of that form."""
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem

    wrong = [text for text in texts if "=" not in text]
    if wrong:
        advice = "is not of the form name=value, e.g. step=0.5 or exposure='200 ms'."
        raise Refused([Problem("set", f"{text!r} {advice}") for text in wrong])
    return {name.strip(): value.strip() for name, _, value in (text.partition("=") for text in texts)}


def speaker() -> Any:
    """Give a function that writes a line to stderr, in a style."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return lambda text, style=None: console.print(text, style=style, markup=False)


def _report(status: str, outcome: Outcome | None, problems: list[Problem], say: Any) -> None:
    """Tell a person what came of it, on stderr."""
    for problem in problems:
        say(f"{problem.level}: {problem}", style="red" if problem.level == "error" else "yellow")
    if status == "refused":
        say("refused: nothing was moved, nothing was written.", style="bold red")
        return
    if outcome is None:
        return
    say(f"{status}: {outcome.points} points, {outcome.seconds:.0f} s on the bench's clock, seed {outcome.seed}",
        style="bold green" if status == "done" else "bold red")
    for name, result in outcome.results.items():
        say(f"  {name:<16} {result}")
    if outcome.forecast is not None:
        for line in _forecast(outcome.forecast):
            say(line)
    if outcome.run is not None:
        for line in _compared(outcome):
            say(line)
        say(f"run file  {outcome.run}")
    if outcome.figure is not None:
        say(f"figure    {outcome.figure}")
    if status == "unsafe":
        say("The bench may be lit, biased or unblocked. Look at it before going on.", style="bold red")


def _compared(outcome: Outcome) -> list[str]:
    """Say in a line each how the run compares with its estimate; nothing where the file cannot tell."""
    from labctl.core.errors import LabctlError
    from labctl.store.comparison import compared
    from labctl.store.run import load

    try:
        with load(outcome.run) as found:      # type: ignore[arg-type]  asked for only when there is one
            return [f"{each.what:<9} {each.texts[1]}, estimated {each.texts[0]} ({each.difference})"
                    for each in compared(found.header, found.end, outcome.points) if each.what != "points"]
    except (LabctlError, OSError, KeyError):
        return []


def _forecast(told: Forecast) -> list[str]:
    """Write what a rehearsal promises for the run."""
    from labctl.core.dose import summary
    from labctl.core.words import human_bytes, human_time

    peak = "no array was read" if told.peak is None else str(told.peak)
    saturated = f"; {told.saturated} points saturate" if told.saturated else ""
    return [f"bench time {human_time(told.seconds)}", f"light      {summary(told.light)}", f"brightest  {peak}{saturated}",
            f"file size  {human_bytes(told.bytes)}"]


def _contract(status: str, outcome: Outcome | None, problems: list[Problem], seed: int | None) -> dict[str, Any]:
    """Give the JSON object other programs rely on, also when nothing was run."""
    if outcome is not None:
        return outcome.as_json()
    return {"run": None, "run_id": None, "status": status, "points": 0, "seed": seed, "results": {},
            "problems": [problem.as_json() for problem in problems]}

"""`labctl`: the command line. Commands import what they need when they are called, so that help is quick."""

from __future__ import annotations

import sys

import typer

from labctl.cli import (
    bench,
    dose,
    emulate,
    ensemble,
    export,
    fit,
    gui,
    new_procedure,
    note,
    procedures,
    queue,
    recover,
    reproduce,
    run,
    runs,
    serve,
    show,
    verify,
    wirelog,
)

app = typer.Typer(
    name="labctl", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Run the experiments of an ultrafast photoluminescence bench, real or simulated. Software is not an interlock.",
)
app.command("run")(run.run)
app.command("rehearse")(run.rehearse)
app.command("resume")(run.resume)
app.command("dose")(dose.dose)
app.command("procedures")(procedures.procedures)
app.command("new-procedure")(new_procedure.new_procedure)
app.command("show")(show.show)
app.command("runs")(runs.runs)
app.command("note")(note.note)
app.command("export")(export.export)
app.command("fit")(fit.fit)
app.command("ensemble")(ensemble.ensemble)
app.command("reproduce")(reproduce.reproduce)
app.command("verify")(verify.verify)
app.command("recover")(recover.recover)
app.command("serve")(serve.serve)
app.command("gui")(gui.gui)
app.command("emulate")(emulate.emulate)
app.add_typer(bench.app, name="bench")
app.add_typer(queue.app, name="queue")
app.add_typer(wirelog.app, name="wirelog")


@app.callback(invoke_without_command=True)
def version(show_version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """Print the version when asked."""
    if show_version:
        from importlib.metadata import version as installed

        typer.echo(f"labctl {installed('labctl')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; problems a person can act on are printed, not traced."""
    from labctl.core.errors import LabctlError, Refused

    try:
        app()
    except Refused as exc:
        for problem in exc.problems:
            typer.echo(f"{problem.level}: {problem}", err=True)
        sys.exit(2)
    except LabctlError as exc:
        typer.echo(f"error: {exc}", err=True)
        sys.exit(1)
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        typer.echo(f"error: {where}{exc.strerror or exc}. So says the system. Finished runs are never written again.", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("aborted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()

"""`labctl bench`: list benches, check one, make one safe, shut one down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import asking

if TYPE_CHECKING:
    from labctl.core.plan import Problem

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, check, make safe and shut down benches.")
BenchName = Annotated[str, typer.Argument(help="Bench by name, or path of a bench file.")]


@app.command("list")
def list_benches() -> None:
    """List the benches that --bench NAME finds, and where."""
    from labctl.bench.lookup import known_benches

    for name, path in sorted(known_benches().items()):
        typer.echo(f"{name:<20} {path}")


@app.command()
def check(bench: BenchName) -> None:
    """Open every instrument of a bench and print identity, state and limits. Nothing moves, no light comes out."""
    from rich.console import Console
    from rich.table import Table

    opened, problems = _open(bench)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with opened:
        table = Table("role", "identity", "state", box=None, pad_edge=False)
        for role, found in _snapshot(opened).items():
            state = ", ".join(f"{k} {_short(v)}" for k, v in found.get("settings", {}).items()) or found.get("error", "")
            table.add_row(role, found["identity"], state)
        console.print(table)
        console.print("\nquantities", style="bold")
        for name, axis in sorted(opened.axes.items()):
            console.print(f"  {name:<22} {_limits(opened, name, axis)}")
        for name, detector in sorted(opened.detectors.items()):
            console.print(f"  {name:<22} detector, {detector.bytes_per_point} bytes a point")
        _print_calibrations(opened, console)
    for problem in problems:
        console.print(f"error: {problem}", style="red", markup=False)
    raise typer.Exit(2 if problems else 0)


def _print_calibrations(bench: Any, console: Any) -> None:
    console.print("\ncalibrations", style="bold")
    for kind, calibration in bench.calibrations.items():
        text = "none valid"
        if calibration is not None:
            spans = [f"{name} {low:g} to {high:g}" for name, (low, high) in calibration.valid.items()]
            text = ", ".join([f"{max(calibration.age_days(), 0.0):.1f} days old", *spans])
        console.print(f"  {kind:<22} {text}")


def _limits(bench: Any, name: str, axis: Any) -> str:
    """Write the range of a quantity; what depends on the pump wavelength is given in the middle of the calibrated range."""
    from labctl.core.errors import AnalysisError

    at: dict[str, float] = {}
    if "pump.wavelength" in getattr(axis, "after", ()):
        calibration = bench.calibrations.get("power_calibration")
        low, high = calibration.valid["pump.wavelength"] if calibration else bench.reach("pump.wavelength", {})
        at = {"pump.wavelength": (low + high) / 2}
    try:
        low, high = bench.reach(name, at)
    except AnalysisError as exc:
        return f"[{axis.unit}]  {exc}"
    where = f" at {at['pump.wavelength']:g} nm" if at else ""
    return f"{low:.6g} to {high:.6g} {axis.unit}{where}"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the new bench; the file is NAME.toml.")],
    like: Annotated[str, typer.Option(help="Bench taken as a pattern: a name or a file.")] = "ying2021",
    port: Annotated[list[str] | None, typer.Option(help="Look on this port; repeat. Default: every port there is.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write this file instead of ./NAME.toml.")] = None,
) -> None:
    """Find out which instrument answers on which port, and write a bench file for them. Only questions are sent."""
    from labctl import api
    from labctl.bench import discovery
    from labctl.bench.config import parse
    from labctl.core.clock import RealClock
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem
    from labctl.store import state

    path = out or Path(f"{name}.toml")
    if path.exists():
        raise Refused([Problem("name", f"{path} exists already. Choose another name, or remove it.")])
    config, text, _ = api.load_bench_file(like)
    ports = [discovery.as_resource(each) for each in port] if port else discovery.present_ports(config.visa)
    typer.echo(f"asking on {len(ports)} ports: {', '.join(ports) or 'none'}", err=True)
    found = discovery.search(config, ports, RealClock(), state.folder() / "locks")
    written = discovery.write_bench(name, text, config, found)
    parse(written, str(path))
    try:
        path.write_text(written, encoding="utf-8")
    except OSError as exc:
        text = f"{path} cannot be written: {exc.strerror or exc}. Choose another file with --out."
        raise Refused([Problem("name", text)]) from None
    for role, identity in found.identities.items():
        typer.echo(f"{role:<16} {identity}")
    for resource, reason in found.reasons.items():
        typer.echo(f"{discovery.GAP:<16} {resource}: {reason}")
    typer.echo(f"{path} written; lines marked {discovery.GAP} need your attention. Then: labctl bench check {path}")


@app.command()
def safe(bench: BenchName) -> None:
    """Make a bench safe: shutter closed, pump blocked, bias zero, emission off; every instrument has to answer."""
    _level(bench, "safe")


@app.command()
def shutdown(bench: BenchName) -> None:
    """End the day: make safe, then heater off, camera warmed up, libraries closed."""
    _level(bench, "shutdown")


def _level(name: str, level: str) -> None:
    from labctl.store import unsafe

    opened, problems = _open(name)
    with opened:
        problems = [*problems, *opened.run_level(level)]
        for problem in problems:
            typer.echo(f"error: {problem}", err=True)
        if not problems:
            unsafe.clear(opened.name)
            typer.echo(f"{opened.name}: {'safe' if level == 'safe' else 'shut down'}; every instrument has answered.")
    raise typer.Exit(3 if problems else 0)


def _open(name: str) -> tuple[Any, list[Problem]]:
    """Open as much of a bench as answers."""
    from labctl import api
    from labctl.bench import opening
    from labctl.core.clock import RealClock, VirtualClock

    config, text, path = api.load_bench_file(name)
    typer.echo(f"bench {config.name} ({config.backend}) from {path}", err=True)
    clock: Any = VirtualClock() if config.simulated else RealClock()
    return opening.open_bench(config, text, clock, partial=True, operator=asking.operator(False, typer.echo)(clock))


def _snapshot(bench: Any) -> dict[str, Any]:
    from labctl.core.steps import drive

    return drive(bench.clock, bench.snapshot())

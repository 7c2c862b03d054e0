"""`labctl emulate`: serve emulated instruments of one bench to any program, until told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer


class _Stopped(Exception):
    """SIGTERM or Ctrl-C came."""


def _stop(number: int, frame: Any) -> NoReturn:
    raise _Stopped


def emulate(
    devices: Annotated[list[str] | None, typer.Argument(metavar="DEVICE...", help="What to serve; see --list.")] = None,
    bench: Annotated[str, typer.Option(help="Bench whose twin the instruments share: a name or a file.")] = "ying2021",
    pty: Annotated[Path | None, typer.Option(help="Make this path a link to the pseudo-terminal; a folder for several.")] = None,
    tcp: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Serve on a socket; port 0 picks a free one.")] = None,
    speed: Annotated[float, typer.Option(help="How many times faster than real time.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Seed of the twin; else the bench file's.")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List what can be served, and leave.")] = False,
) -> None:
    """Serve emulated instruments; prints one line `NAME<TAB>where` for each when it is ready."""
    from labctl.bench.emulation import SERVED

    if show_list:
        for name, served in SERVED.items():
            typer.echo(f"{name}\t{served.description}")
        return
    if not devices:
        raise typer.BadParameter("name at least one device; --list shows them")
    if (pty is None) == (tcp is None):
        raise typer.BadParameter("give either --pty PATH or --tcp HOST:PORT")
    if not speed > 0:
        raise typer.BadParameter("--speed has to be above 0")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        with ExitStack() as running:
            _serve(running, devices, bench, speed, seed, pty, None if tcp is None else _address(tcp, len(set(devices))))
            while True:
                threading.Event().wait(3600.0)
    except _Stopped:
        return


def _address(text: str, count: int) -> tuple[str, int]:
    """Read HOST:PORT; without a host it is this computer alone."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise typer.BadParameter(f"--tcp wants HOST:PORT, for example 127.0.0.1:0, not {text!r}")
    if count > 1 and int(port):
        raise typer.BadParameter("several devices cannot share a port; give port 0 to pick one for each")
    return host.strip("[]") or "127.0.0.1", int(port)


def _serve(running: ExitStack, devices: list[str], bench: str, speed: float, seed: int | None, pty: Path | None,
           address: tuple[str, int] | None) -> None:
    from labctl import api
    from labctl.bench import emulation
    from labctl.core.clock import RealClock
    from labctl.core.errors import ConfigError

    config, _, _ = api.load_bench_file(bench)
    if config.twin is None:
        raise ConfigError(f"bench {config.name} has no [twin] section, so nothing of it can be emulated")
    if seed is not None:
        config = config.model_copy(update={"twin": config.twin.model_copy(update={"seed": seed})})
    made = emulation.make_devices(config, devices, RealClock(speed))
    for name, device in made.items():
        if address is not None:
            server = running.enter_context(emulation.serve_tcp(device, *address))
            where = f"tcp:{server.host}:{server.port}"
        else:
            assert pty is not None   # noqa: S101  one of the two was given
            path = pty / name if len(made) > 1 else pty
            running.enter_context(emulation.serve_pty(device, path))
            where = f"pty:{path}"
        typer.echo(f"{name}\t{where}")

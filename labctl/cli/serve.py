"""`labctl serve`: the runs over HTTP, read-only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    folder: Annotated[Path, typer.Argument(help="Data folder.")] = Path("labctl_data"),
    host: Annotated[str, typer.Option(help="Address to listen on; another than loopback needs --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token: Annotated[str, typer.Option(envvar="LABCTL_TOKEN", help="What clients must send; required off loopback.")] = "",
) -> None:
    """Serve the runs below a folder to Tiled clients, read-only. Needs the extra labctl[server]."""
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem

    if host not in LOOPBACK and not token:
        text = f"{host} can be reached from other computers; give a --token (or LABCTL_TOKEN) that clients must send."
        raise Refused([Problem("token", text)])
    from labctl.store.server import run_server

    run_server(folder, host, port, token, announce=typer.echo)

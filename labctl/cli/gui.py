"""`labctl gui`: the window at the bench."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

FIRST = "ple"            # what a newcomer sees first; later the window shows what was chosen last
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")       # any of which tells Qt where to draw
SPEED = 10.0             # of simulated benches, so that a person sees what happens


def gui(
    bench: Annotated[str, typer.Option(help="Bench by name, or path of a bench file.")] = "ying2021",
    speed: Annotated[float | None, typer.Option(min=0.0, help="Simulated benches: so much faster than life; 0 as fast as it goes. "
                                                "Default: 10.")] = None,
    procedure: Annotated[str, typer.Option(help="Show the form of this procedure. Default: the last one.")] = "",
    theme: Annotated[str, typer.Option(help="dark, light, or red (lights red sub-pixels only). Default: the last one.")] = "",
    out: Annotated[Path | None, typer.Option(help="Data root; default from the bench file.")] = None,
    run: Annotated[Path | None, typer.Option(help="Show this run file.")] = None,
    tab: Annotated[str, typer.Option(help="Bring this tab to the front, by its title.")] = "",
    screenshot: Annotated[Path | None, typer.Option(help="Draw the window into this PNG file and leave; needs no display.")] = None,
    size: Annotated[str, typer.Option(help="Width and height of the screenshot in pixels.")] = "1920x1080",
) -> None:
    """Open the window. Without a bench of your own it shows a simulated one, everything working."""
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem

    try:
        from labctl.gui import app
        from labctl.gui.theme import THEMES
    except ImportError as exc:
        missing = exc.name or str(exc)
        text = (f"the window's packages are not installed ({missing}). In a checkout 'make gui' installs them and opens it; "
                "elsewhere: pip install 'labctl[gui]'.")
        raise Refused([Problem("gui", text)]) from None
    if theme and theme not in THEMES:
        raise Refused([Problem("theme", f"there is no theme {theme!r}; there are {', '.join(THEMES)}.")])
    if sys.platform == "linux" and screenshot is None and not any(map(os.environ.get, DISPLAYS)):
        text = ("there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set). Over ssh, 'ssh -X' brings one; without "
                "it the command line does everything: 'labctl run', 'labctl queue', 'labctl show'.")
        raise Refused([Problem("gui", text)])
    if screenshot is not None:
        app.screenshot(screenshot, bench, theme=theme, root=out, run=run, tab=tab, size=_size(size),
                       procedure=procedure or FIRST)
        typer.echo(screenshot)
        return
    raise typer.Exit(app.show(bench, speed=SPEED if speed is None else speed or None, theme=theme, root=out, run=run, tab=tab,
                             procedure=procedure, first=FIRST))


def _size(text: str) -> tuple[int, int]:
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem

    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise Refused([Problem("size", f"{text!r} is no size; write 1920x1080.")])
    return int(width), int(height)

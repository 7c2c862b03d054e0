"""Options that several commands share: whoever lines a run up, rehearses or runs it says the same things about it."""

from __future__ import annotations

from typing import Annotated

import typer

Settings = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE[ UNIT]", help="Set a parameter; repeat.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of all randomness; default: drawn, printed, stored.")]
Mount = Annotated[str, typer.Option(help="Mounting of the sample; default: what its file says.")]
VisitOrder = Annotated[str, typer.Option(help="planned, down, up-down, random (by the seed) or interleaved.")]
ReferenceEvery = Annotated[int, typer.Option(help="Revisit the reference point after so many scan points.")]
DarkEvery = Annotated[int, typer.Option(help="Take a dark frame after so many scan points.")]

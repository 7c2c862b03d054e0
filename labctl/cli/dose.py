"""`labctl dose`: how much light the spots of a sample have had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import options

if TYPE_CHECKING:
    from labctl.bench.samples import SampleFile
    from labctl.core.dose import Light, Spot
    from labctl.store.ledger import Ledger

WIDE = 160


def dose(
    bench: Annotated[str, typer.Argument(help="Bench by name, or path of its file; without one, all light on real benches.")] = "",
    sample: Annotated[str, typer.Option(help="Sample by name or path; default: a simulated bench's own, 'unknown' of a real one.")]
    = "",
    mount: options.Mount = "",
    new_spot: Annotated[bool, typer.Option("--new-spot", help="You have moved to a spot that has had no light: count from nought.")]
    = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
) -> None:
    """Show the dose ledger: light of every kind on every spot, and what the sample's file allows."""
    from labctl.bench.samples import read_sample
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem
    from labctl.store.ledger import REAL, open_ledger

    if new_spot and not bench:
        raise Refused([Problem("new-spot", "name the bench on which the sample is: labctl dose BENCH --new-spot.")])
    with open_ledger() as ledger:
        world, usual = REAL, ""
        if bench:
            world, usual = _bench(bench, ledger)
        if not bench and not sample:
            _tell({spot: (light, None) for spot, light in ledger.places().items()}, json_)
            return
        told = read_sample(sample or usual)
        where = mount or told.mount
        if new_spot:
            typer.echo(f"spot {ledger.new_spot(told.name, where)} of {told.name}: no light has fallen on it.", err=json_)
        _tell({spot: (light, told) for spot, light in ledger.places(sample=told.name, mount=where, world=world).items()}, json_,
              present=ledger.number(told.name, where))


def _bench(name: str, ledger: Ledger) -> tuple[str, str]:
    """Give the world whose light a bench counts, and the sample that its file names."""
    from labctl import api
    from labctl.bench.samples import held
    from labctl.store.ledger import REAL

    config, _, _ = api.load_bench_file(name)
    sample = held(config)
    if not config.simulated:
        return REAL, sample
    typer.echo(f"{config.name} is simulated: each opening of it has a fresh sample; this is the last one.", err=True)
    return ledger.last_world(config.name) or "none", sample


def _tell(found: dict[Spot, tuple[Light, SampleFile | None]], json_: bool, present: int = 0) -> None:
    if json_:
        typer.echo(json.dumps([{"spot": spot.as_json(), "light": light.as_json(),
                                "budget": told.budget.as_json() if told is not None else None}
                               for spot, (light, told) in found.items()]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("sample", "mount", "spot", "x (mm)", "y (mm)", "dose", "pulses", "lit", "peak fluence", box=None, pad_edge=False)
    for spot, (light, told) in found.items():
        x, y = ("" if value is None else f"{value:.4f}" for value in (spot.x_mm, spot.y_mm))
        number = f"{spot.number}{', present' if spot.number == present else ''}"
        table.add_row(spot.sample, spot.mount, number, x, y, *_amounts(light, told))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDE)      # a pipe has no width to fit into
    console.print(table if found else "No light has been counted there.")


def _amounts(light: Light, told: SampleFile | None) -> list[Any]:
    """Write each amount, with what is allowed behind it."""
    from labctl.core.dose import PARTS, written

    texts = []
    for name in PARTS:
        limit = None if told is None else getattr(told.budget, name)
        least = "≥ " if name == "dose_j_cm2" and light.unknown_s else ""
        text = f"{least}{written(name, getattr(light, name))}" + ("" if limit is None else f" of {written(name, limit)}")
        texts.append(text.replace(" pulses", ""))
    return texts

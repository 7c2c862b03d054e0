"""`labctl procedures`: what can be run, and with which parameters."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def procedures(
    name: Annotated[str | None, typer.Argument(help="Show the parameters of this procedure.")] = None,
    bench: Annotated[str | None, typer.Option(help="Show the defaults that this bench, by name or path, has of its own.")] = None,
) -> None:
    """List the procedures, or show one with its parameters, units, defaults and limits."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from labctl.core import registry

    console = Console(markup=False)
    if name is None:
        listed = Table(box=None, pad_edge=False, show_header=False)
        listed.add_column(style="bold", no_wrap=True)
        for known in sorted(registry.points("procedure")):
            listed.add_row(known, _first_line(registry.find("procedure", known)))
        for known, path in sorted(registry.local_procedures().items()):
            listed.add_row(known, f"{path}")
        console.print(listed, highlight=False)
        return
    cls = registry.find("procedure", name)
    own = _own_defaults(name, bench)
    console.print(Text.assemble((name, "bold"), f": {_first_line(cls)}"))
    table = Table("parameter", "meaning", "default", "unit", "limits", box=None, pad_edge=False)
    for parameter, declared in cls.declarations().items():
        low, high = getattr(declared, "minimum", None), getattr(declared, "maximum", None)
        choices = getattr(declared, "choices", None)
        limits = ", ".join(choices) if choices else "" if low is None else f"{low:g} to {high:g}"
        default = f"{own.get(parameter, declared.default)}"
        table.add_row(parameter, declared.name, default, getattr(declared, "units", None) or "", limits)
    console.print(table)
    console.print(f"\nExample: labctl run {name} --set {next(iter(cls.declarations()))}=...", highlight=False)


def _own_defaults(name: str, bench: str | None) -> dict[str, Any]:
    """Give the parameters whose default the bench file sets, as the procedure understands them."""
    if bench is None:
        return {}
    from labctl import api

    config, _, _ = api.load_bench_file(bench)
    made = api.make_procedure(name, {}, config)
    return {parameter: getattr(made, parameter) for parameter in config.procedures.get(name, {})}


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0] if cls.__doc__ else ""

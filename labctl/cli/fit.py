"""`labctl fit`: a model fitted to a run, or to numbers of any other program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from labctl.analysis.columns import Curve
    from labctl.analysis.models import Fitted


WIDE = 240


def fit(
    source: Annotated[str, typer.Argument(help="A path (run file, text, or another program's file), a run number, or a run id.")],
    model: Annotated[str, typer.Option(help="threshold, malus, decay, gain, modes, lineshape or occupancy.")],
    x: Annotated[str, typer.Option(help="Column of the abscissa, by name or number; else found out.")] = "",
    y: Annotated[str, typer.Option(help="Column to fit, by name or number; else every one that looks like a signal.")] = "",
    x_unit: Annotated[str, typer.Option(help="Unit of the abscissa where the file states none, e.g. um, ns, eV, 'uJ/cm2'.")] = "",
    sigma: Annotated[str, typer.Option(help="Column of the standard errors, by name or number.")] = "",
    start: Annotated[float | None, typer.Option(help="Fit from here on, in the unit of the abscissa.")] = None,
    stop: Annotated[float | None, typer.Option(help="Fit up to here.")] = None,
    components: Annotated[int | None, typer.Option(min=1, max=6, help="Exponentials or lines; else as many as needed.")] = None,
    segments: Annotated[int | None, typer.Option(min=1, max=3, help="Segments of the power law; else as many as needed.")] = None,
    irf: Annotated[Path | None, typer.Option(help="File with the instrument response of a decay.")] = None,
    period: Annotated[float | None, typer.Option(help="Period of the excitation, in the unit of the time axis.")] = None,
    pump_nm: Annotated[float | None, typer.Option(help="Wavelength of the pump in nm (occupancy).")] = None,
    instrument_nm: Annotated[float, typer.Option(help="FWHM of the instrument in nm (modes).")] = 0.0,
    medium: Annotated[str, typer.Option(help="Medium of a wavelength axis that does not say: air or vacuum.")] = "air",
    band: Annotated[str, typer.Option(help="Of a run: integrate the spectra over this band, e.g. 520:535 (nm, vacuum).")] = "",
    point: Annotated[int | None, typer.Option(min=0, help="Of a run: the spectrum or histogram of this point.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Where to save the figure; default: beside the data.")] = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Save none.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")] = False,
    out: Annotated[Path, typer.Option(help="Data root to look in.")] = Path("labctl_data"),
) -> None:
    """Fit a model and print values, errors, estimator and goodness; save a figure with the residuals."""
    from labctl.analysis.fit import fit_columns
    from labctl.analysis.models import Options
    from labctl.store.find import find_run
    from labctl.store.fits import numbers_of

    _insist(model, medium)
    path = Path(source) if Path(source).exists() else find_run(source, out)
    numbers = numbers_of(path, model, point=point, band_nm=_band(band))
    options = Options(components, segments, start, stop, period, _response(irf), pump_nm or numbers.pump_nm, instrument_nm,
                      numbers.medium or medium)
    fits, refused = fit_columns(numbers.columns, model, options, x=x, y=y, sigma=sigma, x_unit=x_unit)
    drawn = None if no_figure or not fits else _save(fits, model, path, figure)
    if json_:
        typer.echo(json.dumps(_plain(path, model, fits, refused, drawn)))
    else:
        _print(fits, refused, drawn)
    if not fits:
        raise typer.Exit(1)


def _insist(model: str, medium: str) -> None:
    from labctl.analysis.fit import MODELS
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem
    from labctl.core.suggest import suggestion

    if model not in MODELS:
        raise Refused([Problem("model", f"there is no model {model!r}. {suggestion(model, MODELS)}")])
    if medium not in ("air", "vacuum"):
        raise Refused([Problem("medium", f"{medium!r} is neither air nor vacuum.")])


def _band(text: str) -> tuple[float, float] | None:
    from labctl.core.errors import Refused
    from labctl.core.plan import Problem

    if not text:
        return None
    try:
        low, high = sorted(float(word) for word in text.replace("-", ":").split(":"))
    except ValueError:
        raise Refused([Problem("band", f"{text!r} is no band; write it as 520:535.")]) from None
    return low, high


def _response(path: Path | None) -> Curve | None:
    """Give time and counts of a response."""
    if path is None:
        return None
    from labctl.analysis.columns import IRF_WORDS, curves
    from labctl.store.fits import numbers_of

    columns = numbers_of(path, "decay").columns
    named = [column for column in columns if IRF_WORDS.search(column.name)]
    return curves(columns, ("time",), y=named[0].name if named else "")[0]


def _save(fits: dict[str, Fitted], model: str, path: Path, wanted: Path | None) -> str | None:
    """Save the figure under a name that is free; where the folder of the data cannot be written, in the current one."""
    from labctl.analysis.fit_figure import fit_figure
    from labctl.core.errors import StoreError

    made = fit_figure(fits, f"{path.name}: {model}")
    if wanted is not None:
        if wanted.exists():
            raise StoreError(f"{wanted} exists already and is never overwritten. Give another name with --figure.")
        made.savefig(wanted)
        return str(wanted)
    for folder in (path.parent, Path.cwd()):
        names = (folder / f"{path.stem}_{model}{'' if number == 1 else f'_{number}'}.png" for number in range(1, 10_000))
        target = next(name for name in names if not name.exists())
        try:
            made.savefig(target)
        except OSError:
            continue
        return str(target.resolve())
    typer.echo("The figure could not be saved: neither the folder of the data nor the current one can be written.", err=True)
    return None


def _plain(path: Path, model: str, fits: dict[str, Fitted], refused: dict[str, str], drawn: str | None) -> dict[str, Any]:
    """Give the object of `--json`; `results` are those of the only curve, or of all with the curve's name before them."""
    per_curve = {name: {key: one.as_json() for key, one in fitted.results.items()} for name, fitted in fits.items()}
    joined = next(iter(per_curve.values())) if len(per_curve) == 1 else {
        f"{name}/{key}": value for name, results in per_curve.items() for key, value in results.items()}
    problems = [{"field": name, "level": "warning", "point": None, "text": text}
                for name, fitted in fits.items() for text in fitted.problems]
    problems += [{"field": name, "level": "error", "point": None, "text": text} for name, text in refused.items()]
    return {"file": str(path.resolve()), "model": model, "status": "done" if fits else "refused", "results": joined,
            "curves": per_curve, "problems": problems, "figure": drawn}


def _print(fits: dict[str, Fitted], refused: dict[str, str], drawn: str | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDE)      # a pipe has no width to fit into
    for name, fitted in fits.items():
        table = Table("result", "value", "stat", "cal", "unit", "χ²", "95 %", "estimator", "note", box=None, pad_edge=False,
                      title=name, title_justify="left")
        for key, one in fitted.results.items():
            interval = "" if one.interval is None else f"{one.interval[0]:.5g} to {one.interval[1]:.5g}"
            table.add_row(key, f"{one.value:.6g}", _number(one.stderr), _number(one.systematic), one.unit, _number(one.goodness, 3),
                          interval, one.estimator, one.note)
        console.print(table)
        for problem in fitted.problems:
            console.print(f"  note: {problem}", markup=False)
    for name, reason in refused.items():
        typer.echo(f"no result for {name}: {reason}", err=True)
    if drawn is not None:
        console.print(f"figure: {drawn}", markup=False)


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}g}"

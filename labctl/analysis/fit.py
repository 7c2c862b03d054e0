"""Fit a model to columns of any origin: which abscissa each model needs, and what is asked of every curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labctl.analysis.columns import PUMPED, Column, Curve, NoAbscissa, curves, listed
from labctl.analysis.models import Fitted, Options, fit_gain, fit_malus, fit_occupancy, fit_threshold, limited
from labctl.analysis.models_decay import fit_decays
from labctl.analysis.models_lineshape import fit_lineshape
from labctl.analysis.models_spectrum import fit_modes
from labctl.core.errors import AnalysisError

SPECTRAL = ("wavelength", "energy")


@dataclass(frozen=True)
class Model:
    """What a model does, the kinds of abscissa it takes, and its function."""

    does: str
    kinds: tuple[str, ...]
    fit: Callable[[Curve, Options], Fitted]
    whole: bool = False          # the limits are the model's own: it needs the data on both sides of them


MODELS: Mapping[str, Model] = {
    "threshold": Model("three estimators of a threshold, slopes per segment", PUMPED, fit_threshold),
    "malus": Model("degree and axis of polarisation", ("angle",), fit_malus),
    "decay": Model("1 to 3 lifetimes, with an instrument response or from the tail", ("time",), fit_decays, whole=True),
    "gain": Model("gain by the variable stripe length", ("length",), fit_gain),
    "modes": Model("lasing lines, their distance and quality", SPECTRAL, fit_modes),
    "lineshape": Model("centre and width of emission lines", SPECTRAL, fit_lineshape),
    "occupancy": Model("absorption cross-section from 1 - P0", ("fluence", "photon fluence"), fit_occupancy),
}


def fit_columns(columns: Sequence[Column], model: str, options: Options, *, x: str = "", y: str = "", sigma: str = "",
                x_unit: str = "") -> tuple[dict[str, Fitted], dict[str, str]]:
    """Fit every ordinate of a table; gives the fits by the name of the curve, and the reason of each that was refused.

    Raises AnalysisError when the columns do not tell what is what, when they are data of another model, or when there is no such
    model.
    """
    if model not in MODELS:
        raise AnalysisError(f"There is no model {model!r}. The models are {', '.join(MODELS)}.")
    chosen = MODELS[model]
    fits: dict[str, Fitted] = {}
    refused: dict[str, str] = {}
    try:
        found = curves(columns, chosen.kinds, x=x, y=y, sigma=sigma, x_unit=x_unit)
    except NoAbscissa as exc:
        raise AnalysisError(f"{model} ({chosen.does}): {exc} {_instead(exc.column)}") from None
    for number, curve in enumerate(found, 1):
        name = curve.y.title or f"curve {number}"
        name = f"{name} ({number})" if name in fits or name in refused else name
        cut = limited(curve, Options() if chosen.whole else options)
        try:
            if len(cut.x.values) < 3:
                raise AnalysisError(f"{len(cut.x.values)} points are left between the limits.")
            fits[name] = chosen.fit(cut, options)
        except (AnalysisError, np.linalg.LinAlgError) as exc:
            refused[name] = str(exc)
    return fits, refused


def _instead(axis: Column | None) -> str:
    """Say which models fit data against a column, and what to do when it is not what it seems."""
    suited = [name for name, model in MODELS.items() if axis is not None and axis.told() & set(model.kinds)]
    remedy = "Say which column it is with --x, and its unit with --x-unit."
    if axis is None or not suited:
        return remedy
    return f"Against {listed([axis]).removeprefix('1 ')} there is --model {' or '.join(suited)}. If the heading is wrong: {remedy}"

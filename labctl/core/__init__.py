"""The vocabulary of labctl. Names are loaded when first used: pymeasure.experiment alone costs half a second."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labctl.core.calibration import Calibration
    from labctl.core.errors import AnalysisError, Refused
    from labctl.core.plan import Bounds, Point, Problem, Reading, Result
    from labctl.core.plots import Curve, HeatMap, Histogram, Image, Map, Polar, Spectrum, Trace
    from labctl.core.procedure import AdaptiveSteps, PlanSteps, Procedure, another_run, choice, count, numbers, quantity, switch
    from labctl.core.quality import Policy
    from labctl.core.reduction import CurveData, Reduction, RunView

_WHERE = {
    "Calibration": "calibration", "AnalysisError": "errors", "Refused": "errors",
    **dict.fromkeys(("Bounds", "Point", "Problem", "Reading", "Result"), "plan"),
    **dict.fromkeys(("Curve", "HeatMap", "Histogram", "Image", "Map", "Polar", "Spectrum", "Trace"), "plots"),
    **dict.fromkeys(("AdaptiveSteps", "PlanSteps", "Procedure", "another_run", "choice", "count", "numbers", "quantity", "switch"),
                    "procedure"),
    "Policy": "quality",
    **dict.fromkeys(("CurveData", "Reduction", "RunView"), "reduction"),
}

__all__ = [  # noqa: RUF022  grouped by module
    "Calibration", "AnalysisError", "Refused", "Bounds", "Point", "Problem", "Reading", "Result",
    "Curve", "HeatMap", "Histogram", "Image", "Map", "Polar", "Spectrum", "Trace",
    "AdaptiveSteps", "PlanSteps", "Procedure", "another_run", "choice", "count", "numbers", "quantity", "switch", "Policy",
    "CurveData", "Reduction", "RunView",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"labctl.core.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'labctl.core' has no attribute {name!r}")

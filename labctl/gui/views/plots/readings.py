"""What is written below a spectrum: width, how full the detector was, and whether the background fits."""

from __future__ import annotations

import numpy as np

from labctl.core.errors import LabctlError
from labctl.gui.model.measured import Measured
from labctl.gui.model.scales import EV, NM, Scale
from labctl.gui.views.plots.axes import number, whole
from labctl.gui.views.plots.rows import Value

NEAR_FULL = 0.85            # of full well, from which a frame is warned of
MINUTES_FROM_S = 120.0
SAME = 1e-3                 # relative difference of a condition that does not count
# What a background has to have in common with the frame.
CONDITIONS = {"exposure": "exposure_s", "gain": "gain_e_per_count", "read noise": "read_noise_e", "grating": "spectrograph.grating",
              "centre wavelength": "emission.centre", "sample temperature": "sample.temperature"}


def width_text(scale: Scale | None, centre: float, fwhm: float, unit: str = "") -> str:
    """Write a width on a scale in nm and in meV; without a scale as the number it is, in its unit."""
    if scale is None:
        return f"{number(fwhm)} {unit}".rstrip()
    ends = scale.to_nm(np.array([centre - fwhm / 2, centre + fwhm / 2]))
    nm, ev = (abs(float(np.diff(each.from_nm(ends))[0])) for each in (NM, EV))
    return f"{number(nm, 3)} nm ({number(1e3 * ev, 3)} meV)" if np.isfinite(nm) else "–"


def maximum(highest: float, limit: float) -> Value:
    """Say how high the highest pixel is, and which share of the limit that is; NaN where nobody knows the limit."""
    if not np.isfinite(limit):
        return "Maximum", f"{whole(highest)} counts", ""
    share = highest / limit
    role = "fault" if share >= 1.0 else "warning" if share > NEAR_FULL else "ok"
    glyph = {"fault": "■ saturated · ", "warning": "▲ "}.get(role, "")
    return "Maximum", f"{glyph}{whole(highest)} · {share:.0%} of full well", role


def background(measured: Measured, row: int, *, found: bool) -> Value:
    """Say how old the background of a row is, what it was taken under that is not so any more, or why there is none."""
    if not found:
        return "Background", "▲ none of this exposure: counts as they came", "warning"
    taken, now = measured.dark_taken_s(), measured.column("elapsed_s")
    age = float(now[row]) - taken if taken is not None and now is not None else float("nan")
    words = f"{age:.0f} s old" if age < MINUTES_FROM_S else f"{age / 60:.0f} min old"
    others = differing(measured, row)
    return ("Background", f"▲ of another {' and '.join(others)} · {words}", "off") if others else ("Background", words, "")


def differing(measured: Measured, row: int) -> list[str]:
    """Name the conditions under which the last dark frame was taken that are not those of a row."""
    try:
        dark = measured.view.select("dark")
    except LabctlError:
        return []
    differ = []
    for words, name in CONDITIONS.items():
        now = measured.column(name)
        try:
            then = dark[name]
        except (KeyError, LabctlError):
            continue
        if now is not None and len(then) and not np.isclose(then, now[row], rtol=SAME).any():
            differ.append(words)
    return differ

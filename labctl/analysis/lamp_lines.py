"""Lamp lines on a spectrum: which is which, where each falls, and the geometry of the spectrograph that puts them there.

Every visit of a centre has an error of its own, as drives come back to a wavelength only so well. It is a free number of each
visit; their mean is the offset of the display, their scatter what any later spectrum is uncertain by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labctl.analysis.fitting import nonlinear_fit, quantile
from labctl.analysis.lines import gaussian_line
from labctl.analysis.spectrograph import Geometry, places_mm
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

MERCURY = (404.6565, 407.7837, 434.7506, 435.8335, 546.0750, 576.9610, 579.0670)
"""Hg I in air, nm: C. J. Sansonetti, M. L. Salit and J. Reader, Appl. Opt. 35, 74 (1996), for pencil lamps."""

NEON = (533.07775, 534.10932, 540.05618, 585.24879, 588.18952, 594.48342, 597.46273, 597.55340, 602.99969, 607.43377, 609.61631,
        614.30626, 616.35939, 621.72812, 626.64950, 630.47889, 633.44278, 638.29917, 640.22480, 650.65281, 653.28822, 659.89529,
        667.82762, 671.70430, 692.94673, 703.24131)
"""Ne I in air, nm: E. B. Saloman and C. J. Sansonetti, J. Phys. Chem. Ref. Data 33, 1113 (2004), as in the NIST tables."""

LINES = tuple(sorted((*MERCURY, *NEON)))
APART = 4.0                 # instrument widths to the next line: nearer ones would pull each other
SEARCH_NM = 1.5             # how far the display may be off
STEP_NM = 0.02              # of that search
NEAR = 2.0                  # instrument widths to either side in which a line is fitted
EDGE = 3.0                  # instrument widths that a line keeps from the edge of the chip
TABLE_NM = 5e-4             # trusted of tables, and of a lamp that is warm
FEWEST_LINES, FEWEST_VISITS = 5, 3


@dataclass(frozen=True)
class Found:
    """A line where it fell: its wavelength by the tables (air, nm), place on the chip, standard error and FWHM in mm."""

    air_nm: float
    place_mm: float
    stderr_mm: float
    fwhm_mm: float


@dataclass(frozen=True)
class Visit:
    """A centre that was visited: what the drive displayed, and the lines found there."""

    displayed_nm: float
    lines: tuple[Found, ...]


def find_lines(displayed_nm: float, signal: np.ndarray, sigma: np.ndarray, nominal: Geometry, pixel_um: float,
               fwhm_nm: float) -> Visit:
    """Find the lines of the lamp in a spectrum (columns,) whose wavelengths are known within 1.5 nm.

    All lines together tell the common shift, then each is fitted by a Gaussian. Lines that stand too near to another or to the
    edge, or do not stand out, are left out; a visit may end without any.
    """
    axis = nominal.columns(displayed_nm, len(signal), pixel_um)
    inside = [line for line in LINES if axis[0] + EDGE * fwhm_nm < line < axis[-1] - EDGE * fwhm_nm]
    shift = _common_shift(axis, signal, inside) if inside else 0.0
    place, found = places_mm(len(signal), pixel_um), []
    for line in inside:
        if min((abs(line - other) for other in LINES if other != line), default=np.inf) < APART * fwhm_nm:
            continue
        try:
            fit = gaussian_line(axis, signal, sigma, near_nm=line + shift, half_range_nm=NEAR * fwhm_nm)
        except AnalysisError:
            continue
        mm_per_nm = 1.0 / nominal.dispersion_nm_mm(displayed_nm)
        found.append(Found(line, float(np.interp(fit.centre_nm.value, axis, place)), float(fit.centre_nm.stderr or 0.0) * mm_per_nm,
                           fit.read_fwhm_nm * mm_per_nm))
    return Visit(displayed_nm, tuple(found))


def _common_shift(axis: np.ndarray, signal: np.ndarray, lines: Sequence[float]) -> float:
    """Give the shift at which the lines meet most light; the root keeps one bright line from deciding alone."""
    light = np.sqrt(np.clip(signal - np.median(signal), 0.0, None))
    shifts = np.arange(-SEARCH_NM, SEARCH_NM + STEP_NM / 2, STEP_NM)
    met = [float(np.interp(np.asarray(lines) + shift, axis, light).sum()) for shift in shifts]
    return float(shifts[int(np.argmax(met))])


@dataclass(frozen=True)
class Fitted:
    """The geometry of one grating, with errors; `repeatability` (nm) is the scatter of the visits, `fwhm_um` a line on the chip.

    `line_nm`, `residual_nm`, `error_nm`: of every line, in the order of the visits; `before_nm` how far the nominal geometry
    is off.
    """

    geometry: Geometry
    focal_length: Result
    half_angle: Result
    offset: Result
    repeatability: Result
    fwhm_um: float
    line_nm: np.ndarray
    residual_nm: np.ndarray
    error_nm: np.ndarray
    before_nm: np.ndarray


def fit_geometry(visits: Sequence[Visit], nominal: Geometry) -> Fitted:
    """Fit focal length, half angle and offset to the lines of at least three visits.

    Raises AnalysisError with fewer than three visits or five different lines, or when they do not determine the constants.
    """
    used = [visit for visit in visits if visit.lines]
    lines = [(number, line) for number, visit in enumerate(used) for line in visit.lines]
    different = {line.air_nm for _, line in lines}
    if len({round(visit.displayed_nm, 1) for visit in used}) < FEWEST_VISITS or len(different) < FEWEST_LINES:
        raise AnalysisError(
            f"Grating of {nominal.lines_per_mm:g}/mm: {len(different)} lamp lines at {len({v.displayed_nm for v in used})} centres "
            f"were found; {FEWEST_LINES} lines at {FEWEST_VISITS} centres are needed. Is the lamp lit, warm and in place? Expose "
            "longer, or choose centres that have its lines.")
    number = np.array([visit for visit, _ in lines])
    true, place = np.array([line.air_nm for _, line in lines]), np.array([line.place_mm for _, line in lines])
    displayed = np.array([visit.displayed_nm for visit in used])
    scale = np.array([nominal.dispersion_nm_mm(each) for each in displayed])[number]
    error = np.hypot(np.array([line.stderr_mm for _, line in lines]) * scale, TABLE_NM)

    def model(constants: np.ndarray) -> np.ndarray:
        shaped = replace(nominal, focal_length_mm=float(constants[0]), half_angle_deg=float(constants[1]))
        return np.concatenate([shaped.at(float(shown + off), place[number == visit])
                               for visit, (shown, off) in enumerate(zip(displayed, constants[2:], strict=True))])

    start = [nominal.focal_length_mm, nominal.half_angle_deg, *np.zeros(len(used))]
    fit = nonlinear_fit(model, start, true, error, what=f"The geometry with the grating of {nominal.lines_per_mm:g}/mm")
    offsets = fit.values[2:]
    spread = float(offsets.std(ddof=1))
    name, visits_word = "grating equation through the lamp lines", f"{len(lines)} lines at {len(used)} visits"
    mean, stderr = float(offsets.mean()), max(spread, float(fit.stderr[2:].mean())) / np.sqrt(len(used))
    reach = quantile(len(used) - 1) * stderr         # a few visits tell their scatter only roughly
    offset = Result(mean, stderr, "nm", name, note=visits_word, goodness=fit.goodness, interval=(mean - reach, mean + reach))
    found = replace(nominal, focal_length_mm=float(fit.values[0]), half_angle_deg=float(fit.values[1]), offset_nm=offset.value)
    return Fitted(
        found, Result(float(fit.values[0]), float(fit.stderr[0]), "mm", name, note=visits_word, goodness=fit.goodness),
        Result(float(fit.values[1]), float(fit.stderr[1]), "deg", name, note=visits_word, goodness=fit.goodness), offset,
        Result(spread, spread / np.sqrt(2.0 * (len(used) - 1)), "nm", "standard deviation of the offsets of the visits"),
        1e3 * float(np.median([line.fwhm_mm for _, line in lines])), true, model(fit.values) - true, error,
        np.concatenate([nominal.at(float(shown), place[number == visit]) for visit, shown in enumerate(displayed)]) - true)

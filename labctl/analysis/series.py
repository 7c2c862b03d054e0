"""A series of spectra against the pump: bands, widths, and the spectra that show one kind of emission at its cleanest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from scipy.ndimage import uniform_filter1d

from labctl.analysis.cosmic import without_spikes
from labctl.analysis.lines import half_maximum_width
from labctl.core.errors import AnalysisError
from labctl.core.plan import Problem, Result
from labctl.core.reduction import RunView

Found = TypeVar("Found")
FAINTEST = 10.0             # standard errors of the highest pixel, smoothed, below which there is no width to be read
CLEAR = 30.0                # standard errors of the highest pixel from which a spectrum's width needs no smoothing
SMOOTHED_NM = 0.5           # over which a fainter one is smoothed before its width is read
REFERENCE_DRIFT = 0.03      # relative change of the reference point worth a warning


@dataclass(frozen=True)
class Spectra:
    """Spectra against the pump: `pump` (points,), `wavelength` (pixels,) in nm vacuum, `signal`, `sigma` (points, pixels)."""

    pump: np.ndarray
    wavelength: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray

    def band(self, low_nm: float, high_nm: float) -> Spectra:
        """Give the part between two wavelengths; AnalysisError when no pixel lies there."""
        inside = (self.wavelength >= low_nm) & (self.wavelength <= high_nm)
        if not inside.any():
            raise AnalysisError(
                f"No pixel lies between {low_nm:.2f} and {high_nm:.2f} nm; the spectra cover {self.wavelength[0]:.2f} to "
                f"{self.wavelength[-1]:.2f} nm (vacuum). Move the spectrograph's centre or the band.")
        return Spectra(self.pump, self.wavelength[inside], self.signal[:, inside], self.sigma[:, inside])

    def emission(self, low_nm: float, high_nm: float, clear_nm: float) -> Spectra:
        """Give the part between two wavelengths; a lower one of 0 means from where the pump's band has ended, if it is in view."""
        in_view = self.wavelength[0] < clear_nm < self.wavelength[-1]
        return self.band(low_nm or (clear_nm if in_view else 0.0), high_nm)

    def where(self, chosen: np.ndarray) -> Spectra:
        """Give the chosen points (boolean mask or indices)."""
        return Spectra(self.pump[chosen], self.wavelength, self.signal[chosen], self.sigma[chosen])

    def integral(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the sum over the pixels of every spectrum and its standard error, (points,)."""
        return self.signal.sum(axis=1), np.sqrt((self.sigma**2).sum(axis=1))

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the sum of all spectra and its standard error, (pixels,)."""
        return self.signal.sum(axis=0), np.sqrt((self.sigma**2).sum(axis=0))


def spectra_of(run: RunView, pump: np.ndarray, usable: np.ndarray | None = None) -> tuple[Spectra, int]:
    """Take the spectra of a run, cosmic rays bridged; gives how many hits there were.

    `pump` is the measured abscissa (points,); `usable` leaves points out. A run whose bench states no instrument width is taken as
    one pixel wide.
    """
    wavelength, signal, sigma = run.wavelength("vacuum"), run.signal(), run.sigma()
    pixel = float(np.median(np.abs(np.diff(wavelength))))
    width = float(run.constants.get("detection.instrument_fwhm", pixel)) / pixel
    signal, hits = without_spikes(signal, sigma, width)
    keep = np.ones(len(pump), dtype=bool) if usable is None else usable
    return Spectra(pump[keep], wavelength, signal[keep], sigma[keep]), int(hits.sum())


def usable_points(run: RunView, remedy: str = "Expose more briefly and repeat.") -> np.ndarray:
    """Mark the points that are neither saturated nor bad, (points,); AnalysisError with the remedy where there is none."""
    usable = ~(run.flag("saturated") | run.flag("bad"))
    if not usable.any():
        raise AnalysisError(f"Every spectrum is flagged (saturated, or bad). {remedy}")
    return usable


def widths(spectra: Spectra, instrument_nm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Give the full width at half maximum of every whole spectrum in nm and its error; NaN where there is none to read.

    A faint spectrum is smoothed over half a nanometre first: its highest pixel would be noise. What is narrower than the instrument
    draws (FWHM) is no light of the sample but what a cosmic ray has left.
    """
    found = np.full((2, len(spectra.pump)), np.nan)
    pixel = float(np.median(np.diff(spectra.wavelength)))
    size = max(round(SMOOTHED_NM / pixel), 1)
    for index, (signal, sigma) in enumerate(zip(spectra.signal, spectra.sigma, strict=True)):
        if signal.max() < CLEAR * sigma[int(np.argmax(signal))]:
            signal, sigma = uniform_filter1d(signal, size), uniform_filter1d(sigma, size) / np.sqrt(size)
            if signal.max() < FAINTEST * sigma[int(np.argmax(signal))]:
                continue
        try:
            width = half_maximum_width(spectra.wavelength, signal, sigma)
        except AnalysisError:
            continue
        if width.value >= instrument_nm:
            found[:, index] = width.value, width.stderr
    return found[0], found[1]


@dataclass
class Findings:
    """Results gathered one by one: what an estimator refuses becomes a warning with its reason, not the end of the others."""

    results: dict[str, Result] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def attempt(self, name: str, estimate: Callable[[], Found]) -> Found | None:
        """Give what an estimator finds; None, and a warning under `name`, when it refuses. A Result is kept under `name`."""
        try:
            found = estimate()
        except AnalysisError as exc:
            self.problems.append(Problem(name, str(exc), "warning"))
            return None
        if isinstance(found, Result):
            self.results[name] = found
        return found

    def warn(self, name: str, text: str) -> None:
        """Add a warning."""
        self.problems.append(Problem(name, text, "warning"))


def reference_drift(value: np.ndarray, sigma: np.ndarray) -> list[Problem]:
    """Compare the last visit of the reference point with the first, arrays (visits,); nothing is corrected."""
    if len(value) < 2:
        return [Problem("reference", "the reference point was not repeated, so drift is unknown.", "warning")]
    if not value[0] > 0:
        return [Problem("reference", "the first reference point shows no signal, so drift is unknown.", "warning")]
    drift = float(value[-1] / value[0] - 1.0)
    stderr = float(np.hypot(sigma[0] / value[0], sigma[-1] / value[-1]))
    if abs(drift) <= max(REFERENCE_DRIFT, 2.0 * stderr):
        return []
    return [Problem(
        "reference", f"the reference point changed by {drift:+.1%} (± {stderr:.1%}) between its first and its last visit; nothing "
        "was corrected. Check focus and sample, and repeat the scan.", "warning",
    )]

"""Calibration lamps that a person puts where the sample is: a pen lamp of mercury and neon, a halogen lamp of known radiance.

Their light takes the path of the sample's own, so whatever stands behind the sample acts on it. The photon counter does not see it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from sim_instruments.clock import Clock
from sim_instruments.twin.elements import Element
from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation
from sim_instruments.twin.units import air_to_vacuum

AWAY, LINES, WHITE = 0, 1, 2
LINE_FWHM_NM = 0.004               # of a line at low pressure, far below what a spectrograph resolves
KELVIN_NM = 1.438776877e7          # second radiation constant hc/k, nm K
STEP_NM, WHOLE_NM = 1.0, (300.0, 1100.0)
WHITE_NM = 550.0                   # where the brightness of the halogen lamp is stated

# Air wavelengths (nm) of a pen lamp: mercury after Sansonetti, Salit and Reader, Appl. Opt. 35, 74 (1996), neon after Saloman and
# Sansonetti, J. Phys. Chem. Ref. Data 33, 1113 (2004). Photons relative to the green line: assumed.
SPECTRUM: dict[float, float] = {
    404.6565: 0.45, 407.7837: 0.04, 434.7506: 0.06, 435.8335: 0.80, 546.0750: 1.00, 576.9610: 0.22, 579.0670: 0.24,
    533.07775: 0.05, 534.10932: 0.06, 540.05618: 0.10, 585.24879: 0.70, 588.18952: 0.25, 594.48342: 0.30, 597.46273: 0.05,
    597.55340: 0.12, 602.99969: 0.12, 607.43377: 0.30, 609.61631: 0.35, 614.30626: 0.60, 616.35939: 0.25, 621.72812: 0.12,
    626.64950: 0.28, 630.47889: 0.08, 633.44278: 0.30, 638.29917: 0.45, 640.22480: 0.90, 650.65281: 0.50, 653.28822: 0.14,
    659.89529: 0.16, 667.82762: 0.40, 671.70430: 0.18, 692.94673: 0.30, 703.24131: 0.60,
}


class CalibrationLamp(Element):
    """The place of the sample: empty of lamps (0), the pen lamp (1) or the halogen lamp (2) stands there."""

    LIT_STATE = ("source",)

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, line_electrons_s: float = 3e5,
                 white_electrons_s: float = 6e5, colour_k: float = 2856.0):
        super().__init__(role, clock, changed)
        self.source = float(AWAY)
        self.line_electrons_s, self.white_electrons_s, self.colour_k = line_electrons_s, white_electrons_s, colour_k

    def emitted(self) -> Emission | None:
        """Give the light of the lamp that is there, in photo-electrons of a perfect detector per second; None without one."""
        if round(self.source) == LINES:
            return _pen(self.line_electrons_s)
        return _halogen(self.white_electrons_s, self.colour_k) if round(self.source) == WHITE else None


@lru_cache(maxsize=4)
def _pen(green_per_s: float) -> Emission:
    lines = tuple(NarrowLine(float(air_to_vacuum(air)), LINE_FWHM_NM, green_per_s * share, Polarisation())
                  for air, share in sorted(SPECTRUM.items()))
    return Emission(np.array(WHOLE_NM), np.zeros(2), Polarisation(), lines)


@lru_cache(maxsize=4)
def _halogen(per_s_nm: float, colour_k: float) -> Emission:
    """Give a Planckian radiator, photons per nm: λ⁻⁴/(exp(hc/λkT) − 1), stated at 550 nm."""
    def photons(wavelength: np.ndarray | float) -> np.ndarray:
        return np.asarray(wavelength) ** -4.0 / np.expm1(KELVIN_NM / (np.asarray(wavelength) * colour_k))

    grid = np.arange(WHOLE_NM[0], WHOLE_NM[1] + STEP_NM, STEP_NM)
    return Emission(grid, per_s_nm * photons(grid) / photons(WHITE_NM), Polarisation())

"""Transitions of a crystal taken as a cubic box with infinite walls: E = E_gap + ħ²π²/2m₀ L² (n_e²/m_e + n_h²/m_h)."""

from __future__ import annotations

from dataclasses import dataclass

CONFINEMENT_EV_NM2 = 0.376030       # ħ²π²/2m₀ of a free electron (CODATA)
S, P = 3, 6                         # n² of the lowest state (111) and of the next three (211)
WORDS = "box with infinite walls, nothing measured"


@dataclass(frozen=True)
class Box:
    """Gap of the bulk in eV, masses in those of the free electron, edge in nm."""

    gap_ev: float
    electron_mass: float
    hole_mass: float
    size_nm: float

    def transition_ev(self, electron: int, hole: int) -> float:
        """Give the energy of the transition between states with these n², in eV."""
        return self.gap_ev + CONFINEMENT_EV_NM2 / self.size_nm**2 * (electron / self.electron_mass + hole / self.hole_mass)

"""The colour in which a wavelength is drawn. For the eye only; nothing is computed from it."""

from __future__ import annotations

import itertools

from labctl.gui.theme import Theme

# Straight lines between the hues people expect; beyond the visible, the nearest end.
HUES = ((380.0, (150, 70, 220)), (440.0, (80, 90, 255)), (490.0, (30, 190, 240)), (515.0, (50, 215, 80)), (560.0, (170, 225, 40)),
        (585.0, (250, 215, 40)), (620.0, (255, 130, 40)), (660.0, (255, 60, 50)), (760.0, (190, 30, 40)))


def of_wavelength(nm: float, theme: Theme) -> str:
    """Give the colour of light of a wavelength as "#rrggbb"; in the red theme, only its brightness is told."""
    if theme.colormap == "red":
        return theme.accent
    if nm <= HUES[0][0]:
        return "#{:02x}{:02x}{:02x}".format(*HUES[0][1])
    for (low, first), (high, last) in itertools.pairwise(HUES):
        if nm <= high:
            share = (nm - low) / (high - low)
            return "#{:02x}{:02x}{:02x}".format(*(round(a + share * (b - a)) for a, b in zip(first, last, strict=True)))
    return "#{:02x}{:02x}{:02x}".format(*HUES[-1][1])

"""Colours, glyphs and words: every state is told by all three, for colour alone fails in print, in red light and for some eyes."""

from __future__ import annotations

from dataclasses import dataclass

FONTS = ("Inter", "Segoe UI", "Noto Sans", "DejaVu Sans")      # the first that is there; none is shipped
GRID = 8                                                        # px: distances are multiples of it, or of its half
RADIUS = 5                                                      # px, of cards, buttons and fields
TEXT_PX, VALUE_PX, CAPTION_PX = 12, 16, 11


@dataclass(frozen=True)
class Theme:
    """The tokens of one theme; colours as "#rrggbb".

    `series` are the colours of curves in one plot, in order; `colormap` names the map of images, "red" the one that lights red
    sub-pixels only.
    """

    name: str
    background: str
    panel: str
    card: str
    field: str
    plot: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    selected: str
    abort: str
    on_abort: str
    emission: str
    on_emission: str
    ok: str
    busy: str
    warning: str
    fault: str
    off: str
    simulated: str
    grid: str
    series: tuple[str, ...]
    colormap: str = "viridis"

    def colour(self, role: str) -> str:
        """Give the colour of a state's role, e.g. "ok"."""
        return str(getattr(self, role))


DARK = Theme(
    "dark", background="#12151a", panel="#191d24", card="#212731", field="#0f1216", plot="#0d1014", border="#2e3643",
    text="#e6e9ee", muted="#a0a9b8", accent="#56b4e9", on_accent="#0b1117", selected="#1d3a52", abort="#ef6a3a", on_abort="#140600",
    emission="#f0e442", on_emission="#141300", ok="#5fbf9f", busy="#56b4e9", warning="#e69f00", fault="#f0703c", off="#8e99aa",
    simulated="#cc79a7", grid="#39424f", series=("#56b4e9", "#e69f00", "#5fbf9f", "#cc79a7", "#f0e442", "#ef6a3a"))
LIGHT = Theme(
    "light", background="#eceff3", panel="#f7f8fa", card="#ffffff", field="#ffffff", plot="#ffffff", border="#c9d0da",
    text="#14181e", muted="#4c5664", accent="#0072b2", on_accent="#ffffff", selected="#d6e8f5", abort="#b33f00", on_abort="#ffffff",
    emission="#7a6f00", on_emission="#ffffff", ok="#007a58", busy="#0072b2", warning="#8f5f00", fault="#b33f00", off="#5d6878",
    simulated="#9a3f6f", grid="#c9d0da", series=("#0072b2", "#8f5f00", "#007a58", "#9a3f6f", "#7a6f00", "#b33f00"))
RED = Theme(
    "red", background="#0a0000", panel="#120000", card="#1e0000", field="#060000", plot="#060000", border="#4a0000", text="#ff0000",
    muted="#d40000", accent="#ff0000", on_accent="#0a0000", selected="#480000", abort="#ff0000", on_abort="#0a0000",
    emission="#ff0000", on_emission="#0a0000", ok="#d40000", busy="#ff0000", warning="#ff0000", fault="#ff0000", off="#c00000",
    simulated="#c00000", grid="#380000", series=("#ff0000", "#d40000", "#a80000", "#ff0000", "#d40000", "#a80000"), colormap="red")
THEMES = {theme.name: theme for theme in (DARK, LIGHT, RED)}


@dataclass(frozen=True)
class State:
    """How a state is told: glyph, word, and the role of its colour in the theme."""

    word: str
    glyph: str
    role: str

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


GLYPHS = {"ok": "●", "busy": "◆", "warning": "▲", "fault": "■", "off": "○", "emission": "✸"}


def state(role: str, word: str) -> State:
    """Give a state of a role, in the word that fits where it stands."""
    return State(word, GLYPHS[role], role)

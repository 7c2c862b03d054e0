"""Titles of tabs where there is little room."""

from __future__ import annotations

from labctl.gui.views.titles import LEAST_PX, fitted, without_shared

PLE = ["Excitation spectrum", "Excitation spectrum of the stimulated band", "Emission"]
PX = 10


def fit(titles: list[str], room: int) -> list[str]:
    return fitted(titles, room, lambda title: PX * len(title), lambda title, most: title[:most // PX])


def test_what_another_title_says_is_not_said_again():
    assert without_shared(PLE) == ["Excitation spectrum", "… stimulated band", "Emission"]
    assert without_shared(["Threshold", "Thresholds"]) == ["Threshold", "Thresholds"]
    assert without_shared(["Emission", "Emission of the"]) == ["Emission", "… the"]


def test_titles_that_fit_stay_as_they_are():
    assert fit(PLE, 10_000) == PLE


def test_the_longest_are_cut_and_none_is_lost():
    found = fit(PLE, 350)
    assert found[2] == "Emission"
    assert sum(map(len, found)) * PX <= 350
    assert [len(title) for title in fit(PLE, 0)] == [LEAST_PX // PX] * 3

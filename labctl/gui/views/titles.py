"""Titles of tabs in the room there is: first without what another title says already, then cut at their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

FILLERS = ("of", "the", "in", "on", "against")
LEAST_PX = 40                # of a title, however little room there is


def without_shared(titles: Sequence[str]) -> list[str]:
    """Leave out the words with which a title begins when they are another title: the rest tells them apart."""
    found = []
    for title in titles:
        said = max((other for other in titles if title.startswith(f"{other} ")), key=len, default="")
        rest = title.removeprefix(said).split()
        while said and len(rest) > 1 and rest[0] in FILLERS:
            rest = rest[1:]
        found.append(f"… {' '.join(rest)}" if said else title)
    return found


def fitted(titles: Sequence[str], room: int, width: Callable[[str], int], cut: Callable[[str, int], str]) -> list[str]:
    """Give titles that fit into some room (px) side by side; who needs less leaves it to others.

    `width` measures a title, `cut` gives it with an ellipsis in so many px.
    """
    if sum(map(width, titles)) <= room:
        return list(titles)
    short = without_shared(titles)
    most = room
    for rank, title in enumerate(sorted(short, key=width)):
        most = room // (len(short) - rank)
        room -= min(width(title), most)
    return [cut(title, max(most, LEAST_PX)) for title in short]

"""Draw the figures of the papers named as arguments; of all without any."""

from __future__ import annotations

import sys

from docs.paper_figures import qin, sun, wang, xiong, ying
from docs.paper_figures.style import save

DRAWN = {"ying2021": ying.draw, "qin2021": qin.draw, "wang2015": wang.draw, "xiong2022": xiong.draw, "sun2024": sun.draw}


def main(wanted: list[str]) -> None:
    """Draw and save; a name that is none ends with the list of those that are."""
    if unknown := sorted(set(wanted) - set(DRAWN)):
        sys.exit(f"{', '.join(unknown)}: no page of that name; there are {', '.join(DRAWN)}.")
    for name in wanted or DRAWN:
        sys.stdout.write(f"{save(DRAWN[name](), name)} written\n")


if __name__ == "__main__":
    main(sys.argv[1:])

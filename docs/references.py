"""Write pages of docs/reference from the code, all or those named: `python -m docs.references [instruments] [procedures] [twin]`.

Run by `make docs-reference` and `make score`. Nothing is opened and nothing simulated.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from docs import instruments_reference, procedures_reference, twin_reference

WRITERS = {"instruments": instruments_reference, "procedures": procedures_reference, "twin": twin_reference}


def main(names: Sequence[str]) -> None:
    """Write the pages."""
    for name in names or WRITERS:
        writer = WRITERS[name]
        writer.PAGE.write_text(writer.page(), encoding="utf-8")
        sys.stdout.write(f"{writer.PAGE} written\n")


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
"""Writes the tables of docs/pjsip.md anew from what the driver says of its options: `tools/pjsip_doc.py [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from globstar.modules.channels.pjsip.coverage import DOC_BEGIN, DOC_END, markdown

DOC = Path(__file__).resolve().parents[1] / "docs" / "pjsip.md"


def renewed(text: str) -> str:
    """``text`` with the part between the marks as it ought to be."""
    head, _, rest = text.partition(DOC_BEGIN)
    _, _, tail = rest.partition(DOC_END)
    return head + markdown() + tail


def main() -> int:
    """Write, or with ``--check`` say whether there is something to write."""
    text = DOC.read_text(encoding="utf-8")
    new = renewed(text)
    if "--check" in sys.argv[1:]:
        return int(new != text)
    DOC.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

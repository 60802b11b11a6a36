"""docs/pjsip.md says what the driver says of its options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from globstar.modules.channels.pjsip.coverage import DOC_BEGIN, DOC_END, markdown

ROOT = Path(__file__).resolve().parents[3]


def test_the_document_and_the_table_of_options_without_effect_agree() -> None:
    text = (ROOT / "docs" / "pjsip.md").read_text(encoding="utf-8")
    assert text.count(DOC_BEGIN) == text.count(DOC_END) == 1
    written = text[text.index(DOC_BEGIN) : text.index(DOC_END) + len(DOC_END)]
    assert written == markdown(), "tools/pjsip_doc.py writes it anew"


def test_the_tool_finds_nothing_to_write() -> None:
    assert subprocess.run([sys.executable, ROOT / "tools" / "pjsip_doc.py", "--check"], check=False).returncode == 0

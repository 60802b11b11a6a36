"""The report of compatibility: what counts, why the rest does not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from globstar.interfaces.compat import KINDS, Entry, main, page, read_coverage

ROOT = Path(__file__).resolve().parents[3]


def test_an_entry_counts_only_when_it_is_here_and_a_test_names_it():
    assert Entry("application", "Dial", "tests/x.py::test_y", True).counts
    assert Entry("application", "Dial", "", True).reason == "no test runs it"
    assert Entry("application", "JabberSend", "", False).reason == "XMPP is not spoken"
    assert Entry("application", "Later", "tests/x.py::test_y", False).reason == "not in this version"
    assert Entry("option", "QueueUpdate x", "", False).reason == "call queues are still to come"
    assert Entry("option", "SMS t", "", False).reason == "only protocol 1 of ES 201 912 is spoken"


def test_options_that_are_left_out_do_not_count_whatever_a_test_does():
    found = {entry.name: entry for entry in read_coverage() if entry.kind == "option"}
    assert not found["Directory d"].is_here
    assert not found["SMS t"].counts


def test_everything_that_is_not_here_has_its_reason():
    assert [entry.name for entry in read_coverage() if entry.reason == "not in this version"] == []


def test_the_tests_that_are_named_are_there():
    """A test may be renamed before the table is made again, so a few may be missing."""
    named = {entry.test for entry in read_coverage() if entry.test and "[" not in entry.test}
    sources = {
        place: (ROOT / place).read_text() if (ROOT / place).is_file() else "" for place in {test.split("::")[0] for test in named}
    }
    there = [test for test in named if re.search(rf"def {test.split('::')[1]}\b", sources[test.split("::")[0]])]
    assert len(there) > 0.9 * len(named)


def test_the_report_counts_every_kind(capsys: pytest.CaptureFixture[str]):
    assert main(["report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS.values())
    counts = {words[0]: (int(words[1]), int(words[3])) for words in map(str.split, lines)}
    assert counts["applications"][1] == 201
    assert counts["functions"][1] == 217
    assert all(0 < counted <= total for counted, total in counts.values())
    assert main(["report", "--missing", "--tests"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^  Dial +tests/", text, re.M)
    assert re.search(r"^  JabberSend +XMPP is not spoken", text, re.M)


def test_json_has_every_entry(capsys: pytest.CaptureFixture[str]):
    assert main(["report", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    (dial,) = [entry for entry in entries if (entry["kind"], entry["name"]) == ("application", "Dial")]
    assert dial["counts"]
    assert dial["reason"] == ""


def test_the_page_of_the_documentation_has_every_kind():
    text = page(read_coverage())
    for title in KINDS.values():
        assert f"## {title.capitalize()}" in text
    assert (ROOT / "docs" / "compatibility.md").read_text().startswith(text.split("\n", 1)[0])

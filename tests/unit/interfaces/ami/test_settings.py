"""manager.conf: every option, what is wrong in it, and classes by name and by number."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.core.manager import ALL, NONE, Permission, class_number, classes_of_number
from globstar.interfaces.ami.settings import ManagerSettings, event_mask, read_manager


def read(text: str) -> tuple[ManagerSettings, list[str]]:
    """The settings and what was wrong."""
    report = Report()
    settings = read_manager(read_config("manager.conf", MemorySource({"manager.conf": text})), report)
    return settings, [str(warning) for warning in report.warnings]


def test_every_option_of_asterisk_is_known(shared: Path) -> None:
    with (shared / "compat" / "config_files.tsv").open(encoding="utf-8") as lines:
        names = {row["option"] for row in csv.DictReader(lines, delimiter="\t") if row["file"] == "manager.conf"}
    assert len(names) > 30
    for name in names:
        told = [read(f"[{section}]\n{name} = x\n")[1] for section in ("general", "user")]
        assert not all(any("unknown option" in text for text in texts) for texts in told), name


def test_unknown_classes_are_told_and_the_others_count() -> None:
    settings, told = read("[general]\nenabled=yes\n[u]\nread = call,hookresponse,DTMF\nwrite = all\n")
    options = settings.users["u"].options
    assert options.reads == Permission.CALL | Permission.DTMF
    assert options.writes == ALL
    assert told == [
        "manager.conf:4: bad value 'call,hookresponse,DTMF' of option 'read': there is no class hookresponse; the others count"
    ]


def test_options_for_who_makes_connections_have_no_effect() -> None:
    _, told = read("[general]\ntlsclientmethod=tlsv1\ntlsdontverifyserver=yes\n")
    assert [text.rpartition(": ")[2] for text in told] == ["the manager makes no connections"] * 2


def test_a_user_inherits_from_general() -> None:
    settings, told = read("[general]\ndisplayconnects=no\nallowmultiplelogin=no\n[a]\nsecret=x\n[b]\ndisplayconnects=yes\n")
    assert not told
    a, b = (settings.users[name].options for name in "ab")
    assert (a.displayconnects, a.allowmultiplelogin, b.displayconnects, b.allowmultiplelogin) == (False, False, True, False)
    assert (a.reads, a.writes) == (NONE, NONE)


@pytest.mark.parametrize(
    ("classes", "number"),
    [
        (NONE, 0), (Permission.SYSTEM, 1), (Permission.AGI, 8192), (Permission.CC, 32768), (Permission.AOC, 65536),
        (Permission.SECURITY, 262144), (Permission.MESSAGE, 1 << 30), (Permission.CALL | Permission.TEST, 2 + (1 << 17)),
        (ALL, 0x7FFFFFFF),
    ],
)  # fmt: skip
def test_classes_as_numbers(classes: Permission, number: int) -> None:
    assert class_number(classes) == number
    assert classes_of_number(number) == classes


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("", None), ("on", ALL), ("off", NONE), ("call,dtmf", Permission.CALL | Permission.DTMF), ("262144", Permission.SECURITY),
        ("16384", NONE), ("99999999999999", NONE), ("0", NONE), ("nothing,call", Permission.CALL),
    ],
)  # fmt: skip
def test_masks(text: str, mask: Permission | None) -> None:
    assert event_mask(text) == mask

"""Messages on disk: their texts, numbers, folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.modules.apps.voicemail.store import Mailbox, MessageInfo, read_info

line = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@pytest.fixture
def box(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path, "default", "100")


def draft(box: Mailbox, name: str = "draft", *suffixes: str) -> Path:
    stem = box.temporary(name)
    for suffix in suffixes or (".wav",):
        stem.with_suffix(suffix).write_text(f"sound {name}")
    return stem


def stored(box: Mailbox, folder: str = "INBOX", callerid: str = "") -> Path:
    message = box.store(draft(box), MessageInfo(callerid=callerid), folder, 100)
    assert message is not None
    return message


@given(line, line, line)
def test_text_reads_back(caller: str, flag: str, extra: str) -> None:
    info = MessageInfo(origmailbox="100", callerid=caller, flag=flag, duration="7", extra={"x-own": extra})
    assert MessageInfo.parse(info.text()) == info


def test_text_is_asterisks() -> None:
    assert MessageInfo(origmailbox="100", context="main", exten="901", duration="3").text() == (
        ";\n; Message Information file\n;\n[message]\norigmailbox=100\ncontext=main\nexten=901\nrdnis=unknown\npriority=\n"
        "callerchan=\ncallerid=\norigdate=\norigtime=\ncategory=\nmsg_id=\nflag=\nduration=3\n"
    )


def test_foreign_texts_are_understood() -> None:
    info = MessageInfo.parse("; comment = no\n[message]\nduration=5\nnonsense\n own = value\n")
    assert (info.duration, info.extra) == ("5", {"own": " value"})


def test_messages_are_numbered_from_zero_and_take_all_files(box: Mailbox) -> None:
    first = box.store(draft(box, "a", ".wav", ".gsm"), MessageInfo(duration="1"), "INBOX", 100)
    second = stored(box)
    assert first is not None
    assert (first.name, second.name) == ("msg0000", "msg0001")
    assert sorted(p.name for p in first.parent.iterdir()) == [
        "msg0000.gsm", "msg0000.txt", "msg0000.wav", "msg0001.txt", "msg0001.wav",
    ]  # fmt: skip
    assert not list((box.path / "tmp").iterdir())
    assert box.messages("INBOX") == [first, second]
    assert box.count("INBOX") == 2
    assert box.count("Old") == 0


def test_a_number_that_somebody_is_writing_is_not_taken(box: Mailbox) -> None:
    (box.folder("INBOX") / "msg0000.wav").write_text("recorded by something else, text to come")
    assert stored(box).name == "msg0001"


def test_a_full_folder_takes_no_more(box: Mailbox) -> None:
    stored(box)
    stem = draft(box)
    assert box.store(stem, MessageInfo(), "INBOX", 1) is None
    assert stem.with_suffix(".wav").is_file()


def test_moving_keeps_text_and_sounds(box: Mailbox) -> None:
    message = stored(box, callerid="Alice")
    stored(box, "Old")
    assert box.move(message, "Old", 100)
    assert box.messages("INBOX") == []
    moved = box.messages("Old")[1]
    assert read_info(moved).callerid == "Alice"
    assert moved.with_suffix(".wav").read_text() == "sound draft"
    assert not box.move(moved, "Work", 0)
    assert moved.with_suffix(".txt").is_file()


def test_deleting_and_closing_the_gap(box: Mailbox) -> None:
    messages = [stored(box, callerid=name) for name in ("a", "b", "c")]
    box.delete(messages[0])
    box.delete(messages[0])  # gone already
    box.renumber("INBOX")
    assert [(m.name, read_info(m).callerid) for m in box.messages("INBOX")] == [("msg0000", "b"), ("msg0001", "c")]
    assert all(m.with_suffix(".wav").is_file() for m in box.messages("INBOX"))


def test_information_of_a_message_that_is_gone_is_empty(box: Mailbox) -> None:
    assert read_info(box.path / "INBOX" / "msg0000") == MessageInfo()

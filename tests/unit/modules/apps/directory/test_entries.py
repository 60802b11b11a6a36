"""The entries of the directory: what voicemail.conf gives, and which digits find whom."""

from __future__ import annotations

import pytest

from globstar.config import MemorySource, read_config
from globstar.modules.apps.directory.entries import Book, keys_of, read_book, search

CONF = """
[general]
directoryintro=our-intro
searchcontexts=yes
[zonemessages]
central=America/Chicago|'vm-received'
[default]
100 => 1234,Anna Smith,anna@example.com,,alias=Queen|tz=central|alias=Boss
101 => 1234,Bob Smithers
102 => 1234,Carl de la Cruz
103 => 1234,Cher
104 => 1234,,nobody@example.com
105 => 1234,Hidden Smith,,,hidefromdir=yes
[sales]
200 => 1,Zoë Smart
"""


@pytest.fixture
def book() -> Book:
    return read_book(read_config("voicemail.conf", MemorySource({"voicemail.conf": CONF})))


def found(book: Book, digits: str, **options: object) -> list[str]:
    return [entry.extension for entry in search(book, digits, **options)]  # type: ignore[arg-type]


def test_hidden_and_nameless_mailboxes_are_left_out(book: Book) -> None:
    assert [entry.mailbox for entry in book.entries] == ["100@default", "101@default", "102@default", "103@default", "200@sales"]
    assert book.entries[0].aliases == ("Queen", "Boss")
    assert (book.introduction, book.searches_all_contexts) == ("our-intro", True)


def test_all_can_be_hidden_but_some() -> None:
    text = "[general]\nhidefromdir=yes\n[default]\n1 => 1,A B\n2 => 1,C D,,,hidefromdir=no\n"
    hidden = read_book(read_config("voicemail.conf", MemorySource({"voicemail.conf": text})))
    assert [entry.extension for entry in hidden.entries] == ["2"]


def test_last_names_are_searched_and_sorted(book: Book) -> None:
    assert found(book, "764") == ["100", "101"]
    assert found(book, "762") == ["200"]
    assert found(book, "76") == ["200", "100", "101"]
    assert found(book, "76", context="DEFAULT") == ["100", "101"]


def test_a_name_of_several_words_is_found_by_each_but_the_first(book: Book) -> None:
    assert found(book, "278") == ["102"]
    assert found(book, "33") == ["102"]
    assert found(book, "2275") == []
    assert found(book, "2275", by_first=True, by_last=False) == ["102"]


def test_a_single_name_is_first_and_last(book: Book) -> None:
    assert found(book, "243") == ["103"]
    assert found(book, "243", by_first=True, by_last=False) == ["103"]


def test_both_and_aliases(book: Book) -> None:
    assert found(book, "266", by_first=True) == ["100"]
    assert found(book, "783") == []
    assert found(book, "783", by_alias=True) == ["100"]
    assert found(book, "2677", by_alias=True) == ["100"]


def test_accents_have_the_keys_of_their_letters(book: Book) -> None:
    assert keys_of("Zoë O'Neil-2") == "96366345" + "2"
    assert found(book, "963", by_first=True, by_last=False) == ["200"]


@pytest.mark.parametrize("digits", ["", "*", "#1", "0000"])
def test_what_no_name_begins_with_finds_nobody(book: Book, digits: str) -> None:
    assert found(book, digits, by_first=True, by_alias=True) == []

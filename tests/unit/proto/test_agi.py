"""AGI's text: words of commands, places of FastAGI servers."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.agi import MAX_WORDS, AgiFault, FastAgiPlace, is_place, parse_place, split_words, usage_block


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("   ", []),
        (" ANSWER  ", ["ANSWER"]),
        ("a\tb", ["a", "b"]),
        ('SET VARIABLE X "a b"', ["SET", "VARIABLE", "X", "a b"]),
        ('SET VARIABLE X ""', ["SET", "VARIABLE", "X", ""]),
        (r"X a\,b", ["X", "a,b"]),
        (r'X "q\"q"', ["X", 'q"q']),
        (r"X a\ b", ["X", "a b"]),
        ('NOOP "not closed x', ["NOOP", "not closed x"]),
        ('one"two three"four', ["onetwo threefour"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split_words(line) == words


def test_too_many_words() -> None:
    assert len(split_words("x " * MAX_WORDS)) == MAX_WORDS
    with pytest.raises(AgiFault):
        split_words("x " * (MAX_WORDS + 1))


@given(st.lists(st.text(st.characters(blacklist_characters="\n\r")), max_size=20))
def test_quoted_words_come_back(words: list[str]) -> None:
    line = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert split_words(line) == words


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("agi://host", FastAgiPlace("host", 4573, "")),
        ("agi://host/", FastAgiPlace("host", 4573, "")),
        ("AGI://host:99/a/b?c=d&e", FastAgiPlace("host", 99, "a/b?c=d&e")),
        ("agi://[::1]:99/x", FastAgiPlace("::1", 99, "x")),
        ("hagi://example.org/x", FastAgiPlace("example.org", 4573, "x", is_service=True)),
        ("hagi://example.org:7/x", FastAgiPlace("example.org", 7, "x")),
    ],
)
def test_places(text: str, place: FastAgiPlace) -> None:
    assert is_place(text)
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["agi://", "agi://host:x/", "agi://[::1/x", "http://host/"])
def test_no_places(text: str) -> None:
    with pytest.raises(AgiFault):
        parse_place(text)


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    with suppress(AgiFault):
        assert parse_place("agi://" + text).host


def test_usage() -> None:
    assert usage_block("Usage: X\n\ttext\n") == [
        "520-Invalid command syntax.  Proper usage follows:", "Usage: X", "\ttext", "520 End of proper usage.",
    ]  # fmt: skip

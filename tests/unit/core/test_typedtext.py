"""Texts that come on a channel: messages, and lines that are typed letter by letter."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from globstar.core.format import t140
from globstar.core.frame import Control, Frame, FrameType, control
from globstar.core.typedtext import MAX_LINE, TextReader, text_of


def reader(channel: Any = None) -> TextReader:
    return TextReader(channel if channel is not None else SimpleNamespace(data={}))


def typed(text: str) -> Frame:
    return Frame(FrameType.TEXT, 0, text.encode(), format=t140)


def message(text: str) -> Frame:
    return Frame(FrameType.TEXT, 0, text)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (message("hi"), "hi"),
        (typed("hé"), "hé"),
        (typed("\ufeff"), None),  # keeps the stream alive
        (typed("\ufeffa\ufeff"), "a"),
        (typed(""), None),
        (Frame(FrameType.TEXT, 0, b"a\xff", format=t140), "a\ufffd"),
        (control(Control.RINGING), None),
    ],
)
def test_the_text_of_a_frame(frame: Frame, text: str | None) -> None:
    assert text_of(frame) == text


def test_a_message_is_whole() -> None:
    assert reader().take(message("two\nlines")) == "two\nlines"


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\r", "\n", "\r\n"])
def test_letters_become_a_line(end: str) -> None:
    one = reader()
    assert [one.take(typed(letter)) for letter in "hello"] == [None] * 5
    assert one.take(typed(end[0])) == "hello"


def test_what_is_erased_is_not_part_of_it() -> None:
    assert reader().take(typed("\bhallo\b\b\b\bello\n")) == "hello"


def test_empty_lines_are_passed_over() -> None:
    one = reader()
    assert one.take(typed("\r\n\r\na\b\n")) is None
    assert one.take(typed("x\r\n")) == "x"


def test_what_follows_a_line_is_for_the_next_reader() -> None:
    channel = SimpleNamespace(data={})
    assert reader(channel).take(typed("one\r\ntwo\r\nthr")) == "one"
    assert reader(channel).line() == "two"
    third = reader(channel)
    assert third.line() is None
    assert third.take(typed("ee\n")) == "three"
    assert reader(channel).rest() is None


def test_what_was_typed_without_an_end() -> None:
    channel = SimpleNamespace(data={})
    one = reader(channel)
    assert one.take(typed("half")) is None
    assert one.rest() == "half"
    assert one.rest() is None
    assert channel.data == {}


def test_a_line_without_an_end_is_taken_in_pieces() -> None:
    channel = SimpleNamespace(data={})
    assert reader(channel).take(typed("x" * (2 * MAX_LINE + 1))) == "x" * MAX_LINE
    assert reader(channel).line() == "x" * MAX_LINE
    assert reader(channel).rest() == "x"


def test_letter_by_letter() -> None:
    channel = SimpleNamespace(data={})
    assert reader(channel).take_letter(typed("\ufeff")) is None
    assert reader(channel).take_letter(typed("ab")) == "a"
    assert reader(channel).letter() == "b"
    assert reader(channel).letter() is None
    assert reader(channel).take_letter(message("message")) == "m"
    assert channel.data == {}

"""TURN on a stream: messages are found however they are cut."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.stun import Kind, StunMessage
from globstar.proto.turn import TurnStream, TurnStreamError
from globstar.proto.turn.stream import padded

MESSAGE = StunMessage(Kind.DATA, b"d" * 12).build()


def channel_data(data: bytes, channel: int = 0x4000) -> bytes:
    return struct.pack("!HH", channel, len(data)) + data


@given(st.lists(st.one_of(st.just(MESSAGE), st.binary(max_size=40).map(channel_data)), max_size=12), st.randoms())
def test_rfc8656_12_5_messages_are_found_however_they_are_cut(messages: list[bytes], chance: object) -> None:
    octets = b"".join(message if message is MESSAGE else padded(message) for message in messages)
    stream, found = TurnStream(), []
    while octets:
        size = chance.randint(1, 30)  # type: ignore[attr-defined]
        found += stream.feed(octets[:size])
        octets = octets[size:]
    assert found == messages


def test_channel_data_is_filled_up() -> None:
    assert padded(channel_data(b"abc")) == b"\x40\0\0\x03abc\0"
    assert padded(channel_data(b"abcd")) == channel_data(b"abcd")


@pytest.mark.parametrize("data", [b"\x80\0\0\0", b"\x50\0\0\0", b"SSH-", b"\0\1\0\2" + bytes(16), b"\0\1\0\0" + bytes(4)])
def test_what_begins_no_message_is_the_end(data: bytes) -> None:
    with pytest.raises(TurnStreamError):
        TurnStream().feed(data)


def test_nothing_yet() -> None:
    stream = TurnStream()
    assert stream.feed(b"") == []
    assert stream.feed(b"\x40\0\0") == []
    assert stream.feed(b"\0") == [b"\x40\0\0\0"]

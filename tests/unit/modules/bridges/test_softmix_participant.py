"""A member's store in a mix: whole steps, lateness, and how it comes back near to the present."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from globstar.core.bridge import BridgeMember
from globstar.core.format import Format, g723, slin16, ulaw
from globstar.core.frame import Frame, voice
from globstar.core.mixing import MemberMix
from globstar.core.translate import NoTranslation
from globstar.dsp.mixer import Encoding
from globstar.modules.bridges.softmix.participant import Participant


def made(*, reads: Format = ulaw, writes: Format = ulaw, mix: MemberMix | None = None, interval_ms: int = 20) -> Participant:
    told: list[bool] = []

    def set_read_format(format: Format) -> None:
        if reads is g723:
            raise NoTranslation("no way")
        channel.read_format = format

    system = SimpleNamespace(
        translation=SimpleNamespace(is_possible=lambda source, destination: destination is not g723),
        loop=SimpleNamespace(call_soon=lambda call, *arguments: call(*arguments)),
    )
    channel: Any = SimpleNamespace(
        name="Test/1", raw_read_format=reads, raw_write_format=writes, read_format=reads, set_read_format=set_read_format,
        system=system,
    )  # fmt: skip
    bridge = SimpleNamespace(video_mode="none")
    member: Any = SimpleNamespace(
        channel=channel, bridge=bridge, mix=mix or MemberMix(), forward=None, told=told, drop_voice=lambda: None
    )
    participant = Participant(cast(BridgeMember, member))
    participant.bind(0, interval_ms)
    return participant


def packet(number: int, samples: int = 160) -> Frame:
    return voice(ulaw, bytes([number]) * samples, samples)


def test_a_step_is_given_when_it_is_whole() -> None:
    participant = made()
    participant.take(packet(1, 80))
    assert participant.block() is None
    participant.take(packet(2, 240))
    assert participant.block() == bytes([1]) * 80 + bytes([2]) * 80
    assert participant.block() == bytes([2]) * 160
    assert participant.block() is None
    assert participant.dropped == 0


def test_a_store_that_is_not_needed_for_two_seconds_loses_a_step() -> None:
    participant = made()
    participant.take(packet(0))  # one ahead from now on
    heard = []
    for number in range(1, 250):
        participant.take(packet(number))
        heard.append(participant.block())
    assert participant.dropped == 160
    numbers = [block[0] for block in heard if block is not None]
    assert len(numbers) == 249
    assert sorted(set(numbers)) == numbers  # nothing twice, in order
    assert participant.block() is None  # and it is not ahead any more


def test_a_store_that_was_needed_stays() -> None:
    participant = made()
    for number in range(0, 200, 2):  # two packets at once every second step
        participant.take(packet(number))
        participant.take(packet(number + 1))
        assert participant.block() is not None
        assert participant.block() is not None
    assert participant.dropped == 0


def test_surplus_goes_in_whole_steps_the_oldest_first() -> None:
    participant = made()
    for number in range(15):
        participant.take(packet(number))
    block = participant.block()
    assert block is not None
    assert block[0] == 5
    assert participant.dropped == 5 * 160


def test_rates_and_encodings_follow_what_the_endpoint_hears() -> None:
    plain = made()
    assert (plain.rate, plain.reads, plain.writes, plain.hears) == (8000, Encoding.ULAW, Encoding.ULAW, ulaw)
    wide = made(reads=ulaw, writes=slin16)
    assert (wide.rate, wide.reads, wide.writes, wide.hears) == (16000, Encoding.LINEAR, Encoding.LINEAR, slin16)
    assert wide.member.channel.read_format is slin16
    assert wide.bind(8000, 20)
    assert (wide.rate, wide.hears.name if wide.hears else "") == (8000, "slin")


def test_what_cannot_be_translated_is_not_mixed() -> None:
    assert not made(writes=g723).bind(0, 20)
    assert not made(reads=g723).bind(0, 20)


def test_talking_begins_at_once_and_ends_after_silence() -> None:
    told: list[bool] = []
    participant = made(mix=MemberMix(silence_ms=100, talking_threshold=200, on_talking=lambda _member, talks: told.append(talks)))
    for level in (199, 200, 0, 0, 0, 0, 900, 0, 0, 0, 0):
        participant.judge(level, 20)
    assert told == [True]
    participant.judge(0, 20)
    assert told == [True, False]
    participant.judge(0, 20)
    assert told == [True, False]

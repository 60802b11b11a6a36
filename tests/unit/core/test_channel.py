"""The channel: who gets its frames, how its owner waits, translation, digits, answer and hang-up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, ChannelState, NoTranslation, SoftHangup
from globstar.core.channelmedia import QUEUE_LIMIT
from globstar.core.format import FormatCapabilities, alaw, g729, gsm, slin, ulaw
from globstar.core.frame import Control, Frame, FrameType, control, digit_begin, digit_end, voice
from globstar.core.party import PartyId
from globstar.core.system import System
from globstar.dsp.g711 import linear_to_ulaw, ulaw_to_alaw, ulaw_to_linear
from tests.support.phone import Phone
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time

ULAW = bytes(range(160))
MODULES = "[modules]\nautoload=no\nload=codec_ulaw\nload=codec_alaw\nload=codec_a_mu\n"


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path, {"modules.conf": MODULES}) as system:
        yield system


@pytest.fixture
async def phone(system: System) -> AsyncIterator[Phone]:
    phone = Phone(system)
    yield phone
    phone.channel.hangup()
    phone.close()


def spoken(data: bytes = ULAW) -> Frame:
    return voice(ulaw, data, len(data))


def seen(system: System, *kinds: type) -> list[Any]:
    """What is told of these kinds from now on."""
    found: list[Any] = []
    for kind in kinds:
        system.bus.subscribe(kind, found.append)
    return found


def deliver_all(channel: Channel, frames: list[Frame]) -> None:
    for frame in frames:
        channel.deliver(frame)


def digits_of(frames: list[Frame]) -> str:
    return "".join(frame.digit for frame in frames if frame.type is FrameType.DTMF_END)


# -- frames in -------------------------------------------------------------------------------------------------------------


async def test_without_a_reader_signals_wait_and_voice_is_dropped_and_counted(phone: Phone) -> None:
    channel = phone.channel
    for frame in (spoken(), control(Control.RINGING), digit_end("1"), Frame(FrameType.TEXT, 0, "hello"), spoken()):
        channel.deliver(frame)
    channel.deliver(Frame(FrameType.VIDEO, 0, b"picture"))
    assert channel.dropped_voice == 2
    got: list[Frame] = []
    channel.attach(got.append)
    assert [frame.type for frame in got] == [FrameType.CONTROL, FrameType.DTMF_END, FrameType.TEXT]
    assert not channel.queue


async def test_the_queue_is_bounded_and_control_frames_stay(phone: Phone) -> None:
    channel = phone.channel
    channel.deliver(control(Control.HOLD))
    for number in range(QUEUE_LIMIT + 40):
        channel.deliver(digit_end(str(number % 10)))
    channel.deliver(control(Control.UNHOLD))
    assert len(channel.queue) == QUEUE_LIMIT
    kept = list(channel.queue)
    assert (kept[0].subtype, kept[-1].subtype) == (Control.HOLD, Control.UNHOLD)
    # the oldest digits went, the order of the others is as they came
    assert digits_of(kept) == "".join(str(n % 10) for n in range(42, QUEUE_LIMIT + 40))


async def test_sinks_replace_one_another_and_come_back(phone: Phone) -> None:
    channel = phone.channel
    first: list[Frame] = []
    second: list[Frame] = []
    one, two = first.append, second.append
    assert channel.attach(one) is None
    assert channel.attach(two) is one
    channel.deliver(digit_end("2"))
    channel.detach(one)  # not the one in force
    channel.deliver(digit_end("3"))
    channel.detach(two, one)
    channel.deliver(digit_end("1"))
    assert (digits_of(first), digits_of(second)) == ("1", "23")


async def test_signals_are_told_to_listeners(system: System, phone: Phone) -> None:
    told = seen(system, events.ChannelHeld, events.ChannelUnheld, events.DigitBegan, events.DigitEnded)
    channel = phone.channel
    for frame in (control(Control.HOLD, "jazz"), control(Control.UNHOLD), digit_begin("5"), digit_end("5", 90)):
        channel.deliver(frame)
    assert [type(event).__name__ for event in told] == ["ChannelHeld", "ChannelUnheld", "DigitBegan", "DigitEnded"]
    assert told[0].music_class == "jazz"
    assert (told[3].digit, told[3].duration_ms, told[3].direction) == ("5", 90, "Received")


async def test_nothing_happens_after_the_hang_up(system: System, phone: Phone) -> None:
    phone.channel.hangup()
    told = seen(system, events.DigitEnded, events.ChannelHeld, events.HangupRequested)
    for frame in (digit_end("5"), control(Control.HOLD), spoken()):
        phone.channel.deliver(frame)
    phone.channel.queue_hangup(17)
    phone.channel.request_hangup()
    phone.channel.hangup(18)
    assert (told, list(phone.channel.queue), phone.channel.hangup_cause) == ([], [], 0)


# -- hooks and translation ---------------------------------------------------------------------------------------------------


async def test_hooks_see_change_and_swallow_voice_before_translation(phone: Phone) -> None:
    channel = phone.channel
    got: list[Frame] = []
    channel.attach(got.append)
    order: list[str] = []

    def louder(frame: Frame) -> Frame:
        order.append("louder")
        return voice(ulaw, b"\x01" * 160, 160)

    def swallow(frame: Frame) -> None:
        order.append("swallow")
        assert frame.data == b"\x01" * 160

    channel.add_read_hook(louder)
    channel.deliver(spoken())
    assert got[0].data == b"\x01" * 160
    channel.add_read_hook(swallow)
    channel.deliver(spoken())
    channel.deliver(digit_end("1"))  # not voice
    assert order == ["louder", "louder", "swallow"]
    assert [frame.type for frame in got] == [FrameType.VOICE, FrameType.DTMF_END]
    channel.remove_hook(swallow)
    channel.remove_hook(swallow)
    channel.remove_hook(louder)
    channel.deliver(spoken())
    assert got[-1].data == ULAW
    channel.add_write_hook(louder)
    channel.write(spoken())
    assert phone.heard[0][1].data == b"\x01" * 160


async def test_reader_and_writer_get_the_formats_they_want(phone: Phone) -> None:
    channel = phone.channel
    got: list[Frame] = []
    channel.attach(got.append)
    channel.set_read_format(slin)
    channel.deliver(spoken())
    assert (got[0].format, got[0].data, got[0].samples) == (slin, ulaw_to_linear(ULAW), 160)
    channel.write(voice(slin, ulaw_to_linear(ULAW), 160))
    channel.write(voice(alaw, ulaw_to_alaw(ULAW), 160))
    channel.write(spoken())
    assert [frame.format for _, frame in phone.heard] == [ulaw, ulaw, ulaw]
    assert phone.heard[0][1].data == linear_to_ulaw(ulaw_to_linear(ULAW))
    assert phone.heard[2][1].data == ULAW
    assert channel.write_format is ulaw
    assert channel.write_path is None
    channel.reset_formats()
    channel.deliver(spoken())
    assert (got[-1].format, channel.read_path) == (ulaw, None)


async def test_the_endpoint_changes_its_codec_in_mid_call(phone: Phone) -> None:
    channel = phone.channel
    got: list[Frame] = []
    channel.attach(got.append)
    channel.set_read_format(slin)
    for format, data in ((ulaw, ULAW), (alaw, ulaw_to_alaw(ULAW)), (ulaw, ULAW)):
        channel.deliver(voice(format, data, 160))
    assert [frame.format for frame in got] == [slin] * 3
    assert channel.raw_read_format is ulaw


async def test_a_codec_that_nobody_can_translate_is_dropped_and_told_once(phone: Phone) -> None:
    channel = phone.channel
    got: list[Frame] = []
    channel.attach(got.append)
    with LogCapture() as log:
        for _ in range(5):
            channel.deliver(voice(g729, bytes(20), 160))
        channel.deliver(spoken())
    assert len(log.texts(Level.WARNING)) == 1
    assert channel.dropped_voice == 5
    assert [frame.format for frame in got] == [ulaw]
    channel.set_read_format(slin)  # another wish, another try
    with LogCapture() as log:
        channel.deliver(voice(g729, bytes(20), 160))
    assert len(log.texts(Level.WARNING)) == 1


async def test_formats_without_a_translator_are_refused(phone: Phone) -> None:
    for refuse in (phone.channel.set_read_format, phone.channel.set_write_format):
        with pytest.raises(NoTranslation, match=r"no translators lead from (ulaw to gsm|gsm to ulaw)"):
            refuse(gsm)


async def test_the_driver_agrees_on_other_formats(phone: Phone) -> None:
    channel = phone.channel
    channel.set_read_format(slin)
    channel.set_write_format(slin)
    channel.set_native_formats(FormatCapabilities([alaw]), read=alaw, write=alaw)
    got: list[Frame] = []
    channel.attach(got.append)
    channel.deliver(voice(alaw, ulaw_to_alaw(ULAW), 160))
    channel.write(voice(slin, bytes(320), 160))
    assert got[0].format is slin
    assert phone.heard[0][1].format is alaw


# -- waiting -----------------------------------------------------------------------------------------------------------------


async def test_wait_ends_with_the_handlers_first_answer(phone: Phone) -> None:
    channel = phone.channel
    frames = [digit_end("1"), digit_end("2"), digit_end("3")]
    asyncio.get_running_loop().call_later(1, deliver_all, channel, frames)
    answer = await channel.wait(lambda frame: frame.digit if frame.digit == "2" else None, 5)
    assert (answer, phone.clock) == ("2", 1)
    # what came after the answer, in the same moment, is there for the next who waits
    assert await channel.wait_for_digit(0.1) == "3"


async def test_wait_times_out(phone: Phone) -> None:
    assert await phone.channel.wait(None, 1.5) is None
    assert phone.clock == pytest.approx(1.5)
    assert await phone.channel.wait(lambda frame: True, 0) is None
    assert phone.clock == pytest.approx(1.5)


async def test_wait_looks_at_what_waits_already(phone: Phone) -> None:
    phone.channel.deliver(digit_end("7"))
    assert await phone.channel.wait_for_digit(0) == "7"


async def test_pause_drops_what_comes(phone: Phone) -> None:
    asyncio.get_running_loop().call_later(0.5, phone.channel.deliver, digit_end("1"))
    await phone.channel.pause(1)
    assert await phone.channel.wait_for_digit(0.1) is None


async def test_a_failing_handler_fails_the_wait_not_the_driver(phone: Phone) -> None:
    channel = phone.channel

    def broken(frame: Frame) -> None:
        raise ValueError("handler")

    for wait in (lambda: channel.wait(broken), lambda: channel.wait_for(phone.future(), broken)):
        asyncio.get_running_loop().call_later(0.1, channel.deliver, digit_end("1"))
        with pytest.raises(ValueError, match="handler"):
            await wait()


async def test_wait_for_a_future_or_a_key(phone: Phone) -> None:
    channel, loop = phone.channel, asyncio.get_running_loop()

    def key(frame: Frame) -> str | None:
        return frame.digit if frame.type is FrameType.DTMF_END else None

    future: asyncio.Future[Any] = loop.create_future()
    loop.call_later(1, future.set_result, "over")
    assert await channel.wait_for(future, key) == "over"
    future = loop.create_future()
    loop.call_later(1, deliver_all, channel, [digit_end("4"), digit_end("5")])
    assert await channel.wait_for(future, key) == "4"
    assert not future.done()
    assert await channel.wait_for_digit(0) == "5"
    failed: asyncio.Future[Any] = loop.create_future()
    loop.call_later(1, failed.set_exception, OSError("failed"))
    with pytest.raises(OSError, match="failed"):
        await channel.wait_for(failed)
    assert not channel._hangup_listeners


async def test_the_sink_from_before_gets_its_frames_back(phone: Phone) -> None:
    before: list[Frame] = []
    phone.channel.attach(before.append)
    asyncio.get_running_loop().call_later(0.1, phone.channel.deliver, digit_end("1"))
    await phone.channel.wait_for_digit(1)
    phone.channel.deliver(digit_end("2"))
    assert digits_of(before) == "2"


@pytest.mark.parametrize(
    "raise_it",
    [
        lambda channel: channel.queue_hangup(16),
        lambda channel: channel.request_hangup(SoftHangup.EXPLICIT),
        lambda channel: channel.redirect("default", "s", 1),
        lambda channel: channel.hangup(),
    ],
    ids=["device", "request", "redirect", "hangup"],
)
async def test_every_reason_to_leave_ends_a_wait(phone: Phone, raise_it: Callable[[Channel], None]) -> None:
    channel = phone.channel
    for wait in (lambda: channel.wait(None, 100), lambda: channel.wait_for(phone.future())):
        channel.soft_hangup = SoftHangup.NONE
        asyncio.get_running_loop().call_later(1, raise_it, channel)
        with pytest.raises(ChannelGone):
            await wait()
        with pytest.raises(ChannelGone):  # and the next one at once
            await wait()
        if channel.is_hung_up:
            break
    assert not channel._hangup_listeners


async def test_absolute_timeout(phone: Phone) -> None:
    phone.channel.set_absolute_timeout(3)
    phone.channel.set_absolute_timeout(2)
    with pytest.raises(ChannelGone):
        await phone.channel.wait()
    assert phone.clock == pytest.approx(2)
    assert phone.channel.soft_hangup == SoftHangup.TIMEOUT
    phone.channel.clear_soft_hangup(SoftHangup.TIMEOUT)
    for seconds in (1, None):
        phone.channel.set_absolute_timeout(seconds)
    assert not phone.channel.when_to_hangup
    assert await phone.channel.wait(None, 5) is None


# -- frames out --------------------------------------------------------------------------------------------------------------


async def test_write_sorts_frames_to_the_driver(phone: Phone) -> None:
    channel = phone.channel
    channel.write(control(Control.RINGING))
    channel.write(Frame(FrameType.VIDEO, 0, b"picture"))
    channel.write(digit_begin("5"))
    await phone.after(0.1)
    channel.write(digit_end("5", 100))
    assert phone.told == [Control.RINGING]
    assert phone.digits == "5"
    assert [frame.type for _, frame in phone.heard if frame.type is not FrameType.VOICE] == [FrameType.VIDEO]


async def test_a_digit_lasts_at_least_80_ms(system: System, phone: Phone) -> None:
    told = seen(system, events.DigitBegan, events.DigitEnded)
    channel = phone.channel
    channel.send_digit_begin("1")
    await phone.after(0.01)
    channel.send_digit_end("1")
    assert phone.digits == ""
    await phone.after(0.08)
    assert phone.digits == "1"
    channel.send_digit_end("2", 150)  # never begun: sent whole
    await phone.after(0.14)
    assert phone.digits == "1"
    await phone.after(0.02)
    assert phone.digits == "12"
    assert told == []  # what an application sends is not told
    channel.write(digit_begin("3"))
    await phone.after(0.1)
    channel.write(digit_end("3", 100))
    assert [type(event) for event in told] == [events.DigitBegan, events.DigitEnded]
    assert {event.direction for event in told} == {"Sent"}


async def test_a_digit_that_came_faster_than_it_is_sent_keeps_its_length(system: System, phone: Phone) -> None:
    """Its first packet told of a part of it already."""
    phone.channel.write(digit_begin("4"))
    await phone.after(0.07)
    phone.channel.write(digit_end("4", 90))
    phone.channel.write(digit_begin("5"))
    await phone.after(0.2)
    phone.channel.write(digit_end("5", 220))
    assert phone.lengths == [90, 220]


async def test_digits_that_come_whole_are_sent_one_after_the_other(system: System, phone: Phone) -> None:
    """Also the same one twice, and faster than they can be sent; each is told of with its begin."""
    told = seen(system, events.DigitBegan, events.DigitEnded)
    for digit in "227":
        phone.channel.write(digit_end(digit, 100))
    assert [(type(event), event.digit) for event in told] == [
        (kind, digit) for digit in "227" for kind in (events.DigitBegan, events.DigitEnded)
    ]
    for count, seconds in enumerate((0.11, 0.145, 0.145), start=1):
        await phone.after(seconds)
        assert phone.digits == "227"[:count]
    phone.channel.write(digit_end("1", 100))
    phone.channel.write(digit_end("2", 100))
    phone.channel.hangup()
    await phone.after(1)
    assert phone.digits == "227"


async def test_send_digit_ends_the_digit_when_it_is_interrupted(phone: Phone) -> None:
    await phone.channel.send_digit("1", 200)
    assert phone.digits == "1"
    assert phone.clock == pytest.approx(0.2)
    asyncio.get_running_loop().call_later(0.1, phone.channel.redirect, "default", "s", 1)
    with pytest.raises(ChannelGone):
        await phone.channel.send_digit("2", 5000)
    assert phone.digits == "12"


async def test_a_digit_does_not_end_after_the_hang_up(phone: Phone) -> None:
    phone.channel.send_digit_begin("1")
    phone.channel.send_digit_end("1")
    phone.channel.hangup()
    await phone.after(1)
    assert phone.digits == ""


# -- answer and end --------------------------------------------------------------------------------------------------------------


async def test_answer_tells_once_and_waits_for_media(system: System, phone: Phone) -> None:
    told = seen(system, events.ChannelAnswered, events.ChannelStateChanged)
    asyncio.get_running_loop().call_later(0.2, phone.channel.deliver, spoken())
    await phone.channel.answer()
    await phone.channel.answer()
    assert phone.answered_at == 0
    assert phone.clock == pytest.approx(0.2)
    assert [type(event).__name__ for event in told] == ["ChannelStateChanged", "ChannelAnswered"]
    assert phone.channel.state is ChannelState.UP
    assert phone.channel.state_text == "Up"
    assert phone.channel.answered_at == system.now() - 0.2


async def test_answer_keeps_the_keys_pressed_meanwhile_in_order(phone: Phone) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(0.1, phone.channel.deliver, digit_end("1"))
    loop.call_later(0.2, phone.channel.deliver, digit_end("2"))
    await phone.channel.answer()
    assert phone.clock == pytest.approx(0.5)
    phone.channel.deliver(digit_end("3"))
    assert [await phone.channel.wait_for_digit(0) for _ in range(3)] == ["1", "2", "3"]


async def test_keys_pressed_during_the_answer_are_told_of_again_when_they_are_read(system: System, phone: Phone) -> None:
    """One that came without a begin is told of as one that begins, as Asterisk does."""
    told = seen(system, events.DigitBegan, events.DigitEnded)
    loop = asyncio.get_running_loop()
    for seconds, frame in ((0.1, digit_end("1", 200)), (0.2, digit_begin("2")), (0.3, digit_end("2", 100))):
        loop.call_later(seconds, phone.channel.deliver, frame)
    loop.call_later(0.4, phone.channel.deliver, digit_begin("3"))
    await phone.channel.answer()
    begun, ended = events.DigitBegan, events.DigitEnded
    first = [(ended, "1"), (begun, "2"), (ended, "2"), (begun, "3")]
    assert [(type(event), event.digit) for event in told] == first
    phone.channel.deliver(digit_end("3", 150))
    await phone.channel.pause(0.1)
    again = [(ended, "3"), (begun, "1"), (begun, "2"), (ended, "2"), (begun, "3")]
    assert [(type(event), event.digit) for event in told] == first + again


async def test_an_outgoing_channel_is_not_answered_by_us(system: System) -> None:
    phone = Phone(system)
    phone.channel.is_outgoing = True
    phone.channel.answer_at_once()
    assert phone.answered_at is None
    assert phone.channel.state is ChannelState.UP
    phone.channel.hangup()
    phone.close()


async def test_the_endpoint_hangs_up(system: System, phone: Phone) -> None:
    told = seen(system, events.HangupRequested)
    phone.channel.queue_hangup(Cause.USER_BUSY)
    phone.channel.queue_hangup()
    assert (phone.channel.hangup_cause, phone.channel.hangup_source) == (17, "Phone/1")
    assert phone.channel.soft_hangup == SoftHangup.DEVICE
    assert not told[0].is_soft
    other = Phone(system, name="Phone/2")
    other.channel.queue_hangup(source="")
    other.channel.request_hangup(cause=16)
    assert (other.channel.hangup_source, other.channel.hangup_cause) == ("", 16)
    assert told[-1].is_soft
    other.channel.hangup()
    other.close()


async def test_hangup_is_done_once_and_cleans_up(system: System) -> None:
    phone = Phone(system)
    channel = phone.channel
    told = seen(system, events.ChannelHungUp)
    gone: list[Channel] = []
    undo = channel.on_hangup(gone.append)
    channel.deliver(digit_end("1"))
    channel.set_absolute_timeout(10)
    task = channel.tasks.start(asyncio.sleep(100), name="sleeper")
    channel.hangup(21)
    channel.hangup(17)
    assert (phone.hung_up_at, channel.hangup_cause, len(told), gone) == (0, 21, 1, [channel])
    assert channel.name not in system.channels
    assert channel.unique_id not in system.channels_by_id
    assert (list(channel.queue), channel.when_to_hangup) == ([], None)
    with pytest.raises(asyncio.CancelledError):
        await task
    undo()
    undo()
    late: list[Channel] = []
    channel.on_hangup(late.append)  # too late: told at once
    assert late == [channel]
    phone.close()


async def test_a_drivers_bug_does_not_keep_the_channel(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = Phone(system)

    def broken(channel: Channel) -> None:
        raise RuntimeError("driver")

    monkeypatch.setattr(phone.channel.tech, "hangup", broken)
    with LogCapture() as log:
        phone.channel.hangup()
    assert not system.channels
    assert "driver" in log.texts(Level.ERROR)[0]
    phone.close()


async def test_a_failed_task_ends_its_call_only(system: System, phone: Phone) -> None:
    other = Phone(system, name="Phone/2")

    async def fail() -> None:
        raise ValueError("bug")

    with LogCapture() as log:
        phone.channel.tasks.start(fail(), name="failing")
        await phone.after(0.1)
    assert phone.channel.is_hung_up
    assert phone.channel.hangup_cause == Cause.FAILURE
    assert not other.channel.is_hung_up
    assert "bug" in log.texts(Level.ERROR)[0]
    other.channel.hangup()
    other.close()


# -- who it is ------------------------------------------------------------------------------------------------------------


async def test_identity_and_changes_of_it_are_told(system: System, phone: Phone) -> None:
    told = seen(
        system,
        events.CallerIdChanged,
        events.AccountCodeChanged,
        events.LinkedIdChanged,
        events.ConnectedLineChanged,
        events.ChannelStateChanged,
    )
    channel = phone.channel
    assert system.find_channel(channel.name) is channel
    assert system.find_channel(channel.unique_id) is channel
    assert channel.linked_id == channel.unique_id
    channel.set_caller_id("100", "Alice")
    channel.set_account_code("sales")
    channel.set_account_code("sales")
    channel.set_linked_id("1.1")
    channel.set_linked_id("1.1")
    channel.set_connected_line(PartyId())
    channel.set_state(ChannelState.RINGING)
    channel.set_state(ChannelState.RINGING)
    assert [type(event).__name__ for event in told] == [
        "CallerIdChanged", "AccountCodeChanged", "LinkedIdChanged", "ConnectedLineChanged", "ChannelStateChanged",
    ]  # fmt: skip
    assert (channel.caller.id.number.text, channel.caller.id.name.text, channel.account_code) == ("100", "Alice", "sales")
    assert phone.told == [Control.CONNECTED_LINE]
    assert repr(channel) == "<Channel Phone/1 RINGING>"


async def test_scope_of_substitution(system: System, phone: Phone) -> None:
    channel = phone.channel
    channel.set_variable("X", "1")
    system.globals.set("Y", "2")
    assert [channel.get_variable(name) for name in ("X", "Y", "CHANNEL", "NOTHING")] == ["1", "2", "Phone/1", None]
    with LogCapture() as log:
        assert channel.call_function("NOSUCH", "x") == ""
        channel.warn("WARNING", "mind the gap")
    assert "mind the gap" in log.texts(Level.WARNING)

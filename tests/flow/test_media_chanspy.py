"""ChanSpy and ExtenSpy: what a spy hears, to whom it speaks, and which channels it goes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.format import alaw, g729
from globstar.core.system import System
from globstar.media.network import Impairment
from tests.interop.support.audio import sine, tone_share
from tests.support.calls import load_dialplan
from tests.support.phone import Phone, Samples, media_system, noise, sound
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

BEEP = noise(0.1, 31)
#: what each party says for as long as the test goes on
A_HZ, B_HZ, SPY_HZ = 500, 900, 1500


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    for name in ("beep", "digits/1", "digits/2", "spy-phone", "letters/a", "letters/b"):
        sound(sounds, name, BEEP)
    modules = ["app_chanspy", "bridge_simple"]
    async with media_system(tmp_path, modules=modules, files={"voicemail.conf": "[default]\n2 => 1,Two\n"}) as system:
        yield system


class Talk:
    """Two phones in a bridge who say their tone all the time."""

    def __init__(self, system: System, first: str = "Phone/1-a", second: str = "Phone/2-a") -> None:
        self.one = Phone(system, name=first, state=ChannelState.UP)
        self.two = Phone(system, name=second, state=ChannelState.UP, format=alaw)
        self.two.channel.is_outgoing = True
        self.bridge = Bridge(system)
        self.bridge.join(self.one.channel)
        self.bridge.join(self.two.channel)
        self.one.meanwhile(self.one.speak(sine(A_HZ, 600)))
        self.two.meanwhile(self.two.speak(sine(B_HZ, 600)))

    async def end(self) -> None:
        """Both hang up."""
        for phone in (self.one, self.two):
            await phone.stop_background()
            if not phone.channel.is_hung_up:
                phone.channel.queue_hangup()
                phone.channel.hangup()
            phone.close()


def spy(system: System, arguments: str, application: str = "ChanSpy") -> Phone:
    """A caller who spies."""
    phone = Phone(system, name=f"Spy/{system.now()}-1")
    phone.start(f"[default]\nexten => s,1,{application}({arguments})\nsame => n,NoOp(on)\n[exits]\nexten => 7,1,NoOp(seven)\n")
    phone.meanwhile(phone.speak(sine(SPY_HZ, 600)))
    return phone


def last(phone: Phone, seconds: float = 0.4) -> Samples:
    """What was heard at last."""
    return phone.samples[-round(seconds * 8000) :]


def hears(phone: Phone) -> set[int]:
    """Whose tones a phone hears now."""
    assert phone.voice, "nothing was heard"
    assert phone.voice[-1][0] > phone.clock - 0.1, "nothing is heard any more"
    heard = last(phone)
    return {hertz for hertz in (A_HZ, B_HZ, SPY_HZ) if tone_share(heard, hertz) > 0.1}


async def finish(phone: Phone, *talks: Talk) -> None:
    if not phone.channel.is_hung_up:
        phone.hang_up()
    await phone.end()
    for talk in talks:
        await talk.end()


@pytest.mark.parametrize(
    ("options", "by_spy", "by_one", "by_two"),
    [
        ("q", {A_HZ, B_HZ}, {B_HZ}, {A_HZ}),
        ("qo", {A_HZ}, {B_HZ}, {A_HZ}),
        ("qw", {A_HZ, B_HZ}, {B_HZ, SPY_HZ}, {A_HZ}),
        ("qW", set(), {B_HZ, SPY_HZ}, {A_HZ}),
        ("qB", {A_HZ, B_HZ}, {B_HZ, SPY_HZ}, {A_HZ, SPY_HZ}),
        ("qwl", {A_HZ, B_HZ}, {B_HZ, SPY_HZ}, {A_HZ}),
    ],
)
async def test_who_hears_whom(system: System, options: str, by_spy: set[int], by_one: set[int], by_two: set[int]) -> None:
    talk = Talk(system)
    phone = spy(system, f"Phone/1,{options}")
    await phone.after(1)
    assert (hears(phone), hears(talk.one), hears(talk.two)) == (by_spy, by_one, by_two)
    assert phone.gaps == {0.02}
    await finish(phone, talk)


async def test_the_channels_are_as_before_when_the_spy_is_gone(system: System) -> None:
    talk = Talk(system)
    phone = spy(system, "Phone/1,qB")
    await phone.after(1)
    phone.hang_up()
    await phone.end()
    await talk.one.after(0.6)
    assert (hears(talk.one), hears(talk.two)) == ({B_HZ}, {A_HZ})
    for channel in (talk.one.channel, talk.two.channel):
        assert not channel.read_hooks
        assert not channel.write_hooks
    assert talk.one.gaps == talk.two.gaps == {0.02}
    await talk.end()


async def test_whispering_to_a_channel_that_hears_nothing(system: System) -> None:
    lonely = Phone(system, name="Phone/9-a")
    lonely.start("[default]\nexten => s,1,Answer(,i)\nsame => n,Wait(10)\n")
    phone = spy(system, "Phone/9,qw")
    await phone.after(1)
    assert hears(lonely) == {SPY_HZ}
    assert not any(abs(gap - 0.02) > 0.001 for gap in lonely.gaps)
    lonely.hang_up()
    await lonely.end()
    await finish(phone)


async def test_keys_change_the_mode(system: System) -> None:
    talk = Talk(system)
    phone = spy(system, "Phone/1,qd")
    await phone.after(0.6)
    expected = {"5": ({B_HZ, SPY_HZ}, {A_HZ}), "6": ({B_HZ, SPY_HZ}, {A_HZ, SPY_HZ}), "4": ({B_HZ}, {A_HZ})}
    for key, (by_one, by_two) in expected.items():
        phone.key(key)
        await phone.after(0.7)
        assert (hears(talk.one), hears(talk.two)) == (by_one, by_two), key
    await finish(phone, talk)


async def test_volume(system: System) -> None:
    talk = Talk(system)
    phone = spy(system, "Phone/1,qo")
    levels = []
    for key in ("", "#", "####"):
        for digit in key:
            phone.key(digit)
        await phone.after(0.6)
        levels.append(np.abs(last(phone, 0.2).astype(float)).mean())
    assert levels[1] / levels[0] == pytest.approx(2, rel=0.1)
    assert levels[2] / levels[0] == pytest.approx(1 / 8, rel=0.2)  # after the loudest comes the quietest
    await finish(phone, talk)
    talk = Talk(system, "Phone/3-a", "Phone/4-a")
    quiet = spy(system, "Phone/3,qov(-2)")
    await quiet.after(0.6)
    assert np.abs(last(quiet, 0.2).astype(float)).mean() / levels[0] == pytest.approx(1 / 4, rel=0.1)
    await finish(quiet, talk)


async def test_going_through_the_channels(system: System) -> None:
    started: list[str] = []
    system.bus.subscribe(events.ChanSpyStarted, lambda event: started.append(event.spied.name))
    stopped: list[str] = []
    system.bus.subscribe(events.ChanSpyStopped, lambda event: stopped.append(event.spied.name))
    talk, other = Talk(system), Talk(system, "Other/3-a", "Phone/4-a")
    phone = spy(system, "Phone,q")
    for _ in range(3):
        await phone.after(0.1)
        phone.key("*")
    await phone.after(0.1)
    assert started == ["Phone/1-a", "Phone/2-a", "Phone/4-a", "Phone/1-a"]
    assert stopped == started[:3]
    for digit in "4#":
        phone.key(digit)
    await phone.after(0.1)
    assert started[-1] == "Phone/4-a"
    await finish(phone, talk, other)
    assert stopped == started


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (",qS", ["Phone/1-a", "Phone/2-a", "Phone/5-a"]),
        (",qSb", ["Phone/1-a", "Phone/2-a"]),
        (",qSg(sales:support)", ["Phone/2-a"]),
        (",qSe(5:1)", ["Phone/1-a", "Phone/5-a"]),
        ("phone/2-A,qSu", ["Phone/2-a"]),
        ("Nobody,qS", []),
        ("all,qSc(9)", ["Phone/1-a", "Phone/2-a", "Phone/5-a"]),
    ],
)
async def test_which_channels(system: System, arguments: str, expected: list[str]) -> None:
    started: list[str] = []
    system.bus.subscribe(events.ChanSpyStarted, lambda event: started.append(event.spied.name))
    talk = Talk(system)
    alone = Phone(system, name="Phone/5-a").start("[default]\nexten => s,1,Wait(60)\n")
    talk.two.channel.set_variable("SPYGROUP", "other:support")
    phone = spy(system, arguments)
    while not phone.channel.is_hung_up and phone.clock < 10:
        await phone.after(0.1)
        phone.key("9" if "c(9)" in arguments else "*")
    assert started == expected
    assert "NoOp(on)" in phone.steps
    await finish(phone, talk)
    alone.hang_up()
    await alone.end()


async def test_a_channel_that_comes_later_and_one_that_goes(system: System) -> None:
    phone = spy(system, "Phone,qE")
    await phone.after(3)
    assert phone.steps == ["ChanSpy(Phone,qE)"]
    talk = Talk(system)
    await phone.after(1.6)
    assert hears(phone) == {A_HZ, B_HZ}
    await talk.end()
    await phone.after(0.1)
    assert "NoOp(on)" in phone.steps
    await finish(phone)


@pytest.mark.parametrize(("options", "key"), [("qx(#)", "#"), ("qx(3)", "3")])
async def test_a_key_ends_it(system: System, options: str, key: str) -> None:
    talk = Talk(system)
    phone = spy(system, f"Phone/1,{options}")
    await phone.after(0.3)
    phone.key("5")
    await phone.after(0.1)
    assert "NoOp(on)" not in phone.steps
    phone.key(key)
    await phone.after(0.1)
    assert "NoOp(on)" in phone.steps
    await finish(phone, talk)


async def test_leaving_to_an_extension(system: System) -> None:
    talk = Talk(system)
    phone = Phone(system, name="Spy/1-1")
    phone.start(
        "[default]\nexten => s,1,Set(SPY_EXIT_CONTEXT=exits)\nsame => n,ChanSpy(Phone/1,qX)\n[exits]\nexten => 7,1,NoOp(seven)\n"
    )
    await phone.after(0.2)
    phone.key("6")
    await phone.after(0.1)
    phone.key("7")
    await phone.end()
    assert phone.steps[-1] == "NoOp(seven)"
    assert phone.variables["SPY_CHANNEL"] == "Phone/1-a"
    await talk.end()


async def test_leaving_while_there_is_nobody_names_who_was_last(system: System) -> None:
    talk = Talk(system)
    phone = Phone(system, name="Spy/1-1")
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,ChanSpy(Phone/1,qX)\nexten => 7,1,NoOp(seven)\n")
    await phone.after(0.2)
    await talk.end()
    await phone.after(0.2)
    phone.key("7")
    await phone.end()
    assert phone.steps[-1] == "NoOp(seven)"
    assert phone.variables["SPY_CHANNEL"] == "Phone/1-a"


async def test_a_spy_whose_codec_cannot_be_translated_is_told_and_goes_on(system: System) -> None:
    talk = Talk(system)
    phone = Phone(system, name="Spy/1-1", format=g729)
    with LogCapture() as log:
        await phone.run("[default]\nexten => s,1,Answer(,i)\nsame => n,ChanSpy(Phone/1,q)\nsame => n,NoOp(on)\n")
    assert phone.steps[-1] == "NoOp(on)"
    assert len(log.texts(Level.WARNING)) == 1
    assert not talk.one.channel.read_hooks
    await talk.end()


async def test_the_spied_channel_is_named(system: System, tmp_path: Path) -> None:
    talk = Talk(system)
    greeting = Path(system.directories.astspooldir) / "voicemail" / "default" / "2"
    sound(greeting, "greet", BEEP)
    prompts = {}
    for arguments in ("Phone/1,", "Phone/1,s", "Phone/1,q", "Phone/2,n", "Phone/1,n(2@default)", "Phone/1,n"):
        phone = spy(system, arguments)
        await phone.after(1.5)
        prompts[arguments] = phone.prompts
        await finish(phone)
    assert prompts == {
        "Phone/1,": ["beep", "spy-phone", "digits/1"],
        "Phone/1,s": ["beep", "digits/1"],
        "Phone/1,q": [],
        "Phone/2,n": ["beep", str(greeting / "greet")],
        "Phone/1,n(2@default)": ["beep", str(greeting / "greet")],
        "Phone/1,n": ["beep", "spy-phone", "digits/1"],
    }
    await talk.end()


async def test_the_session_is_recorded(system: System) -> None:
    talk = Talk(system)
    phone = spy(system, "Phone/1,qr(mine)")
    await phone.after(1)
    heard = phone.samples
    await finish(phone, talk)
    (file,) = (Path(system.directories.astspooldir) / "monitor").glob("mine.*.raw")
    recorded = np.frombuffer(file.read_bytes(), "<i2")
    assert abs(len(recorded) - len(heard)) <= 320
    assert tone_share(recorded, A_HZ) > 0.3
    assert tone_share(recorded, B_HZ) > 0.3


async def test_spies_that_begin_in_one_second_have_recordings_of_their_own(system: System) -> None:
    talk = Talk(system)
    spies = [Phone(system, name=f"Spy/{number}-1", extension=extension) for number, extension in enumerate(("1", "2", "1"))]
    load_dialplan(system, "[default]\nexten => 1,1,ChanSpy(Phone/1,qNor(mine))\nexten => 2,1,ChanSpy(Phone/1,qNr(mine))\n")
    for phone in spies:
        phone.start()
    await spies[0].after(0.6)
    for phone in spies:
        await finish(phone)
    await talk.end()
    files = sorted((Path(system.directories.astspooldir) / "monitor").glob("mine.*.raw"))
    assert len(files) == 3
    recordings = [np.frombuffer(file.read_bytes(), "<i2") for file in files]
    assert sum(tone_share(recording, B_HZ) > 0.3 for recording in recordings) == 1


async def test_a_spy_is_not_spied_on_and_nobody_is_answered_with_n(system: System) -> None:
    talk = Talk(system)
    first = spy(system, "Phone/1,qN")
    await first.after(0.2)
    assert first.answered_at is None
    second = spy(system, "Spy,qS")
    await second.after(0.2)
    assert second.answered_at is not None
    assert "NoOp(on)" in second.steps
    await finish(first, talk)
    await finish(second)


async def test_extenspy(system: System) -> None:
    started: list[str] = []
    system.bus.subscribe(events.ChanSpyStarted, lambda event: started.append(event.spied.name))
    talk, other = Talk(system), Talk(system, "Phone/3-a", "Phone/4-a")
    talk.one.channel.extension = "200"
    other.one.channel.extension = "300"
    phone = spy(system, "200@default,qDS", "ExtenSpy")
    await phone.after(0.6)
    frames = [frame for _, frame in phone.voice]
    assert {frame.samples for frame in frames} == {320}
    heard = last(phone)
    assert tone_share(heard[0::2].copy(), B_HZ) > 0.8
    assert tone_share(heard[1::2].copy(), A_HZ) > 0.8
    phone.key("*")
    await phone.after(0.1)
    assert started == ["Phone/2-a"]
    assert "NoOp(on)" in phone.steps
    await finish(phone, talk, other)


async def test_bad_options_are_told(system: System) -> None:
    with LogCapture() as log:
        phone = spy(system, "Nobody,qSv(9)x(y)Z")
        await phone.after(0.6)
        assert "NoOp(on)" in phone.steps
        nobody = spy(system, "", "ExtenSpy")
        await nobody.after(0.6)
    assert nobody.steps == ["ExtenSpy()"]
    assert log.texts(Level.WARNING) == [
        "unknown option 'Z'",
        "option x takes a key, not 'y'",
        "option v takes a volume from -4 to 4, not '9'",
        "ExtenSpy requires an argument (exten)",
    ]
    await finish(phone)
    await finish(nobody)


def numbers(call: PhoneCall) -> list[int]:
    """The first octet of each packet that a call heard."""
    return [payload[0] for kind, payload in call.heard if kind == 0 and payload]


async def call_of_two(office: SipOffice) -> tuple[PhoneCall, PhoneCall]:
    """Alice has called bob."""
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    calling = alice.call("101")
    await alice.get(100)
    called = await bob.ring()
    await called.answer()
    await calling.answered()
    return calling, called


async def test_packets_are_relayed_again_when_the_spy_is_gone_and_none_is_lost(tmp_path: Path) -> None:
    """The bridge goes from packets to frames and back under the conversation: no gap, nothing twice, nothing out of order."""
    phones = phone_section("alice") + phone_section("bob") + phone_section("carol")
    extensions = "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\nexten => 555,1,ChanSpy(PJSIP/alice,qB)\n"
    async with sip_office(tmp_path, phones, extensions) as office:
        calling, called = await call_of_two(office)
        carol = office.phone("carol")
        await asyncio.sleep(0.1)
        technologies: list[str] = []

        def look() -> None:
            name = next(bridge.technology.name for bridge in office.system.bridges.values())
            if not technologies or technologies[-1] != name:
                technologies.append(name)

        async def speak(call: PhoneCall) -> None:
            for index in range(150):
                call.send_rtp(bytes([index]) * 160)
                look()
                await asyncio.sleep(0.02)

        async def listen() -> None:
            await asyncio.sleep(0.8)
            spying = carol.call("555")
            await carol.get(100)
            await spying.answered()
            await asyncio.sleep(1.5)
            assert len(numbers(spying)) >= 45
            await spying.hang_up()

        calling.heard.clear()
        called.heard.clear()
        await asyncio.gather(speak(calling), speak(called), listen())
        await asyncio.sleep(0.2)
        look()
        assert technologies == ["native_rtp", "simple_bridge", "native_rtp"]
        assert numbers(calling) == list(range(150))
        assert numbers(called) == list(range(150))
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(
    "impairment",
    [Impairment(delay=0.001, jitter=0.045), Impairment(hold=range(10, 110, 7)), Impairment(drop=range(20, 100, 9))],
    ids=["jitter", "disorder", "loss"],
)
async def test_a_spy_hears_without_holes_what_comes_unevenly(tmp_path: Path, impairment: Impairment) -> None:
    phones = phone_section("alice") + phone_section("bob") + phone_section("carol")
    extensions = "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\nexten => 555,1,ChanSpy(PJSIP/alice,qo)\n"
    async with sip_office(tmp_path, phones, extensions) as office:
        calling, called = await call_of_two(office)
        carol = office.phone("carol")
        spying = carol.call("555")
        await carol.get(100)
        await spying.answered()
        await asyncio.sleep(1.5)
        office.media.impair((calling.phone.address[0], calling.rtp_port), impairment)
        spying.heard.clear()
        for index in range(1, 121):
            calling.send_rtp(bytes([index]) * 160)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        heard = numbers(spying)
        first, last = heard.index(1), heard.index(120)
        lost = {number + 1 for number in impairment.drop}
        silence = 0xFF
        assert [number for number in heard[first : last + 1] if number != silence] == [n for n in range(1, 121) if n not in lost]
        assert heard[first : last + 1].count(silence) == len(lost)  # each in its place
        await calling.hang_up()
        await called.ended()
        await carol.ask("OPTIONS", "sip:127.0.0.1:15060")
        await spying.hang_up()

"""Attended transfer by digits (features.conf atxfer): every way in which it may go, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.frame import digit_begin, digit_end
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone
from tests.support.sip_transfer import transfer_office

FEATURES = """\
[general]
atxfernoanswertimeout=5
atxferloopdelay=3
atxfercallbackretries=1
xfersound=
xferfailsound=
transferannouncesound=
{more}
[featuremap]
atxfer => *2
"""
EXTENSIONS = """\
[default]
exten => 201,1,Dial(PJSIP/bob,20,Tt)
"""


class Call:
    """A call of alice and bob, which alice may transfer."""

    def __init__(self, office: SipOffice, phones: list[SipPhone], a: PhoneCall, b: PhoneCall) -> None:
        self.office = office
        self.alice, self.bob, self.carol, self.dave = phones
        self.a, self.b = a, b
        self.told: list[events.AttendedTransferred] = []
        office.system.bus.subscribe(events.AttendedTransferred, self.told.append)

    @property
    def channel(self) -> Channel:
        """Alice's channel."""
        return next(c for c in self.office.system.channels.values() if c.name == "PJSIP/alice-00000000")

    async def press(self, digits: str) -> None:
        """Alice presses digits."""
        for digit in digits:
            self.channel.deliver(digit_begin(digit))
            self.channel.deliver(digit_end(digit, 100))
            await asyncio.sleep(0.1)

    async def consult(self, *, is_answered: bool = True) -> PhoneCall:
        """Alice calls carol while bob waits."""
        await self.press("*2")
        await self.press("102")
        c = await self.carol.ring()
        assert c.request is not None
        assert '"Alice" <sip:100@' in c.request["From"]
        c.reply(180)
        if is_answered:
            await c.answer()
            await asyncio.sleep(0.1)
        return c

    async def hear(self, *pairs: tuple[PhoneCall, PhoneCall, bool]) -> None:
        """Whether the second of each pair hears the first."""
        speakers = list(dict.fromkeys(first for first, _, _ in pairs))
        for one in self.a, self.b, *speakers:
            one.sounds()
        for number, speaker in enumerate(speakers):
            await speaker.speak(5, 0x10 + number)
            await asyncio.sleep(0.1)
            for first, second, is_heard in pairs:
                if first is speaker:
                    assert (second.sounds().get(0x10 + number, 0) >= 4) == is_heard

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """What the events say."""
        return [(event.result, event.destination) for event in self.told]


@asynccontextmanager
async def a_call(root: Path, more: str = "") -> AsyncIterator[Call]:
    """Alice has called bob."""
    files = {"features.conf": FEATURES.format(more=more)}
    async with transfer_office(root, EXTENSIONS, files) as (office, phones):
        alice, bob = phones[:2]
        a = alice.call("201")
        await alice.get(100)
        b = await bob.ring()
        await b.answer()
        await a.answered()
        await asyncio.sleep(0.1)
        yield Call(office, phones, a, b)
        await office.quiet()
        assert not office.system.channels
        assert not office.system.bridges


async def test_complete_by_hanging_up(tmp_path: Path) -> None:
    """Consult, hang up: bob and carol talk."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        await call.hear((call.a, c, True), (c, call.a, True), (call.b, call.a, False))
        await call.a.hang_up()
        await asyncio.sleep(0.2)
        await call.b.speak(3, 0x60)  # the Local channel between them steps out
        await asyncio.sleep(0.1)
        await call.hear((call.b, c, True), (c, call.b, True))
        assert not [name for name in call.office.system.channels if name.startswith("Local")]
        assert call.outcomes == [("Success", "Bridge")]
        await call.b.hang_up()
        await c.ended()


async def test_complete_by_code(tmp_path: Path) -> None:
    """atxfercomplete: the transferer is hung up."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        await call.press("*2")
        await call.a.ended()
        await asyncio.sleep(0.2)
        await call.b.speak(3, 0x60)
        await call.hear((call.b, c, True), (c, call.b, True))
        await c.hang_up()
        await call.b.ended()


async def test_abort_goes_back(tmp_path: Path) -> None:
    """atxferabort: carol is let go, alice and bob talk on, and alice may try again."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        await call.press("*1")
        await c.ended()
        await asyncio.sleep(0.2)
        await call.hear((call.a, call.b, True), (call.b, call.a, True))
        assert call.outcomes == []  # nobody else is told of what was wanted
        again = await call.consult()
        await call.press("*1")
        await again.ended()
        await call.a.hang_up()
        await call.b.ended()


async def test_threeway(tmp_path: Path) -> None:
    """atxferthreeway: all hear one another, and two stay when one goes."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        await call.press("*3")
        await asyncio.sleep(0.3)
        assert call.outcomes == [("Success", "Threeway")]
        (bridge,) = [bridge for bridge in call.office.system.bridges.values() if len(bridge.members) == 3]
        assert bridge.technology.name == "softmix"
        everybody = (call.a, call.b, c)
        await call.hear(*((one, other, one is not other) for one in everybody for other in everybody))
        await c.hang_up()
        await asyncio.sleep(0.1)
        assert len(bridge.members) == 2
        assert bridge.technology.name != "softmix"
        await call.hear((call.a, call.b, True), (call.b, call.a, True))
        await call.a.hang_up()
        await call.b.ended()


async def test_swap(tmp_path: Path) -> None:
    """atxferswap: alice talks to one, then to the other, and leaves them to each other."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        await call.press("*4")
        await call.hear((call.a, call.b, True), (call.b, call.a, True), (c, call.a, False))
        await call.press("*4")
        await call.hear((call.a, c, True), (c, call.a, True), (call.b, call.a, False))
        await call.press("*4")
        await call.a.hang_up()
        await asyncio.sleep(0.2)
        await call.b.speak(3, 0x60)
        await call.hear((call.b, c, True), (c, call.b, True))
        await call.b.hang_up()
        await c.ended()


async def test_a_busy_target_brings_the_transferer_back(tmp_path: Path) -> None:
    """Carol refuses."""
    async with a_call(tmp_path) as call:
        c = await call.consult(is_answered=False)
        c.reply(486)
        await call.carol.get("ACK")
        await asyncio.sleep(0.2)
        await call.hear((call.a, call.b, True), (call.b, call.a, True))
        await call.a.hang_up()
        await call.b.ended()


async def test_a_target_that_does_not_answer(tmp_path: Path) -> None:
    """atxfernoanswertimeout."""
    async with a_call(tmp_path) as call:
        c = await call.consult(is_answered=False)
        start = call.office.system.now()
        c.reply(200, "OK", request=await call.carol.get("CANCEL"))
        assert 4.5 < call.office.system.now() - start <= 5.5
        c.reply(487)
        await call.carol.get("ACK")
        await call.hear((call.a, call.b, True), (call.b, call.a, True))
        await call.a.hang_up()
        await call.b.ended()


async def test_an_extension_that_is_none(tmp_path: Path) -> None:
    """Three attempts at what does not exist, and back."""
    async with a_call(tmp_path, "transferdialattempts=1") as call:
        await call.press("*2")
        await call.press("999")
        await asyncio.sleep(8)
        await call.hear((call.a, call.b, True), (call.b, call.a, True))
        assert call.outcomes == []
        await call.a.hang_up()
        await call.b.ended()


async def test_the_transferer_leaves_while_the_target_rings(tmp_path: Path) -> None:
    """Bob hears ringing and gets carol when she answers."""
    async with a_call(tmp_path) as call:
        c = await call.consult(is_answered=False)
        await call.a.hang_up()
        await asyncio.sleep(1)
        assert not call.outcomes
        await c.answer()
        await asyncio.sleep(0.2)
        await call.b.speak(3, 0x60)
        await call.hear((call.b, c, True), (c, call.b, True))
        assert call.outcomes == [("Success", "Bridge")]
        await call.b.hang_up()
        await c.ended()


async def test_the_transferer_is_called_back(tmp_path: Path) -> None:
    """It left, and the target did not answer: its phone rings, and it has bob again."""
    async with a_call(tmp_path) as call:
        c = await call.consult(is_answered=False)
        await call.a.hang_up()
        c.reply(200, "OK", request=await call.carol.get("CANCEL"))
        c.reply(487)
        await call.carol.get("ACK")
        back = await call.alice.ring()
        assert back.request is not None
        assert '"Bob" <sip:101@' in back.request["From"]
        await back.answer()
        await asyncio.sleep(0.1)
        await call.hear((call.b, back, True), (back, call.b, True))
        await back.hang_up()
        await call.b.ended()


async def test_nobody_can_be_reached_any_more(tmp_path: Path) -> None:
    """The target is tried again after the transferer did not answer either, as often as configured; then bob is let go."""
    async with a_call(tmp_path) as call:
        c = await call.consult(is_answered=False)
        await call.a.hang_up()
        for _ in range(2):
            c.reply(486)
            await call.carol.get("ACK")
            back = await call.alice.ring()
            back.reply(486)
            await call.alice.get("ACK")
            if _ == 0:
                c = await call.carol.ring()
        await call.b.ended()
        assert call.outcomes == [("Fail", "Fail")]


async def test_drop_the_call(tmp_path: Path) -> None:
    """atxferdropcall: nobody is called back."""
    async with a_call(tmp_path, "atxferdropcall=yes") as call:
        c = await call.consult(is_answered=False)
        await call.a.hang_up()
        c.reply(486)
        await call.carol.get("ACK")
        await call.b.ended()


async def test_the_transferee_hangs_up_meanwhile(tmp_path: Path) -> None:
    """Alice and carol have a call of their own."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        await call.b.hang_up()
        await asyncio.sleep(0.2)
        await call.a.speak(3, 0x60)
        await call.hear((call.a, c, True), (c, call.a, True))
        await c.hang_up()
        await call.a.ended()


async def test_everybody_else_is_gone(tmp_path: Path) -> None:
    """The transferee hangs up while the target rings: nothing is left for alice."""
    async with a_call(tmp_path) as call:
        c = await call.consult(is_answered=False)
        await call.b.hang_up()
        c.reply(200, "OK", request=await call.carol.get("CANCEL"))
        c.reply(487)
        await call.carol.get("ACK")
        await call.a.ended()


async def test_the_target_waits_with_the_transferer_while_it_rings(tmp_path: Path) -> None:
    """The Local half is in the transferer's bridge before that comes and before it is answered, as recorded of Asterisk."""
    async with a_call(tmp_path) as call:
        entered: list[tuple[str, str]] = []
        call.office.system.bus.subscribe(
            events.BridgeEntered, lambda event: entered.append((event.channel.name.partition("-")[0], event.channel.state.name))
        )
        c = await call.consult(is_answered=False)
        assert entered == [("Local/102@default", "DOWN"), ("PJSIP/alice", "UP")]
        assert call.channel.bridge_member is not None
        assert [member.channel.name[-2:] for member in call.channel.bridge_member.peers] == [";1"]
        await c.answer()
        await asyncio.sleep(0.1)
        await call.hear((call.a, c, True), (c, call.a, True), (call.b, call.a, False))
        await call.a.hang_up()
        await asyncio.sleep(0.2)
        await call.b.hang_up()
        await c.ended()


async def test_nobody_is_left_when_the_target_is_busy_and_the_transferer_gone(tmp_path: Path) -> None:
    """The half that waited in the bridge ends with its call."""
    async with a_call(tmp_path, "atxferdropcall=yes") as call:
        c = await call.consult(is_answered=False)
        await call.a.hang_up()
        await asyncio.sleep(0.1)
        c.reply(486)
        await call.carol.get("ACK")
        await call.b.ended()
        assert call.outcomes == [("Fail", "Fail")]


async def test_digits_pressed_while_the_prompt_is_opened_count(tmp_path: Path) -> None:
    """As manager clients press them: the code and the extension within one moment."""
    async with a_call(tmp_path, "transferannouncesound=whom") as call:
        sounds = Path(call.office.system.directories.astdatadir) / "sounds" / "en"
        sounds.mkdir(parents=True, exist_ok=True)
        (sounds / "whom.ulaw").write_bytes(b"\xff" * 4000)
        for digit in "*2":
            call.channel.deliver(digit_end(digit, 100))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for digit in "102":
            call.channel.deliver(digit_end(digit, 100))
        c = await call.carol.ring()
        await c.answer()
        await asyncio.sleep(0.1)
        await call.a.hang_up()
        await asyncio.sleep(0.1)
        await call.b.hang_up()
        await c.ended()


def _bridging(call: Call) -> list[str]:
    """What is told of bridges from now on: who enters, who leaves, and where two become one."""
    told: list[str] = []
    bus = call.office.system.bus
    bus.subscribe(events.BridgesMerged, lambda event: told.append("merge"))
    bus.subscribe(events.BridgeEntered, lambda event: told.append(f"enter {event.channel.name.partition('-')[0]}"))
    bus.subscribe(events.BridgeLeft, lambda event: told.append(f"leave {event.channel.name.partition('-')[0]}"))
    return told


@pytest.mark.parametrize("code", ["", "*2"])
async def test_the_target_comes_before_the_transferer_has_left(tmp_path: Path, code: str) -> None:
    """As recorded: the bridges merge, the target's half moves, then the transferer leaves; hung up or by its code."""
    async with a_call(tmp_path) as call:
        c = await call.consult()
        told = _bridging(call)
        if code:
            await call.press(code)
            await call.a.ended()
        else:
            await call.a.hang_up()
        await asyncio.sleep(0.2)
        half = told[1].removeprefix("leave ")
        assert told[:4] == ["merge", f"leave {half}", f"enter {half}", "leave PJSIP/alice"]
        assert half.startswith("Local/")
        assert call.outcomes == [("Success", "Bridge")]
        await call.b.hang_up()
        await c.ended()


async def test_all_three_come_together_in_one_bridge(tmp_path: Path) -> None:
    async with a_call(tmp_path) as call:
        c = await call.consult()
        told = _bridging(call)
        await call.press("*3")
        await asyncio.sleep(0.2)
        assert told[0] == "merge"
        assert "enter PJSIP/alice" in told
        assert call.outcomes == [("Success", "Threeway")]
        await call.a.hang_up()
        await asyncio.sleep(0.1)
        await call.b.hang_up()
        await c.ended()

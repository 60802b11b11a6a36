"""The matrix of transfers: blind and attended, by digits, by REFER and by AMI, by the caller and by the callee.

Alice (100) calls bob (101); one of them is the transferer, who sends the other one to carol (102). Each way must end the
same: the two who are left hear each other, the transferer is out, and the records say who talked to whom.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core.cdr.engine import SERVICE
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cel.engine import SERVICE as CEL
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.channel import Channel
from globstar.core.frame import digit_begin, digit_end
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone
from tests.support.sip_transfer import dialog_of, refer_to, transfer_office

pytestmark = pytest.mark.virtual_time

FILES = {
    "features.conf": (
        "[general]\nxfersound=\nxferfailsound=\ntransferannouncesound=\nfeaturedigittimeout=1000\ntransferdigittimeout=2\n"
        "[featuremap]\nblindxfer => #1\natxfer => *2\nparkcall => *3\n"
    ),
    "res_parking.conf": (
        "[general]\n[default]\nparkext => 700\nparkpos => 701-720\ncontext => default\n"
        "parkingtime => 10\ncomebacktoorigin => yes\n"
    ),
    "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n",
    "cel.conf": "[general]\nenable=yes\nevents=BLINDTRANSFER,ATTENDEDTRANSFER,PARK_START,PARK_END,PICKUP,LINKEDID_END\n",
}
EXTENSIONS = """\
[default]
exten => 201,1,Dial(PJSIP/bob,20,TtKk)
exten => 300,1,Pickup(201@default)
"""
Row = tuple[str, str, str, str]


class Office:
    """The office with its phones, a manager, and what was recorded."""

    def __init__(self, office: SipOffice, phones: list[SipPhone], manager: AmiClient) -> None:
        self.office = office
        self.alice, self.bob, self.carol, self.dave = phones
        self.manager = manager
        self.records: list[FinishedRecord] = []
        self.events: list[CelEvent] = []
        services = office.system.services
        services[SERVICE].poster.backends.register(
            CdrBackendSpec(name="kept", module="tests", post=lambda _system, new: self.records.extend(new))
        )
        services[CEL].backends.register(
            CelBackendSpec(name="kept", module="tests", post=lambda _system, event: self.events.append(event))
        )

    def channel(self, name: str) -> Channel:
        """The first channel of a phone."""
        return next(c for c in self.office.system.channels.values() if c.name.startswith(f"PJSIP/{name}-"))

    async def press(self, name: str, digits: str) -> None:
        """A phone presses digits."""
        for digit in digits:
            self.channel(name).deliver(digit_begin(digit))
            self.channel(name).deliver(digit_end(digit, 100))
            await asyncio.sleep(0.1)

    async def ask(self, action: str, **headers: str) -> None:
        """A manager's action, which must succeed."""
        answer = self.manager.ask(action, *headers.items())
        await asyncio.sleep(0.02)
        assert "Response: Success" in answer + self.manager.take(), action

    def rows(self) -> list[Row]:
        """Source, destination, the called phone (or Local half) and disposition of each record, in the order of their numbers."""
        found = sorted(self.records, key=lambda record: record.sequence)
        return [(r.src, r.dst, _phone(r.dstchannel), r.disposition) for r in found]

    def told(self) -> list[tuple[str, str]]:
        """Kind and phone of each event."""
        return [(event.kind, _phone(event.channel)) for event in self.events if event.kind != "LINKEDID_END"]


def _phone(channel: str) -> str:
    base, _, number = channel.rpartition("-")
    return base.partition("/")[2].partition("@")[0] + (";" + number.partition(";")[2] if ";" in number else "")


@asynccontextmanager
async def matrix_office(root: Path) -> AsyncIterator[Office]:
    """The office, of which nothing is left at the end."""
    async with transfer_office(root, EXTENSIONS, FILES, call_group="1", pickup_group="1") as (office, phones):
        manager = AmiClient(await start_manager(office.system))
        manager.log_in()
        await asyncio.sleep(0.01)
        yield Office(office, phones, manager)


async def call_bob(o: Office) -> dict[str, PhoneCall]:
    """Alice talks to bob."""
    a = o.alice.call("201")
    await o.alice.get(100)
    b = await o.bob.ring()
    await b.answer()
    await a.answered()
    await asyncio.sleep(0.3)
    return {"alice": a, "bob": b}


async def hear_each_other(*calls: PhoneCall) -> None:
    """Each hears the other one, and nobody else."""
    for call in calls:
        call.sounds()
    one, two = calls
    for speaker, listener, octet in ((one, two, 0x21), (two, one, 0x22), (one, two, 0x23)):
        await speaker.speak(10, octet)
        await asyncio.sleep(0.1)
        assert listener.sounds().get(octet, 0) >= 8


async def see_off(phone: SipPhone, ended: int = 0) -> str:
    """Take what comes to a phone that transferred, the end of so many of its calls and the last NOTIFY: the status it tells."""
    status = ""
    for _ in range(2000):
        while phone.inbox:
            message = phone.inbox.popleft()
            assert message.method in ("BYE", "NOTIFY"), message.text
            ended -= message.method == "BYE"
            if message["Subscription-State"].startswith("terminated"):
                status = message.body.strip()
            phone.send(phone.reply_to(message, 200, "OK"))
        if status and not ended:
            return status
        await asyncio.sleep(0.05)
    raise TimeoutError


WHO = [("alice", "bob"), ("bob", "alice")]
BLIND = {
    "alice": [("100", "201", "bob", "ANSWERED"), ("101", "102", "carol", "ANSWERED")],
    "bob": [("100", "102", "bob", "ANSWERED"), ("100", "102", "carol", "ANSWERED")],
}


@pytest.mark.parametrize("how", ["digits", "REFER", "AMI"])
@pytest.mark.parametrize(("who", "other"), WHO)
async def test_blind_transfer_to_a_phone(tmp_path: Path, how: str, who: str, other: str) -> None:
    async with matrix_office(tmp_path) as o:
        calls = await call_bob(o)
        leaving, staying = calls[who], calls[other]
        if how == "digits":
            await o.press(who, "#1")
            await o.press(who, "102")
        elif how == "AMI":
            await o.ask("BlindTransfer", Channel=o.channel(who).name, Context="default", Exten="102")
        else:
            assert (await leaving.request_inside("REFER", refer_to("102"))).status == 202
        c = await o.carol.ring()
        await c.answer()
        if how == "REFER":
            assert await see_off(leaving.phone) == "SIP/2.0 200 OK"
            await leaving.hang_up()
        else:
            await leaving.ended()
        await asyncio.sleep(0.2)
        await hear_each_other(staying, c)
        await staying.hang_up()
        await c.ended()
        await asyncio.sleep(1)
        assert o.rows() == BLIND[who]
        assert o.told() == [("BLINDTRANSFER", who)]
        assert len({event.linked_id for event in o.events}) == 1


@pytest.mark.parametrize("how", ["digits", "REFER", "AMI"])
@pytest.mark.parametrize(("who", "other"), WHO)
async def test_blind_transfer_to_a_phone_that_is_busy(tmp_path: Path, how: str, who: str, other: str) -> None:
    """The one who was transferred goes on in the dialplan, which ends here."""
    async with matrix_office(tmp_path) as o:
        calls = await call_bob(o)
        leaving, staying = calls[who], calls[other]
        if how == "digits":
            await o.press(who, "#1")
            await o.press(who, "102")
        elif how == "AMI":
            await o.ask("BlindTransfer", Channel=o.channel(who).name, Context="default", Exten="102")
        else:
            assert (await leaving.request_inside("REFER", refer_to("102"))).status == 202
        c = await o.carol.ring()
        c.reply(486)
        await o.carol.get("ACK")
        if how == "REFER":
            assert (await see_off(leaving.phone)).startswith("SIP/2.0 486")
            await leaving.hang_up()
        else:
            await leaving.ended()
        await staying.ended()
        await asyncio.sleep(1)
        assert o.rows()[:2] == [(*BLIND[who][0][:3], "ANSWERED"), (*BLIND[who][1][:3], "BUSY")]


@pytest.mark.parametrize("how", ["digits", "REFER", "AMI"])
@pytest.mark.parametrize(("who", "other"), WHO)
async def test_blind_transfer_into_an_application(tmp_path: Path, how: str, who: str, other: str) -> None:
    async with matrix_office(tmp_path) as o:
        calls = await call_bob(o)
        leaving, staying = calls[who], calls[other]
        if how == "digits":
            await o.press(who, "#1")
            await o.press(who, "601")
        elif how == "AMI":
            await o.ask("BlindTransfer", Channel=o.channel(who).name, Context="default", Exten="601")
        else:
            assert (await leaving.request_inside("REFER", refer_to("601"))).status == 202
            assert await see_off(leaving.phone) == "SIP/2.0 200 OK"
            await leaving.hang_up()
        if how != "REFER":
            await leaving.ended()
        await asyncio.sleep(1)
        await staying.hang_up()
        await asyncio.sleep(1)
        number = {"alice": "100", "bob": "101"}[other]
        first = ("100", "201" if who == "alice" else "601", "bob", "ANSWERED")
        assert o.rows() == [first, (number, "601", "", "ANSWERED")]
        assert o.told() == [("BLINDTRANSFER", who)]


#: The consultation goes through a Local channel, which steps out when the two who are left hear each other: as recorded of
#: Asterisk (g04_feature_attended_transfer), its halves have records of their own, from
#: when the transferer waits with the first for an answer.
CONSULTED = {
    ("alice", "answered"): [
        ("100", "201", "bob", "ANSWERED"), ("101", "102", "carol", "ANSWERED"), ("100", "201", "102;1", "ANSWERED"),
        ("102", "102", "bob", "ANSWERED"), ("101", "", "carol", "ANSWERED"),
    ],
    ("alice", "ringing"): [
        ("100", "201", "bob", "ANSWERED"), ("101", "102", "carol", "ANSWERED"), ("100", "201", "102;1", "ANSWERED"),
        ("102", "102", "bob", "ANSWERED"), ("101", "", "carol", "ANSWERED"),
    ],
    ("bob", "answered"): [
        ("100", "201", "bob", "ANSWERED"), ("102", "102", "bob", "ANSWERED"), ("100", "102", "carol", "ANSWERED"),
        ("100", "201", "102;1", "ANSWERED"), ("100", "201", "carol", "ANSWERED"),
    ],
    ("bob", "ringing"): [
        ("100", "201", "bob", "ANSWERED"), ("102", "102", "bob", "FAILED"), ("100", "102", "carol", "ANSWERED"),
        ("100", "201", "102;1", "ANSWERED"), ("100", "201", "carol", "ANSWERED"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("how", ["digits", "AMI"])
@pytest.mark.parametrize(("who", "other"), WHO)
@pytest.mark.parametrize("moment", ["answered", "ringing"])
async def test_attended_transfer_through_the_server(tmp_path: Path, how: str, who: str, other: str, moment: str) -> None:
    """By atxfer: the transferer calls carol and hangs up, when she has answered or while she rings."""
    async with matrix_office(tmp_path) as o:
        calls = await call_bob(o)
        leaving, staying = calls[who], calls[other]
        if how == "digits":
            await o.press(who, "*2")
            await o.press(who, "102")
        else:
            await o.ask("Atxfer", Channel=o.channel(who).name, Context="default", Exten="102")
        c = await o.carol.ring()
        c.reply(180)
        await asyncio.sleep(0.3)
        if moment == "answered":
            await c.answer()
            await asyncio.sleep(0.3)
            await hear_each_other(leaving, c)
            await leaving.hang_up()
        else:
            await leaving.hang_up()
            await asyncio.sleep(0.3)
            await c.answer()
        await asyncio.sleep(0.5)
        await hear_each_other(staying, c)
        await staying.hang_up()
        await c.ended()
        await asyncio.sleep(1)
        assert o.rows() == CONSULTED[who, moment]
        assert o.told() == [("ATTENDEDTRANSFER", who)]


ATTENDED = {
    "alice": [("100", "201", "bob", "ANSWERED"), ("100", "102", "carol", "ANSWERED"), ("101", "", "carol", "ANSWERED")],
    "bob": [("100", "201", "bob", "ANSWERED"), ("101", "102", "carol", "ANSWERED"), ("100", "201", "carol", "ANSWERED")],
}


@pytest.mark.parametrize(("who", "other"), WHO)
async def test_attended_transfer_by_the_phone(tmp_path: Path, who: str, other: str) -> None:
    """By REFER with Replaces, which names the transferer's second call (RFC 5589 7)."""
    async with matrix_office(tmp_path) as o:
        calls = await call_bob(o)
        leaving, staying = calls[who], calls[other]
        second = leaving.phone.call("102")
        await leaving.phone.get(100)
        c = await o.carol.ring()
        await c.answer()
        await second.answered()
        await asyncio.sleep(0.2)
        assert (await leaving.request_inside("REFER", refer_to("102", dialog_of(second)))).status == 202
        assert await see_off(leaving.phone, ended=1) == "SIP/2.0 200 OK"
        await leaving.hang_up()
        await asyncio.sleep(0.2)
        await hear_each_other(staying, c)
        await staying.hang_up()
        await c.ended()
        await asyncio.sleep(1)
        assert o.rows() == ATTENDED[who]
        assert o.told() == [("ATTENDEDTRANSFER", who)]


@pytest.mark.parametrize("how", ["digits", "REFER", "AMI"])
@pytest.mark.parametrize(("who", "other"), WHO)
@pytest.mark.parametrize("end", ["retrieved", "comes back", "gives up"])
async def test_parking(tmp_path: Path, how: str, who: str, other: str, end: str) -> None:
    """One parks the other; carol takes the call out, or it comes back to who parked it, or the parked one hangs up."""
    async with matrix_office(tmp_path) as o:
        calls = await call_bob(o)
        leaving, staying = calls[who], calls[other]
        if how == "digits":
            await o.press(who, "*3")
        elif how == "AMI":
            await o.ask("Park", Channel=o.channel(other).name, TimeoutChannel=o.channel(who).name)
        else:
            assert (await leaving.request_inside("REFER", refer_to("700", extra="Refer-Sub: false\r\n"))).status == 200
        await asyncio.sleep(2)
        if how == "REFER":
            await leaving.hang_up()
        else:
            await leaving.ended()
        assert [kind for kind, _ in o.told() if kind == "PARK_START"] == ["PARK_START"]
        if end == "retrieved":
            c = await o.carol.dial("701")
            await asyncio.sleep(0.3)
            await hear_each_other(staying, c)
            await c.hang_up()
            await staying.ended()
        elif end == "comes back":
            back = await leaving.phone.ring()
            await back.answer()
            await asyncio.sleep(0.3)
            await hear_each_other(staying, back)
            await back.hang_up()
            await staying.ended()
        else:
            await staying.hang_up()
        await asyncio.sleep(1)
        rows, number = o.rows(), {"alice": "100", "bob": "101"}[other]
        assert rows[0][2:] == ("bob", "ANSWERED")
        parked = [record for record in o.records if record.lastapp == "Park" and not record.dstchannel]
        assert [(r.src, r.lastdata, r.disposition) for r in parked] == [(number, "default:701", "ANSWERED")]
        last = {"retrieved": (number, "carol"), "comes back": (number, who), "gives up": None}[end]
        if last is not None:
            assert (last[0], last[1]) in [(src, phone) for src, _, phone, _ in rows[1:]], rows
        reason = {"retrieved": "Unparked", "comes back": "TimeOut", "gives up": "GiveUp"}[end]
        (ended,) = [event for event in o.events if event.kind == "PARK_END"]
        assert f"ParkedCall{reason}" in ended.extra


@pytest.mark.parametrize("how", ["*8", "300"])
async def test_pickup(tmp_path: Path, how: str) -> None:
    """Carol answers the call that rings at bob: with the code of her group, or with Pickup()."""
    async with matrix_office(tmp_path) as o:
        a = o.alice.call("201")
        await o.alice.get(100)
        b = await o.bob.ring()
        b.reply(180)
        await o.alice.get(180)
        c = await o.carol.dial(how)
        await o.bob.get("CANCEL")
        await a.answered()
        await asyncio.sleep(0.2)
        await hear_each_other(a, c)
        await a.hang_up()
        await c.ended()
        await asyncio.sleep(1)
        rang = "ANSWERED" if how == "*8" else "NO ANSWER"  # its record ends after the caller was answered, or before
        assert ("100", "201", "bob", rang) in o.rows()
        assert ("100", "201", "carol", "ANSWERED") in o.rows()
        assert o.told() == [("PICKUP", "bob")]

"""Transfers that phones ask for by REFER, whole ladders on virtual time (RFC 3515, 3891, 3892, 4488, 5589)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from tests.support.sip_transfer import dialog_of, notified, refer_to, talk, transfer_office

TRYING = ("SIP/2.0 100 Trying", "active")
OVER = "terminated;reason=noresource"


async def test_blind_transfer_tells_its_progress(tmp_path: Path) -> None:
    """202, then NOTIFY with 100, 180 and 200; the transferred party rings the new one, which learns who referred it."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        seen: list[events.BlindTransferred] = []
        office.system.bus.subscribe(events.BlindTransferred, seen.append)
        a, b = await talk(alice, "101", bob)
        answer = await a.request_inside("REFER", refer_to("102"))
        assert (answer.status, answer["Expires"]) == (202, "600")
        c = await carol.ring()
        assert c.request is not None
        assert c.request["Referred-By"] == "<sip:someone@127.0.0.1>"
        (channel,) = [channel for channel in office.system.channels.values() if channel.name.startswith("PJSIP/bob")]
        assert channel.get_variable("SIPTRANSFER") == "yes"
        assert channel.get_variable("SIPREFERRINGCONTEXT") == "default"
        assert channel.get_variable("SIPREFERREDBYHDR") == "<sip:someone@127.0.0.1>"
        assert channel.get_variable("SIPREFERTOHDR") == "sip:102@127.0.0.1:15060"
        assert channel.get_variable("BLINDTRANSFER") == "PJSIP/alice-00000000"
        c.reply(180)
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 180 Ringing", "active")
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await c.answer()
        await asyncio.sleep(0.1)
        await asyncio.gather(b.speak(10, 0x33), c.speak(10, 0x44))
        await asyncio.sleep(0.1)
        assert c.sounds() == {0x33: 10}
        assert b.sounds().get(0x44) == 10
        await b.hang_up()
        await c.ended()
        (event,) = seen
        assert (event.result, event.is_external, event.exten, event.context) == ("Success", True, "102", "default")


async def test_the_phone_that_transferred_is_hung_up_if_it_does_not_hang_up_itself(tmp_path: Path) -> None:
    """After the last NOTIFY it has 15 seconds for its BYE."""
    async with transfer_office(tmp_path) as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("601"))).status == 202
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        start = office.system.now()
        await a.ended()
        assert office.system.now() - start == pytest.approx(15, abs=0.5)
        await b.hang_up()


async def test_the_subscription_outlives_the_call(tmp_path: Path) -> None:
    """BYE does not end the subscription of the dialog (RFC 5057 4.1): SUBSCRIBE renews it, and the end is told."""
    async with transfer_office(tmp_path) as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("600"))).status == 202
        await a.hang_up()
        answer = await a.request_inside("SUBSCRIBE", "Event: refer\r\nExpires: 100\r\n")
        assert (answer.status, answer["Expires"]) == (200, "100")
        assert await notified(alice) == TRYING
        assert (await a.request_inside("INFO")).status == 481
        await b.hang_up()
        assert await notified(alice) == ("SIP/2.0 503 Service Unavailable", OVER)
        assert (await a.request_inside("SUBSCRIBE", "Event: refer\r\n")).status == 481
        await office.quiet()


async def test_the_subscription_ends_after_its_time(tmp_path: Path) -> None:
    """RFC 6665 4.2.2: nothing happened for the ten minutes that were granted."""
    extensions = "[default]\nexten => 700,1,Wait(900)\n"
    async with transfer_office(tmp_path, extensions) as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        await a.request_inside("REFER", refer_to("700"))
        await a.hang_up()
        await asyncio.sleep(590)
        assert not alice.inbox
        assert await notified(alice) == ("SIP/2.0 100 Trying", "terminated;reason=timeout")
        await b.hang_up()
        await office.quiet()


async def test_no_subscription_where_none_is_wanted(tmp_path: Path) -> None:
    """Refer-Sub: false (RFC 4488) is confirmed and no NOTIFY follows; without norefersub it is not understood."""
    async with transfer_office(tmp_path) as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        answer = await a.request_inside("REFER", refer_to("601", extra="Refer-Sub: false\r\n"))
        assert (answer.status, answer["Refer-Sub"], answer["Expires"]) == (200, "false", "")
        assert "norefersub" in answer["Supported"]
        await a.hang_up()
        await b.hang_up()
        await office.quiet()
    async with transfer_office(tmp_path, global_options="norefersub=no") as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        assert "norefersub" not in a.answer_seen["Supported"]  # type: ignore[index]
        answer = await a.request_inside("REFER", refer_to("601", extra="Refer-Sub: false\r\n"))
        assert (answer.status, answer["Refer-Sub"], answer["Expires"]) == (202, "", "600")
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await b.hang_up()


async def test_without_progress_success_is_told_at_once(tmp_path: Path) -> None:
    """refer_blind_progress=no: 200 before anything was tried."""
    async with transfer_office(tmp_path, refer_blind_progress="no") as (_, (alice, bob, carol, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("102"))).status == 202
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        c = await carol.ring()
        await a.hang_up()
        c.reply(486)
        await carol.get("ACK")
        await b.ended()


async def test_a_busy_target_is_told(tmp_path: Path) -> None:
    """The extension says busy: 486 in the NOTIFY."""
    async with transfer_office(tmp_path) as (_, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        await a.request_inside("REFER", refer_to("602"))
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 486 Busy Here", OVER)
        await a.hang_up()
        await b.hang_up()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", 400),
        ("Refer-To: <http://x.example>\r\n", 400),
        ("Refer-To: <sip:100@127.0.0.1?Replaces=nonsense>\r\n", 400),
    ],
)
async def test_refer_that_cannot_be_read(tmp_path: Path, headers: str, status: int) -> None:
    """RFC 3515 2.4.2: exactly one Refer-To that makes sense; the call goes on."""
    async with transfer_office(tmp_path) as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", headers)).status == status
        await office.quiet()
        await a.hang_up()
        await b.ended()


async def test_transfers_that_may_not_be(tmp_path: Path) -> None:
    """allow_transfer=no."""
    async with transfer_office(tmp_path, allow_transfer="no") as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("102"))).status == 603
        await office.quiet()
        await a.hang_up()
        await b.ended()


async def test_a_transfer_to_nowhere_leaves_the_call_alone(tmp_path: Path) -> None:
    """404 in the NOTIFY, and the next REFER works, with the id that tells its events apart (RFC 3515 2.4.6)."""
    async with transfer_office(tmp_path) as (_, (alice, bob, carol, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("999"))).status == 202
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 404 Not Found", OVER)
        await asyncio.gather(a.speak(10, 0x11), b.speak(10, 0x22))
        await asyncio.sleep(0.1)
        assert b.sounds() == {0x11: 10}
        assert (await a.request_inside("REFER", refer_to("102"))).status == 202
        second = str(a.cseq)
        c = await carol.ring()
        await c.answer()
        notify = await alice.get("NOTIFY")
        assert notify["Event"] == f"refer;id={second}"
        alice.send(alice.reply_to(notify, 200, "OK"))
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await b.hang_up()
        await c.ended()


async def test_one_transfer_at_a_time(tmp_path: Path) -> None:
    """While the first one goes on, another REFER is refused: 491."""
    async with transfer_office(tmp_path) as (_, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        assert (await a.request_inside("REFER", refer_to("600"))).status == 202
        assert (await a.request_inside("REFER", refer_to("601"))).status in (481, 491)
        await a.hang_up()
        await b.hang_up()
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 503 Service Unavailable", OVER)


async def test_attended_transfer_joins_the_two_others(tmp_path: Path) -> None:
    """RFC 5589 7: Replaces names the second call of the same phone; its partners hear each other, its second call ends."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        seen: list[events.AttendedTransferred] = []
        office.system.bus.subscribe(events.AttendedTransferred, seen.append)
        a, b = await talk(alice, "101", bob)
        second, c = await talk(alice, "102", carol)
        assert (await a.request_inside("REFER", refer_to("102", dialog_of(second)))).status == 202
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await second.ended()
        await a.hang_up()
        await asyncio.gather(b.speak(10, 0x33), c.speak(10, 0x44))
        await asyncio.sleep(0.1)
        assert (c.sounds(), b.sounds()) == ({0x33: 10}, {0x44: 10})
        assert len(office.system.channels) == 2
        await c.hang_up()
        await b.ended()
        (event,) = seen
        assert (event.result, event.destination, event.members) == ("Success", "Bridge", (2, 2))
        assert event.transferee is not None
        assert event.target is not None
        assert (event.transferee.name[:9], event.target.name[:11]) == ("PJSIP/bob", "PJSIP/carol")


async def test_attended_transfer_into_an_application(tmp_path: Path) -> None:
    """The second call runs an application: the partner of the first goes on in it and hears it."""
    extensions = "[default]\nexten => 700,1,Answer()\n same => n,Echo()\n"
    async with transfer_office(tmp_path, extensions) as (office, (alice, bob, _, _)):
        a, b = await talk(alice, "101", bob)
        second = await alice.dial("700")
        assert (await a.request_inside("REFER", refer_to("700", dialog_of(second)))).status == 202
        await second.ended()
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await b.speak(10, 0x33)
        await asyncio.sleep(0.2)
        assert b.sounds().get(0x33, 0) >= 8  # the translators begin and end with a part of a packet
        assert [c.application for c in office.system.channels.values() if c.name.startswith("PJSIP/alice")] == ["Echo"]
        await b.hang_up()
        await office.quiet()
        assert not office.system.channels


async def test_attended_transfer_to_a_phone_that_rings(tmp_path: Path) -> None:
    """RFC 5589 7.3: the second call is not answered yet; the transferred party takes over the ringing."""
    async with transfer_office(tmp_path) as (office, (alice, bob, carol, _)):
        a, b = await talk(alice, "101", bob)
        second = alice.call("102")
        await alice.get(100)
        c = await carol.ring()
        c.reply(180)
        ringing = await alice.get(180)
        second.to = ringing["To"]
        assert (await a.request_inside("REFER", refer_to("102", dialog_of(second)))).status == 202
        second.refused(await alice.get(603))
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await c.answer()
        await asyncio.sleep(0.1)
        await asyncio.gather(b.speak(10, 0x33), c.speak(10, 0x44))
        await asyncio.sleep(0.1)
        assert c.sounds() == {0x33: 10}
        assert b.sounds().get(0x44) == 10
        await b.hang_up()
        await c.ended()
        await office.quiet()


async def test_two_applications_cannot_be_brought_together(tmp_path: Path) -> None:
    """Neither call is bridged: 400, and both go on."""
    async with transfer_office(tmp_path) as (office, (alice, _, _, _)):
        first, second = await alice.dial("600"), await alice.dial("600")
        assert (await first.request_inside("REFER", refer_to("600", dialog_of(second)))).status == 202
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 400 Bad Request", OVER)
        await office.quiet()
        await first.hang_up()
        await second.hang_up()


async def test_a_dialog_of_another_server_is_left_to_the_dialplan(tmp_path: Path) -> None:
    """Replaces of a dialog that is not ours: extension external_replaces, with all that it needs to call there."""
    extensions = """\
[default]
exten => external_replaces,1,Set(GLOBAL(REPLACED)=${SIPREPLACESHDR})
 same => n,Set(GLOBAL(TARGET)=${SIPREFERTOHDR})
 same => n,Dial(PJSIP/dave)
"""
    async with transfer_office(tmp_path, extensions) as (office, (alice, bob, _, dave)):
        a, b = await talk(alice, "101", bob)
        await a.request_inside("REFER", refer_to("102", "other@elsewhere;to-tag=1;from-tag=2"))
        d = await dave.ring()
        assert office.system.globals.get("REPLACED") == "other@elsewhere;to-tag=1;from-tag=2"
        target = office.system.globals.get("TARGET")
        assert target is not None
        assert target.startswith("sip:102@127.0.0.1:15060?Replaces=other")
        await d.answer()
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await b.hang_up()
        await d.ended()


async def test_transfer_context(tmp_path: Path) -> None:
    """TRANSFER_CONTEXT of the channel says where extensions are looked for."""
    extensions = "[special]\nexten => 700,1,Dial(PJSIP/dave)\n"
    async with transfer_office(tmp_path, extensions, set_var="TRANSFER_CONTEXT=special") as (_, (alice, bob, _, dave)):
        a, b = await talk(alice, "101", bob)
        await b.request_inside("REFER", refer_to("700"))
        d = await dave.ring()
        await d.answer()
        assert await notified(bob) == TRYING
        assert await notified(bob) == ("SIP/2.0 200 OK", OVER)
        await b.hang_up()
        await d.hang_up()
        await a.ended()


async def test_transfers_left_to_an_application(tmp_path: Path) -> None:
    """PJSIP_TRANSFER_HANDLING(ari-only): declined without an application; one that takes it tells the progress."""
    extensions = """\
[default]
exten => 700,1,Set(PJSIP_TRANSFER_HANDLING()=ari-only)
 same => n,Dial(PJSIP/bob)
"""
    async with transfer_office(tmp_path, extensions) as (office, (alice, bob, *_)):
        a, b = await talk(alice, "700", bob)
        assert (await a.request_inside("REFER", refer_to("102"))).status == 202
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 603 Decline", OVER)
        asked: list[events.TransferRequested] = []

        def take(event: events.TransferRequested) -> None:
            event.is_taken = True
            asked.append(event)

        office.system.bus.subscribe(events.TransferRequested, take)
        assert (await a.request_inside("REFER", refer_to("102"))).status == 202
        (request,) = asked
        assert (request.extension, request.referred_by, request.other) == ("102", "<sip:someone@127.0.0.1>", None)
        request.tell(180)
        assert await notified(alice) == TRYING
        assert await notified(alice) == ("SIP/2.0 180 Ringing", "active")
        request.tell(200)
        assert await notified(alice) == ("SIP/2.0 200 OK", OVER)
        await a.hang_up()
        await b.ended()

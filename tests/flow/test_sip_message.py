"""MESSAGE outside of calls (RFC 3428): into the dialplan, out of it, and through it, on virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.cel import engine as cel_engine
from globstar.core.cel.settings import CelSettings
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_phone import SipOffice, SipPhone, Wire
from tests.support.sip_transfer import transfer_office

EXTENSIONS = """\
[default]
exten => 800,1,Set(GLOBAL(GOT)=${MESSAGE(from)} to ${MESSAGE(to)}: ${MESSAGE(body)})
 same => n,Set(GLOBAL(DATA)=${MESSAGE_DATA(x-color)} ${MESSAGE_DATA(PJSIP_RECVADDR)} ${MESSAGE_DATA(Via)})
 same => n,Set(GLOBAL(WHO)=${CHANNEL(name)})
exten => 801,1,MessageSend(pjsip:bob,${MESSAGE(from)})
 same => n,Set(GLOBAL(STATUS)=${MESSAGE_SEND_STATUS})
exten => 802,1,Set(MESSAGE(custom_data)=mark_all_outbound)
 same => n,Set(MESSAGE_DATA(X-More)=42)
 same => n,Set(MESSAGE_DATA(Via)=evil)
 same => n,Set(MESSAGE(body)=grüße ${MESSAGE(body)})
 same => n,Set(MESSAGE_DATA(X Bad: 1)=evil)
 same => n,MessageSend(pjsip:bob)
exten => 803,1,Wait(1)
 same => n,Set(GLOBAL(ORDER)=${GLOBAL(ORDER)}${MESSAGE(body)})
exten => 804,1,Set(MESSAGE(custom_data)=mark_all_outbound)
 same => n,Set(MESSAGE(custom_data)=clear_all_outbound)
 same => n,MessageSend(pjsip:bob)
exten => 805,1,Set(MESSAGE(body)=from a call)
 same => n,MessageSend(pjsip:bob,Desk <77>)
 same => n,Set(GLOBAL(STATUS)=${MESSAGE_SEND_STATUS})
 same => n,Hangup()
exten => 806,1,MessageSend(${TO})
 same => n,Set(GLOBAL(STATUS)=${MESSAGE_SEND_STATUS})
exten => h,1,Set(GLOBAL(H)=1)
[texts]
exten => 900,1,Set(GLOBAL(GOT)=in texts)
"""


async def send(phone: SipPhone, number: str, text: str = "hello", *, extra: str = "", kind: str = "text/plain") -> Wire:
    """A MESSAGE of a phone, and its answer."""
    extra += f"Content-Type: {kind}\r\n"
    return await phone.ask("MESSAGE", f"sip:{number}@127.0.0.1:15060", extra=extra, body=text)


def value(office: SipOffice, name: str) -> str | None:
    """A global variable."""
    return office.system.globals.get(name)


async def test_the_dialplan_gets_the_message(tmp_path: Path) -> None:
    """202, and MESSAGE(), MESSAGE_DATA() tell all of it on a channel of its own, without h."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        answer = await send(alice, "800", "hi there", extra="X-Color: blue\r\n")
        assert answer.status == 202
        await asyncio.sleep(0.1)
        assert value(office, "GOT") == "<sip:alice@127.0.0.1> to pjsip:800@127.0.0.1:15060: hi there"
        assert value(office, "DATA") == "blue 127.0.0.1:15071 "
        assert value(office, "WHO") == "Message/ast_msg_queue"
        assert value(office, "H") is None
        assert not office.system.channels


async def test_one_message_after_the_other(tmp_path: Path) -> None:
    """The dialplan of the second message runs when that of the first is done, and each in order."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, bob, *_)):
        for phone, text in ((alice, "a"), (bob, "b"), (alice, "c")):
            assert (await send(phone, "803", text)).status == 202
        await asyncio.sleep(0.5)
        assert len(office.system.channels) == 1
        await asyncio.sleep(3)
        assert value(office, "ORDER") == "abc"


async def test_the_channel_of_messages_is_one_to_those_who_look_on(tmp_path: Path) -> None:
    """It is told of once, keeps its unique id, and ends for nobody: no CHAN_END, no Hangup, as Asterisk has it."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        bus = office.system.bus
        created: list[events.ChannelCreated] = []
        steps: list[events.ApplicationStarted] = []
        bus.subscribe(events.ChannelCreated, created.append)
        bus.subscribe(events.ApplicationStarted, steps.append)
        cel = office.system.services[cel_engine.SERVICE]
        settings = CelSettings()
        settings.enable, settings.apps = True, ("set",)
        settings._events("ALL")
        cel.configure(settings)
        made: list[str] = []
        cel.backends.register(
            cel_engine.CelBackendSpec(name="kept", module="tests", post=lambda _, event: made.append(event.kind))
        )
        for text in ("a", "b"):
            await send(alice, "800", text)
            await asyncio.sleep(0.1)
        assert len(created) == 1
        assert len({step.channel.unique_id for step in steps}) == 1
        assert made[0] == "CHAN_START"
        assert set(made[1:]) == {"APP_START", "APP_END"}


@pytest.mark.parametrize("is_hidden", [False, True])
async def test_manager_clients_see_the_channel_of_messages_unless_it_is_hidden(tmp_path: Path, is_hidden: bool) -> None:
    """hide_messaging_ami_events of asterisk.conf: what the dialplan says by itself (UserEvent) is still told."""
    plan = EXTENSIONS + "[default]\nexten => 807,1,UserEvent(Text,Body: ${MESSAGE(body)})\n"
    async with transfer_office(tmp_path, plan) as (office, (alice, *_)):
        office.system.options.hide_messaging_ami_events = is_hidden
        client = AmiClient(await start_manager(office.system))
        client.log_in()
        await asyncio.sleep(0)
        client.take()
        await send(alice, "807", "hi")
        await asyncio.sleep(0.1)
        told = [dict(event) for event in client.events()]
        of_messages = {event["Event"] for event in told if event.get("Channel") == "Message/ast_msg_queue"}
        assert of_messages == ({"UserEvent"} if is_hidden else {"Newchannel", "Newexten", "UserEvent"})
        assert [event["Body"] for event in told if event["Event"] == "UserEvent"] == ["hi"]
        await client.session.hub.close()


async def test_a_message_is_passed_on(tmp_path: Path) -> None:
    """MessageSend to an endpoint with the From of the one that came."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, bob, *_)):
        await send(alice, "801", "hello", extra="X-Color: blue\r\n")
        message = await bob.get("MESSAGE")
        bob.send(bob.reply_to(message, 200, "OK", tag="b"))
        assert message.uri == "sip:bob@127.0.0.1:15072"
        assert message["From"].startswith("<sip:alice@127.0.0.1>;tag=")
        assert message["Content-Type"] == "text/plain"
        assert (message.body, message["X-Color"]) == ("hello", "")
        assert value(office, "STATUS") == "SUCCESS"


async def test_headers_go_with_the_message(tmp_path: Path) -> None:
    """mark_all_outbound and MESSAGE_DATA: what came and what the dialplan adds; headers of the protocol stay ours."""
    async with transfer_office(tmp_path, EXTENSIONS) as (_, (alice, bob, *_)):
        await send(alice, "802", "text", extra="X-Color: blue\r\n")
        message = await bob.get("MESSAGE")
        bob.send(bob.reply_to(message, 200, "OK", tag="b"))
        assert message["Content-Type"] == "text/plain;charset=UTF-8"
        assert (message.body, message["X-Color"], message["X-More"]) == ("grüße text", "blue", "42")
        assert "evil" not in message.text
        assert len(message.all("Via")) == 1
        await send(alice, "804", "text", extra="X-Color: blue\r\n")
        message = await bob.get("MESSAGE")
        bob.send(bob.reply_to(message, 200, "OK", tag="b"))
        assert message["X-Color"] == ""


async def test_a_call_sends_a_message(tmp_path: Path) -> None:
    """On any channel MESSAGE(body) begins a message."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, bob, *_)):
        call = alice.call("805")
        await alice.get(100)
        call.refused(await alice.get(603))
        message = await bob.get("MESSAGE")
        bob.send(bob.reply_to(message, 404, "Not Found", tag="b"))
        assert message["From"].startswith('"Desk" <sip:77@127.0.0.1>;tag=')
        assert message.body == "from a call"
        assert value(office, "STATUS") == "SUCCESS"
        await office.quiet()
        supplement = next(one for one in office.driver.supplements if type(one).__name__ == "Messaging")
        assert supplement.describe() == {"sent": 1, "failed": 1}


@pytest.mark.parametrize(
    ("destination", "uri", "to"),
    [
        ("pjsip:bob/bob", "sip:bob@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:bob@anywhere", "sip:bob@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:PJSIP/55@bob", "sip:55@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:bob/sip:55@127.0.0.1:15072", "sip:55@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ('pjsip:bob/"B" <sip:55@127.0.0.1:15072>', "sip:55@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:bob/55@127.0.0.1:15072", "sip:55@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:sip:55@127.0.0.1:15072", "sip:55@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:55@127.0.0.1:15072", "sip:55@127.0.0.1:15072", "<sip:806@127.0.0.1>"),
        ("pjsip:bob,,sip:special@x.example", "sip:bob@127.0.0.1:15072", "<sip:special@x.example>"),
    ],
)
async def test_destinations(tmp_path: Path, destination: str, uri: str, to: str) -> None:
    """Every form that MessageSend knows."""
    extensions = EXTENSIONS.replace("${TO}", destination)
    options = "default_outbound_endpoint=carol"
    async with transfer_office(tmp_path, extensions, global_options=options) as (office, (alice, bob, *_)):
        await send(alice, "806")
        message = await bob.get("MESSAGE")
        bob.send(bob.reply_to(message, 200, "OK", tag="b"))
        assert message.uri == uri
        assert message["To"] == to
        assert value(office, "STATUS") == "SUCCESS"


@pytest.mark.parametrize(
    ("destination", "status"),
    [("bob", "INVALID_URI"), ("xmpp:bob", "INVALID_PROTOCOL"), ("pjsip:nobody/nowhere", "FAILURE"), ("", "INVALID_URI")],
)
async def test_destinations_that_are_none(tmp_path: Path, destination: str, status: str) -> None:
    """MESSAGE_SEND_STATUS says why nothing was sent."""
    async with transfer_office(tmp_path, EXTENSIONS.replace("${TO}", destination)) as (office, (alice, *_)):
        await send(alice, "806")
        await asyncio.sleep(0.1)
        assert value(office, "STATUS") == status
        await office.quiet()


async def test_refusals(tmp_path: Path) -> None:
    """404 for an extension that is none, 415 for what is no text."""
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        assert (await send(alice, "999")).status == 404
        answer = await send(alice, "800", "{}", kind="application/json")
        assert (answer.status, answer["Accept"]) == (415, "text/plain")
        await office.quiet()
        assert value(office, "GOT") is None


async def test_message_context(tmp_path: Path) -> None:
    """Messages go to a context of their own."""
    async with transfer_office(tmp_path, EXTENSIONS, message_context="texts") as (office, (alice, *_)):
        assert (await send(alice, "800")).status == 404
        assert (await send(alice, "900")).status == 202
        await asyncio.sleep(0.1)
        assert value(office, "GOT") == "in texts"


async def test_the_queue_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More messages than may wait are refused: 503."""
    monkeypatch.setattr("globstar.core.textmessage.QUEUE_LIMIT", 2)
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, *_)):
        assert [(await send(alice, "803", text)).status for text in "abcd"] == [202, 202, 202, 503]
        assert office.system.services["messaging"].dropped == 1
        await asyncio.sleep(5)
        assert value(office, "ORDER") == "abc"

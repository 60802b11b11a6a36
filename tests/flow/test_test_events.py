"""Test events of calls, applications and SIP, and the table of all states: each is told with its fields."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.frame import Control
from globstar.core.settings import Options
from globstar.core.system import System
from globstar.core.testevents import TestEvent, follow_bus
from tests.flow import test_test_events_voicemail
from tests.flow.test_subscriptions import PHONES, Lamp, change
from tests.support.dialling import connected, dialling
from tests.support.sip_phone import SipOffice, phone_section, sip_office
from tests.support.testtech import World

#: What the tests below show, by the test.
SHOWN = {
    "registration": {
        "INCOMING_AUTH_VERIFY_RESULT", "AOR_CONTACT_ADDED", "AOR_CONTACT_REFRESHED", "AOR_CONTACT_REMOVED",
        "AOR_CONTACT_QUALIFY_RESULT", "AOR_CONTACT_UPDATE",
    },
    "SIP calls": {
        "CallIDChange", "RTP_PORT_ALLOCATED", "STRICT_RTP_LEARN", "STRICT_RTP_CLOSED", "AST_CONTROL_VIDUPDATE",
        "SESSION_DESTROYING", "SESSION_DESTROYED", "PJSIP_SESSION_CANCELED", "RINGING_INBAND",
    },
    "subscriptions": {
        "SUBSCRIPTION_ESTABLISHED", "SUBSCRIPTION_STATE_SET", "SUBSCRIPTION_STATE_CHANGED", "SUBSCRIPTION_REFRESHED",
        "SUBSCRIPTION_TERMINATED",
    },
    "messages": {"PUBSUB_NO_INCOMING_MWI_MAILBOX", "PUBSUB_INCOMING_MWI_PUBLISH", "MSG_FROMTO_URI", "MSG_ENDPOINT_URI_FAIL"},
    "applications": {"HANGUP_TIME", "SAYNUM", "TIMEOUT", "HANGUP", "MIXMONITOR_END", "AUDIOHOOK_GROUP_MUTE_TOGGLE", "DTMF_BEGIN"},
    "hooks": {"PERIODIC_HOOK_ENABLED"}, "modules": {"MODULE_LOAD", "MODULE_UNLOAD"},
    "features": {"FEATURE_DETECTION", "TRANSFER_BEGIN_DIAL", "TRANSFER_DIALLED", "TRANSFER_DIAL_FINAL", "BRIDGE_TIMELIMIT"},
    "voicemail": test_test_events_voicemail.SHOWN,
    "unit tests": {"SORCERY_MEMORY_CACHE_REFRESHED", "ICECHECKLISTCREATE"},
}  # fmt: skip
#: States of modules that are not there, by the beginnings of their names.
WITHOUT = ("CONF_", "CONFPLAY", "NOEXIT", "StasisMessagingSubscription")


def test_every_state_of_a_built_module_is_shown(shared: Path) -> None:
    with (shared / "compat" / "test_events.tsv").open(encoding="utf-8", newline="") as lines:
        states = {row["state"] for row in csv.DictReader(lines, delimiter="\t")}
    shown = set().union(*SHOWN.values())
    assert {state for state in states if not state.startswith(WITHOUT)} == shown


class Told(list[TestEvent]):
    """A live list of what is told."""

    def __init__(self, system: System) -> None:
        super().__init__()
        system.bus.subscribe(TestEvent, self.append)

    def fields(self, state: str) -> dict[str, str]:
        """The fields of the first event of a state."""
        return dict(next(event for event in self if event.state == state).fields)

    @property
    def states(self) -> set[str]:
        """All states."""
        return {event.state for event in self}


@asynccontextmanager
async def office(root: Path, sections: str, extensions: str = "[default]\n") -> AsyncIterator[tuple[SipOffice, Told]]:
    """An office whose system tells its states."""
    async with sip_office(root, sections, extensions, options=Options(testevents=True)) as office:
        yield office, Told(office.system)


def switched_on(world: World) -> Told:
    """What a world tells from now on."""
    world.system.test_events = True
    follow_bus(world.system)
    return Told(world.system)


# -- SIP -----------------------------------------------------------------------------------------------------------------


async def test_registration(tmp_path: Path) -> None:
    section = phone_section("alice", "Geheim1").replace("max_contacts=2", "max_contacts=2\nqualify_frequency=20")
    async with office(tmp_path, section) as (here, told):
        alice = here.phone("alice", "Geheim1")
        await alice.register()
        alice.send(alice.reply_to(await alice.get("OPTIONS"), 200))
        await asyncio.sleep(0.1)
        await alice.register()
        await alice.register(0)
        assert SHOWN["registration"] <= told.states
        assert told.fields("AOR_CONTACT_ADDED")["AOR"] == "alice"
        assert told.fields("AOR_CONTACT_ADDED")["Contact"] == alice.uri
        assert told.fields("AOR_CONTACT_QUALIFY_RESULT")["Result"] == "Reachable"
        assert told.fields("INCOMING_AUTH_VERIFY_RESULT")["Endpoint"] == "alice"


async def test_sip_calls(tmp_path: Path) -> None:
    sections = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", inband_progress="yes")
    plan = "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\nexten => 102,1,Ringing()\n same => n,Wait(2)\n"
    async with office(tmp_path, sections, plan) as (here, told):
        alice, bob = here.phone("alice"), here.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        await call.answered()
        await call.speak(8)
        await asyncio.sleep(0.1)
        channel = next(channel for name, channel in here.system.channels.items() if name.startswith("PJSIP/alice"))
        channel.indicate(Control.VIDUPDATE)
        await call.hang_up()
        await called.ended()
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(180)
        await alice.get(180)
        call.cancel()
        assert (await alice.get(200))["CSeq"].endswith("CANCEL")
        call.refused(await alice.get(487))
        called.reply(200, request=await bob.get("CANCEL"))
        called.reply(487)
        await bob.get("ACK")
        in_band = bob.call("102")
        await bob.get(100)
        await bob.get(183)
        in_band.refused(await bob.get(603))
        assert SHOWN["SIP calls"] <= told.states
        learnt = told.fields("STRICT_RTP_CLOSED")
        assert learnt == {"Source": "127.0.0.1:21000"}
        assert told.fields("CallIDChange")["CallID"].startswith("C-")
        assert int(told.fields("RTP_PORT_ALLOCATED")["Port"]) % 2 == 0
        assert told.fields("SESSION_DESTROYED") == {"Endpoint": "bob"} or told.fields("SESSION_DESTROYED") == {
            "Endpoint": "alice"
        }


async def test_subscriptions(tmp_path: Path) -> None:
    async with office(tmp_path, PHONES, "[default]\nexten => 6001,hint,Custom:door\n") as (here, told):
        lamp = Lamp(here.phone("ann"), "6001")
        await lamp.subscribe()
        await change(here, "INUSE")
        await lamp.notified()
        await lamp.subscribe()
        await lamp.subscribe(0)
        assert SHOWN["subscriptions"] <= told.states
        assert told.fields("SUBSCRIPTION_ESTABLISHED") == {"Endpoint": "ann", "Resource": "6001"}
        texts = [dict(event.fields)["StateText"] for event in told if event.state == "SUBSCRIPTION_STATE_SET"]
        assert texts == ["ACTIVE", "TERMINATED"]


async def test_messages(tmp_path: Path) -> None:
    sections = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", incoming_mwi_mailbox="7@x")
    plan = "[default]\nexten => 1,1,MessageSend(pjsip:bob)\nexten => 2,1,MessageSend(pjsip:nobody)\n"
    async with office(tmp_path, sections, plan) as (here, told):
        alice, bob = here.phone("alice"), here.phone("bob")
        waiting = "Event: message-summary\r\nContent-Type: application/simple-message-summary\r\n"
        for phone in (alice, bob):
            body = "Messages-Waiting: yes\r\nVoice-Message: 2/1\r\n"
            await phone.ask("NOTIFY", "sip:server@127.0.0.1:15060", extra=waiting, body=body)
        for number in ("1", "2"):
            extra = "Content-Type: text/plain\r\n"
            assert (await alice.ask("MESSAGE", f"sip:{number}@127.0.0.1:15060", extra=extra, body="hi")).status == 202
        bob.send(bob.reply_to(await bob.get("MESSAGE"), 200))
        await asyncio.sleep(0.1)
        assert SHOWN["messages"] <= told.states
        assert told.fields("PUBSUB_NO_INCOMING_MWI_MAILBOX") == {"Endpoint": "alice"}
        assert told.fields("PUBSUB_INCOMING_MWI_PUBLISH") == {"Endpoint": "bob", "Mailbox": "7@x"}
        assert told.fields("MSG_FROMTO_URI")["MsgEndpoint"] == "bob"
        assert told.fields("MSG_ENDPOINT_URI_FAIL") == {"MsgTo": "nobody"}


# -- applications, features ----------------------------------------------------------------------------------------------

PLAN = """
[default]
exten => 1,1,Answer(0)
 same => n,Set(TIMEOUT(absolute)=60)
 same => n,SayNumber(5)
 same => n,MixMonitor(x.wav)
 same => n,Record(y.wav,0,1,q)
 same => n,Wait(1)
 same => n,StopMixMonitor()
 same => n,Originate(Test/nobody,app,NoOp,,,1)
 same => n,Wait(1)
 same => n,Hangup()
exten => 2,1,Answer(0)
 same => n,Set(X=${PERIODIC_HOOK(hooks,beep,30)})
 same => n,Wait(1)
 same => n,Hangup()
[hooks]
exten => beep,1,Answer(0)
 same => n,Wait(1)
"""


async def test_applications(tmp_path: Path) -> None:
    async with await World.start(PLAN, root=tmp_path) as world:
        world.phone("alice")
        world.sound("digits/5")
        told = switched_on(world)
        leg = world.tech.phones["alice"].dials("1")
        await world.settle(0.5)
        leg.presses("7")
        world.system.bus.publish(events.MixMonitorMuted(leg.channel, "both", True))
        await world.all_gone()
        assert SHOWN["applications"] <= told.states
        name = leg.channel.name
        assert told.fields("SAYNUM") == {"Message": "5", "Channel": name}
        assert float(told.fields("HANGUP_TIME")["Seconds"]) == pytest.approx(60)
        assert told.fields("DTMF_BEGIN") == {"Digit": "7", "Channel": name}
        assert told.fields("MIXMONITOR_END") == {"Channel": name}
        assert told.fields("HANGUP") == {"Message": "Test/nobody", "Channel": name}


async def test_hooks_and_modules(tmp_path: Path) -> None:
    async with await World.start(PLAN, root=tmp_path) as world:
        world.phone("alice")
        told = switched_on(world)
        leg = world.tech.phones["alice"].dials("2")
        await world.settle(0.5)
        assert told.fields("PERIODIC_HOOK_ENABLED") == {"HookID": "1", "Channel": leg.channel.name}
        await world.system.loader.unload("app_echo")
        await world.system.loader.load("app_echo")
        assert (told.fields("MODULE_UNLOAD"), told.fields("MODULE_LOAD")) == (
            {"Module": "app_echo.so"},
            {"Module": "app_echo.so"},
        )
        await world.all_gone()


@pytest.mark.virtual_time
async def test_features() -> None:
    codes = {"features.conf": "[general]\nfeaturedigittimeout = 800\n[featuremap]\nblindxfer => #1\n"}
    extra = "exten => 300,1,Wait(1)\nsame => n,Hangup()\n"
    async with dialling("Test/bob,,TL(5000)", files=codes, extra=extra) as world:
        world.sound("pbx-transfer")
        told = switched_on(world)
        await connected(world)
        await world.all_gone()
        assert told.fields("BRIDGE_TIMELIMIT")["Channel"].startswith("Test/alice")
        call, _ = await connected(world)
        call.presses("#1")
        await world.settle(0.5)
        call.presses("300")
        await world.all_gone()
        assert SHOWN["features"] <= told.states
        assert told.fields("TRANSFER_DIAL_FINAL")["Digits"] == "300"
        assert told.fields("FEATURE_DETECTION")["Result"] == "success"

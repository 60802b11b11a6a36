"""The events that answer actions with lists, in the middle of a recorded call: their fields against Asterisk's table."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.core.astdb import AstDb
from globstar.core.cli import run_command
from tests.support.ami import AmiClient, split_messages, start_manager
from tests.support.sip_replay import Scenario, SipReplay, recorded_system

#: Actions with their parameters; ``?channel`` and ``?bridge`` are those of the call.
ACTIONS = (
    "CoreShowChannels", "CoreShowChannelMap Channel ?channel", "Status", "BridgeList", "BridgeInfo BridgeUniqueid ?bridge",
    "BridgeTechnologyList", "DeviceStateList", "PresenceStateList", "ExtensionStateList", "VoicemailUsersList", "ParkedCalls",
    "Parkinglots", "DBGet Family f Key k", "DBGetTree", "ShowDialPlan Context other", "PJSIPShowEndpoints",
    "PJSIPShowEndpoint Endpoint bob", "PJSIPShowAors", "PJSIPShowAuths", "PJSIPShowContacts", "PJSIPShowRegistrationsOutbound",
    "PJSIPShowRegistrationsInbound", "PJSIPShowRegistrationInboundContactStatuses", "PJSIPShowSubscriptionsInbound",
    "PJSIPShowResourceLists", "Agents", "MWIGet Mailbox /./", "Hangup Channel /nosuch/",
)  # fmt: skip
_OF_LISTS = ("Event", "ActionID", "EventList", "ListItems")
#: Fields that the table does not have, and of which it has too many: as recorded, or where there is nothing to tell.
BESIDES = {
    "Status": {"Privilege"}, "ParkedCallsComplete": {"Total"}, "EndpointDetail": {"FollowRedirectMethods"},
    "ShowDialPlanComplete": {"ListExtensions", "ListPriorities", "ListContexts"},
    "OutboundRegistrationDetailComplete": {"Registered", "NotRegistered"},
}  # fmt: skip
WITHOUT = {
    "BridgeInfoComplete": {"BridgeVideoSource", "single)"}, "EndpointList": {"Contacts"}, "AuthDetail": {"EndpointName"},
    "ContactStatusDetail": {"ViaAddress", "CallID"},
}  # fmt: skip
#: Without a row of their own, or with one without fields.
UNKNOWN = {"VoicemailUserEntry", "ListDialplan", "ChannelsHungupListComplete", "BridgeListItem"}
#: Answered with an error, as recorded, where there is nothing to list.
NOTHING = {
    "PJSIPShowContacts", "PJSIPShowRegistrationInboundContactStatuses", "PJSIPShowRegistrationsInbound",
    "PJSIPShowSubscriptionsInbound", "PJSIPShowResourceLists",
}  # fmt: skip


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    folder = tmp_path_factory.mktemp("lists")
    replay = recorded_system(folder, shared)
    replay.system.database = AstDb(folder / "astdb.sqlite3")
    yield replay
    replay.close()


def table(shared: Path) -> dict[str, list[str]]:
    """The names of the fields of every event."""
    with (shared / "compat" / "manager_events.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["event"]: [re.split(r"[=(]", field.lstrip("*"))[0] for field in row["fields"].split()] for row in rows}


def test_fields_of_lists(replay: SipReplay, shared: Path) -> None:
    found: dict[str, list[str]] = {}
    empty: set[str] = set()

    async def ask(replay: SipReplay) -> None:
        system = replay.system
        client = AmiClient(await start_manager(system))
        client.log_in(events="off")
        system.database.put("f", "k", "v")
        await run_command(system, "presencestate change CustomPresence:pres1 away,a,b")
        await run_command(system, "devstate change Custom:lamp1 INUSE")
        for action in ACTIONS:
            line = action.replace("?channel", next(iter(system.channels))).replace("?bridge", next(iter(system.bridges)))
            name, *words = line.split()
            text = client.ask(name, ("ActionID", "7"), *zip(words[::2], words[1::2], strict=True))
            for _ in range(200):
                if re.search(r"(?m)^(EventList: Complete|Response: Error)", text):
                    break
                await asyncio.sleep(0.01)
                text += client.take()
            events = [message for message in split_messages(text) if message[0][0] == "Event"]
            if not events:
                empty.add(name)
            for message in events:
                assert ("ActionID", "7") in message, action
                found.setdefault(message[0][1], [field for field, _ in message if field not in _OF_LISTS])

    scenario = Scenario.load(shared / "vectors" / "calls" / "g10_core_live_bridged_call.json")
    replay.run(scenario.until("BYE sip:127"), at_end=ask)
    known = table(shared)
    assert empty <= NOTHING, empty - NOTHING
    assert len(found) > 45
    assert {name for name in found if name not in known} == UNKNOWN - known.keys()
    for name in found.keys() & known.keys() - UNKNOWN:
        wanted = set(known[name]) - set(_OF_LISTS)
        assert set(found[name]) - wanted == BESIDES.get(name, set()), name
        assert wanted - set(found[name]) == WITHOUT.get(name, set()), name

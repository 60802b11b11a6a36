"""Lists of resources (RFC 4662): one subscription, many lamps."""

from __future__ import annotations

import asyncio
import re
from email import message_from_string
from pathlib import Path

from tests.flow.test_subscriptions import Lamp, change
from tests.support.sip_phone import Wire, phone_section, sip_office

ACCEPT = (
    "Event: dialog\r\nAccept: application/dialog-info+xml, application/rlmi+xml, multipart/related\r\nSupported: eventlist\r\n"
)
PHONES = (
    phone_section("cat", contact="sip:cat@127.0.0.1:15071")
    + """
[team]
type=resource_list
event=dialog
list_item=6001,6002
list_item=nobody
list_item=night
resource_display_name=yes
[night]
type=resource_list
event=dialog
list_item=6003
list_item=team
[slow]
type=resource_list
event=dialog
list_item=6001,6002,6003
notification_batch_interval=2000
[whole]
type=resource_list
event=dialog
list_item=6001,6002
full_state=yes
"""
)
EXTENSIONS = """
[default]
exten => 6001,hint,Custom:one
exten => 6002,hint,Custom:two
exten => 6003,hint,Custom:three
"""


def parts(notify: Wire) -> dict[str, str]:
    """State of dialogs by resource, those of lists within lists too; the rlmi documents under ``<list>``."""
    found: dict[str, str] = {}
    kind = notify["Content-Type"]
    _collect(f"Content-Type: {kind}\r\n\r\n{notify.body}", found)
    return found


def _collect(text: str, found: dict[str, str]) -> None:
    message = message_from_string(text.replace("\r\n", "\n"))
    assert message.get_content_type() == "multipart/related"
    boundary = message.get_boundary()
    assert boundary
    body = text.split("\r\n\r\n", 1)[1]
    names: dict[str, str] = {}
    for piece in body.split(f"--{boundary}")[1:-1]:
        head, _, content = piece.partition("\r\n\r\n")
        kind = re.search(r"Content-Type: (\S+)", head)
        content_id = re.search(r"Content-ID: <([^>]+)>", head)
        length = re.search(r"Content-Length: (\d+)", head)
        assert kind is not None
        assert content_id is not None
        assert length is not None
        assert len(content.encode()) - 2 == int(length[1])
        if kind[1].startswith("application/rlmi+xml"):
            name = re.search(r'uri="sip:(\w+)@', content)
            assert name is not None
            version, full = re.search(r'version="(\d+)"', content.split("<list", 1)[1]), re.search(r'fullState="(\w+)"', content)
            assert version is not None
            assert full is not None
            found[f"<{name[1]}>"] = f"{version[1]} {full[1]}"
            for resource, cid in re.findall(r'<resource uri="sip:(\w+)@.*?(?:cid="([^"]*)"|reason)', content, re.DOTALL):
                if cid:
                    names[cid] = resource
                else:
                    found[resource] = "gone"
        elif kind[1].startswith("multipart/related"):
            _collect(piece.partition("\r\n")[2][:-2], found)
        else:
            state = re.search(r"<state>(\w+)</state>", content)
            assert state is not None
            found[names[content_id[1]]] = state[1]


async def test_rfc4662_4_1_full_state_first_then_what_changed(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat = office.phone("cat")
        lamp = Lamp(cat, "team", ACCEPT)
        first = await lamp.subscribe()
        assert first["Require"] == "eventlist"
        idle = {"6001": "terminated", "6002": "terminated", "6003": "terminated"}
        assert parts(first) == {"<team>": "0 true", "<night>": "0 true", **idle}
        await change(office, "INUSE", "Custom:two")
        assert parts(await lamp.notified()) == {"<team>": "1 false", "6002": "confirmed"}
        await change(office, "RINGING", "Custom:three")
        assert parts(await lamp.notified()) == {"<team>": "2 false", "<night>": "1 false", "6003": "early"}
        assert parts(await lamp.subscribe(600)) == {
            "<team>": "3 true", "<night>": "2 true", "6001": "terminated", "6002": "confirmed", "6003": "early",
        }  # fmt: skip
        last = await lamp.subscribe(0)
        assert last["Subscription-State"] == "terminated"
        assert len(parts(last)) == 5
        assert office.system.device_states.watchers("default", "6002") == 0


async def test_changes_of_an_interval_are_told_together(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        lamp = Lamp(office.phone("cat"), "slow", ACCEPT)
        await lamp.subscribe()
        await change(office, "INUSE", "Custom:one")
        await asyncio.sleep(0.5)
        await change(office, "RINGING", "Custom:one")
        await change(office, "INUSE", "Custom:three")
        await office.quiet(1.4)
        assert parts(await lamp.notified()) == {"<slow>": "1 false", "6001": "early", "6003": "confirmed"}
        await office.quiet(3)
        await lamp.subscribe(0)


async def test_full_state_and_a_resource_that_goes(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        lamp = Lamp(office.phone("cat"), "whole", ACCEPT)
        await lamp.subscribe()
        await change(office, "INUSE", "Custom:one")
        assert parts(await lamp.notified()) == {"<whole>": "1 true", "6001": "confirmed", "6002": "terminated"}
        office.system.plan.remove_steps("default", "6002")
        office.system.device_states.hints.refresh()
        assert parts(await lamp.notified()) == {"<whole>": "2 true", "6001": "confirmed", "6002": "gone"}
        await lamp.subscribe(0)


async def test_rfc4662_4_4_a_list_needs_a_subscriber_that_knows_lists(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        lamp = Lamp(office.phone("cat"), "team")
        lamp.send(60)
        await lamp.phone.get(404)


async def test_rfc4662_5_2_versions_go_on_after_a_restart(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        lamp = Lamp(office.phone("cat"), "team", ACCEPT)
        await lamp.subscribe()
        for supplement in office.driver.supplements:
            await supplement.stop()
        for supplement in office.driver.supplements:
            await supplement.start()
        told = parts(await lamp.notified())
        assert told["<team>"].endswith(" true")
        assert int(told["<team>"].split()[0]) > 1000
        assert int(told["<night>"].split()[0]) > 1000
        await lamp.subscribe(0)

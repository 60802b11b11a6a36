"""PUBLISH in (RFC 3903) and out: device and mailbox states exchanged with another server, which a scripted phone plays."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from globstar.core.devicestate import DeviceState
from tests.flow.test_subscriptions import change
from tests.support.sip_phone import SipPhone, Wire, phone_section, sip_office

PHONES = (
    phone_section("peer", contact="sip:peer@127.0.0.1:15071")
    + phone_section("other", contact="sip:other@127.0.0.1:15072")
    + """
[states]
type=inbound-publication
endpoint=peer
event_asterisk-devicestate=exchange
event_asterisk-mwi=exchange
[exchange]
type=asterisk-publication
device_state=yes
device_state_filter=^(PJSIP|Custom)/|^Custom:
mailbox_state=yes
mailbox_state_filter=@sales$
devicestate_publish=out-devices
mailboxstate_publish=out-mailboxes
[out-devices]
type=outbound-publish
server_uri=sip:states@127.0.0.1:15071
event=asterisk-devicestate
[out-mailboxes]
type=outbound-publish
server_uri=sip:states@127.0.0.1:15071
event=asterisk-mwi
"""
)
EXTENSIONS = "[default]\nexten => 6001,hint,PJSIP/far\nexten => 6002,hint,Custom:door\n"


async def published(peer: SipPhone, tag: str = "e1") -> dict[str, Any]:
    """The next PUBLISH of the server, answered; what it says."""
    request = await peer.get("PUBLISH")
    peer.send(peer.reply_to(request, 200, tag="p", extra=f"SIP-ETag: {tag}\r\nExpires: 3600\r\n"))
    record: dict[str, Any] = json.loads(request.body)
    return record


async def publish(peer: SipPhone, event: str, record: Any, *, tag: str = "", expires: int = 60, uri: str = "states") -> Wire:
    """A PUBLISH of the peer and its answer."""
    extra = f"Event: {event}\r\nExpires: {expires}\r\nContent-Type: application/json\r\n"
    if tag:
        extra += f"SIP-If-Match: {tag}\r\n"
    body = json.dumps(record) if record is not None else ""
    return await peer.ask("PUBLISH", f"sip:{uri}@127.0.0.1:15060", extra=extra, body=body)


def device(name: str, state: str, eid: str = "aa:bb") -> dict[str, str]:
    return {"type": "devicestate", "device": name, "state": state, "cachable": "1", "eid": eid}


async def greet(peer: SipPhone) -> None:
    """Both clients ask for everything when they start."""
    for _ in range(2):
        assert (await published(peer))["type"] == "refresh"


async def test_rfc3903_6_states_of_another_server_live_as_long_as_their_publication(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        peer, states = office.phone("peer"), office.system.device_states
        await greet(peer)
        answer = await publish(peer, "asterisk-devicestate", device("PJSIP/far", "INUSE"))
        assert (answer.status, answer["Expires"]) == (200, "60")
        assert states.state("PJSIP/far") is DeviceState.INUSE
        assert states.extension_state("default", "6001") == 1
        tag = answer["SIP-ETag"]
        again = await publish(peer, "asterisk-devicestate", device("PJSIP/far", "RINGING"), tag=tag)
        assert again["SIP-ETag"] != tag
        assert states.extension_state("default", "6001") == 8
        assert (await publish(peer, "asterisk-devicestate", None, tag=tag)).status == 412
        refreshed = await publish(peer, "asterisk-devicestate", None, tag=again["SIP-ETag"], expires=10)
        assert refreshed.status == 200
        await asyncio.sleep(11)
        assert states.state("PJSIP/far") is DeviceState.INVALID
        ended = await publish(peer, "asterisk-devicestate", device("PJSIP/far", "INUSE"))
        assert (await publish(peer, "asterisk-devicestate", None, tag=ended["SIP-ETag"], expires=0)).status == 200
        assert states.state("PJSIP/far") is DeviceState.INVALID
        await office.quiet()


async def test_rfc3903_6_what_is_refused(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        peer, other = office.phone("peer"), office.phone("other")
        await greet(peer)
        good = device("PJSIP/far", "INUSE")
        for record, status in ((None, 400), ([], 400), ({"type": "x", "eid": "1"}, 400), (device("PJSIP/far", "ODD"), 400)):
            assert (await publish(peer, "asterisk-devicestate", record)).status == status
        assert (await publish(peer, "asterisk-devicestate", good, expires=0)).status == 400
        assert (await publish(peer, "weather", good)).status == 489
        assert (await publish(peer, "asterisk-devicestate", good, uri="nobody")).status == 404
        assert (await publish(other, "asterisk-devicestate", good)).status == 403
        assert (await publish(peer, "asterisk-devicestate", good, tag="unknown")).status == 412
        deep = "Event: asterisk-devicestate\r\nContent-Type: application/json\r\n"
        assert (await peer.ask("PUBLISH", "sip:states@127.0.0.1:15060", extra=deep, body="[" * 50000)).status == 400
        for new in (-1, 10**12, "many"):
            record = {"type": "mailboxstate", "uniqueid": "8@sales", "old": "0", "new": new, "eid": "aa:bb"}
            assert (await publish(peer, "asterisk-mwi", record)).status == 400
        text = "Event: asterisk-devicestate\r\nContent-Type: text/plain\r\n"
        refused = await peer.ask("PUBLISH", "sip:states@127.0.0.1:15060", extra=text, body="hello")
        assert (refused.status, refused["Accept"]) == (415, "application/json")
        own = device("PJSIP/far", "INUSE", office.system.entity_id)
        assert (await publish(peer, "asterisk-devicestate", own)).status == 200
        assert office.system.device_states.state("PJSIP/far") is DeviceState.INVALID
        filtered = device("SCCP/far", "INUSE")
        assert (await publish(peer, "asterisk-devicestate", filtered)).status == 200
        assert office.system.device_states.state("SCCP/far") is DeviceState.INVALID


async def test_our_states_are_published_and_those_of_others_are_not_sent_back(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        peer, eid = office.phone("peer"), office.system.entity_id
        await greet(peer)
        await change(office, "INUSE")
        assert await published(peer, "e2") == device("Custom:door", "INUSE", eid)
        await publish(peer, "asterisk-devicestate", device("Custom:door", "RINGING"))
        assert office.system.device_states.state("Custom:door") is DeviceState.RINGINUSE
        await office.quiet()
        office.system.mailboxes.update("7@sales", 2, 1)
        assert await published(peer, "e3") == {"type": "mailboxstate", "uniqueid": "7@sales", "old": "1", "new": "2", "eid": eid}
        office.system.mailboxes.update("7@private", 2, 1)
        record = {"type": "mailboxstate", "uniqueid": "8@sales", "old": "0", "new": "4", "eid": "aa:bb"}
        assert (await publish(peer, "asterisk-mwi", record)).status == 200
        assert office.system.mailboxes.state("8@sales") == (4, 0, 0)
        await office.quiet()
        assert (await publish(peer, "asterisk-mwi", {"type": "refresh", "eid": "aa:bb"})).status == 200
        assert (await published(peer, "e4"))["uniqueid"] == "7@sales"
        await office.quiet()

"""ContactStatus and PeerStatus: what is told, in which order, with which words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core.events import ContactStatusChanged, PeerStatusChanged
from globstar.modules.channels.pjsip.supplements.contact_events import ContactEvents
from tests.support.sip_phone import SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

AOR = "[alice]\ntype=endpoint\ncontext=default\nallow=ulaw\naors=alice\n[alice]\ntype=aor\nmax_contacts=1\n"


def listen(office: SipOffice) -> list[str]:
    """What is told from now on."""
    heard: list[str] = []

    def contact(event: ContactStatusChanged) -> None:
        fields = event.fields
        assert event.technology == "PJSIP"
        assert set(fields) == {"URI", "ContactStatus", "AOR", "EndpointName", "RoundtripUsec"}
        heard.append(f"{fields['AOR']}/{fields['EndpointName']} {fields['ContactStatus']} {fields['RoundtripUsec']}")

    office.system.bus.subscribe(ContactStatusChanged, contact)
    office.system.bus.subscribe(PeerStatusChanged, lambda event: heard.append(f"{event.peer} {event.status}"))
    return heard


async def test_registered_refreshed_removed(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR) as office:
        heard = listen(office)
        alice = office.phone("alice")
        await alice.register()
        await alice.register()
        assert heard == ["PJSIP/alice Reachable", "alice/alice NonQualified 0"]
        heard.clear()
        await alice.register(0)
        assert heard == ["PJSIP/alice Unreachable", "alice/alice Removed 0"]


async def test_refreshes_are_told_on_request(tmp_path: Path) -> None:
    text = "[g]\ntype=global\nuser_agent=Globstar\nsend_contact_status_on_update_registration=yes\n" + AOR
    async with sip_office(tmp_path, text) as office:
        heard = listen(office)
        alice = office.phone("alice")
        await alice.register()
        await alice.register()
        assert heard[-1] == "alice/alice Updated 0"


async def test_qualify(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "qualify_frequency=10\nqualify_timeout=1\n") as office:
        heard = listen(office)
        alice = office.phone("alice")
        await alice.register()
        question = await alice.get("OPTIONS")
        await asyncio.sleep(0.25)
        alice.send(alice.reply_to(question, 200))
        await asyncio.sleep(0.1)
        await alice.get("OPTIONS")
        await asyncio.sleep(2)
        assert heard == [
            "PJSIP/alice Reachable", "alice/alice NonQualified 0", "alice/alice Reachable 250000", "PJSIP/alice Unreachable",
            "alice/alice Unreachable 0",
        ]  # fmt: skip
        alice.inbox.clear()


async def test_fixed_contacts_make_endpoints_reachable_from_the_start(tmp_path: Path) -> None:
    text = phone_section("alice", contact="sip:alice@127.0.0.1:15071") + phone_section("bob")
    async with sip_office(tmp_path, text) as office:
        events = next(one for one in office.driver.supplements if isinstance(one, ContactEvents))
        assert isinstance(events, ContactEvents)
        assert events.is_online("alice")
        assert not events.is_online("bob")
        heard = listen(office)
        await office.driver.apply(office.driver.settings)
        assert heard == [], "a reload that changes nothing tells nothing"


async def test_an_endpoint_with_two_contacts_goes_with_the_last(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR.replace("max_contacts=1", "max_contacts=2")) as office:
        alice = office.phone("alice")
        await alice.register()
        await alice.register(contact="<sip:alice@127.0.0.1:1001>")
        heard = listen(office)
        await alice.register(0)
        assert heard == ["alice/alice Removed 0"]
        await alice.register(0, contact="*")
        assert heard[1:] == ["PJSIP/alice Unreachable", "alice/alice Removed 0"]

"""What the PJSIPShow... actions list: every object of an endpoint, with every field that Asterisk's clients know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.interfaces.ami.reference import reference
from tests.support.ami import AmiClient, Message, split_messages, start_manager
from tests.support.sip_phone import SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

AOR = "max_contacts=2\nqualify_frequency=60\nqualify_2xx_only=yes\nauthenticate_qualify=yes\noutbound_proxy=sip:192.0.2.1"
TEXT = (
    phone_section("alice", "Geheim1", transport="udp").replace("max_contacts=2", AOR)
    + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    + "[peer]\ntype=identify\nendpoint=alice\nmatch=192.0.2.0/24\nmatch_header=X-Peer: yes\nsrv_lookups=no\n"
    + "[away]\ntype=registration\nserver_uri=sip:192.0.2.9\nclient_uri=sip:me@192.0.2.9\noutbound_auth=alice\n"
)
ACTIONS = (
    "PJSIPShowEndpoints", "PJSIPShowEndpoint", "PJSIPShowAors", "PJSIPShowAuths", "PJSIPShowContacts",
    "PJSIPShowRegistrationsInbound", "PJSIPShowRegistrationInboundContactStatuses", "PJSIPShowRegistrationsOutbound",
    "PJSIPShowSubscriptionsInbound", "PJSIPShowSubscriptionsOutbound",
)  # fmt: skip
#: Fields beyond the documentation's (seen with Asterisk), and one that it misspells.
MORE = {"FollowRedirectMethods", "Registered", "NotRegistered", "AsyncOperations"}
#: Fields that are told where there is something to tell.
SOMETIMES = {"ViaAddress", "CallID", "EndpointName", "AsycOperations"}


@asynccontextmanager
async def clients(root: Path) -> AsyncIterator[tuple[SipOffice, AmiClient]]:
    """An office in which alice has registered, and a manager client."""
    async with sip_office(root, TEXT, "[default]\n") as office:
        await office.phone("alice", "Geheim1").register()
        client = AmiClient(await start_manager(office.system))
        client.log_in(events="off")
        await asyncio.sleep(0)
        yield office, client
        await client.session.hub.close()


def listed(client: AmiClient, action: str) -> list[Message]:
    """The events that answer an action."""
    response, *items = split_messages(client.ask(action, ("Endpoint", "alice")))
    assert response[0] == ("Response", "Success")
    return items


@pytest.mark.parametrize("action", ACTIONS)
async def test_every_field_is_there(tmp_path: Path, action: str) -> None:
    async with clients(tmp_path) as (_, client):
        items = listed(client, action)
        assert items[-1][1] == ("EventList", "Complete")
        for item in items:
            wanted = {field.lstrip("*").partition("=")[0] for field in reference("event")[item[0][1]].fields}
            names = {name for name, _ in item[1:]}
            assert (names - wanted <= MORE, wanted - names <= SOMETIMES) == (True, True), item[0][1]


async def test_an_endpoint_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    async with clients(tmp_path) as (_, client):
        items = listed(client, "PJSIPShowEndpoint")
        assert [item[0][1] for item in items] == [
            "EndpointDetail", "AorDetail", "ContactStatusDetail", "AuthDetail", "TransportDetail", "IdentifyDetail",
            "EndpointDetailComplete",
        ]  # fmt: skip
        contact, transport, identify = dict(items[2]), dict(items[4]), dict(items[5])
        assert contact["ViaAddress"] == "127.0.0.1:15071"
        assert contact["CallID"]
        assert (contact["AuthenticateQualify"], contact["Qualify2xxOnly"], contact["QualifyFrequency"]) == ("1", "1", "60")
        assert contact["OutboundProxy"] == "sip:192.0.2.1"
        assert (transport["ObjectName"], transport["Protocol"], transport["Bind"]) == ("udp", "udp", "127.0.0.1:15060")
        assert (identify["MatchHeader"], identify["SrvLookups"]) == ("X-Peer: yes", "false")
        assert {dict(item)["EndpointName"] for item in items[1:-1]} == {"alice"}
        assert dict(items[-1])["ListItems"] == "6"


async def test_contacts_as_their_records(tmp_path: Path) -> None:
    async with clients(tmp_path) as (_, client):
        contact = dict(listed(client, "PJSIPShowContacts")[0])
        assert contact["ObjectName"].startswith("alice;@")
        assert (contact["Uri"], contact["ViaAddr"], contact["ViaPort"]) == ("sip:alice@127.0.0.1:15071", "127.0.0.1", "15071")
        assert (contact["Endpoint"], contact["QualifyFrequency"], contact["Qualify2xxOnly"]) == ("alice", "60", "yes")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ((), "PJSIPShowEndpoint requires an endpoint name"),
        ((("Endpoint", "nobody"),), "Unable to retrieve endpoint nobody"),
    ],
)  # fmt: skip
async def test_endpoints_that_are_not_there(tmp_path: Path, headers: tuple[tuple[str, str], ...], message: str) -> None:
    async with clients(tmp_path) as (_, client):
        assert f"Response: Error\r\nMessage: {message}" in client.ask("PJSIPShowEndpoint", *headers)

"""Publishing at other servers: entity tags, refresh, retries, users (RFC 3903 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.modules.channels.pjsip.supplements.outbound_publish import (
    MAX_WAITING,
    OutboundPublish,
    PublishClient,
    publisher,
)
from tests.support.sip_phone import SipOffice, SipPhone, Wire, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

TEXT = (
    "[states]\ntype=outbound-publish\nserver_uri=sip:pbx@127.0.0.1:15071\nfrom_uri=sip:us@here.example\n"
    "event=asterisk-devicestate\n"
)


@asynccontextmanager
async def server(root: Path, text: str = TEXT) -> AsyncIterator[tuple[SipOffice, SipPhone, PublishClient]]:
    """An office whose first phone is the server that we publish at."""
    async with sip_office(root, text) as office:
        found = publisher(office.driver)
        assert found is not None
        client = found.client("states")
        assert client is not None
        try:
            yield office, office.phone("server"), client
        finally:
            client.close()


def accept(phone: SipPhone, request: Wire, etag: str, expires: int = 3600) -> None:
    """A 200 with an entity tag."""
    phone.send(phone.reply_to(request, 200, "OK", tag="s", extra=f"SIP-ETag: {etag}\r\nExpires: {expires}\r\n"))


async def test_rfc3903_4_publish_modify_refresh_remove(tmp_path: Path) -> None:
    async with server(tmp_path) as (office, phone, client):
        assert client.publish(b'{"a":1}', "application/json")
        first = await phone.get("PUBLISH")
        assert first.uri == "sip:pbx@127.0.0.1:15071"
        assert first["From"].startswith("<sip:us@here.example>;tag=")
        assert first["To"] == "<sip:pbx@127.0.0.1>"
        assert (first["Event"], first["Expires"], first["SIP-If-Match"]) == ("asterisk-devicestate", "3600", "")
        assert (first["Content-Type"], first.body) == ("application/json", '{"a":1}')
        accept(phone, first, "e1", 100)
        await asyncio.sleep(0.1)
        client.publish(b'{"a":2}', "application/json")
        modify = await phone.get("PUBLISH")
        assert modify["SIP-If-Match"] == "e1"
        assert modify.body == '{"a":2}'
        assert int(modify["CSeq"].split()[0]) == int(first["CSeq"].split()[0]) + 1
        accept(phone, modify, "e2", 100)
        begin = office.system.now()
        refresh = await phone.get("PUBLISH", seconds=200)
        assert office.system.now() - begin == pytest.approx(90, abs=0.1)
        assert (refresh["SIP-If-Match"], refresh.body, refresh["Content-Type"]) == ("e2", "", "")
        accept(phone, refresh, "e3", 100)
        await asyncio.sleep(0.1)
        client.withdraw()
        end = await phone.get("PUBLISH")
        assert (end["SIP-If-Match"], end["Expires"], end.body) == ("e3", "0", "")
        accept(phone, end, "e4", 0)
        await office.quiet(4000)


async def test_states_wait_in_order_or_only_the_latest(tmp_path: Path) -> None:
    async with server(tmp_path) as (_, phone, client):
        for number in range(4):
            client.publish(str(number).encode(), "text/plain")
        for number in range(4):
            request = await phone.get("PUBLISH")
            assert request.body == str(number)
            accept(phone, request, f"e{number}")
        await asyncio.sleep(0.1)
        for number in range(4):
            client.publish(str(number).encode(), "text/plain", only_latest=True)
        for expected in ("0", "3"):
            request = await phone.get("PUBLISH")
            assert request.body == expected
            accept(phone, request, "e")


async def test_what_waits_is_bounded(tmp_path: Path) -> None:
    async with server(tmp_path) as (_, phone, client):
        for number in range(MAX_WAITING + 11):
            client.publish(str(number).encode(), "text/plain")
        accept(phone, await phone.get("PUBLISH"), "e")
        assert (await phone.get("PUBLISH")).body == "11"
        assert client.publications[""].dropped == 10


async def test_rfc3903_4_5_unknown_entity_tag(tmp_path: Path) -> None:
    """412: the server has forgotten us, so the state is published anew."""
    async with server(tmp_path) as (_, phone, client):
        client.publish(b"state", "text/plain")
        accept(phone, await phone.get("PUBLISH"), "e1", 60)
        refresh = await phone.get("PUBLISH", seconds=100)
        phone.send(phone.reply_to(refresh, 412))
        anew = await phone.get("PUBLISH")
        assert (anew["SIP-If-Match"], anew.body) == ("", "state")


async def test_rfc3903_4_interval_too_brief(tmp_path: Path) -> None:
    async with server(tmp_path, TEXT + "expiration=30\n") as (_, phone, client):
        client.publish(b"state", "text/plain")
        phone.send(phone.reply_to(await phone.get("PUBLISH"), 423, extra="Min-Expires: 900\r\n"))
        again = await phone.get("PUBLISH")
        assert (again["Expires"], again.body) == ("900", "state")


async def test_failures_are_tried_again_after_growing_pauses(tmp_path: Path) -> None:
    async with server(tmp_path) as (office, phone, client):
        client.publish(b"state", "text/plain")
        pauses = []
        request = await phone.get("PUBLISH")
        for _ in range(5):
            phone.send(phone.reply_to(request, 500))
            begin = office.system.now()
            request = await phone.get("PUBLISH", seconds=400)
            assert request.body == "state"
            pauses.append(round(office.system.now() - begin))
        assert pauses == [30, 60, 120, 240, 300]


async def test_challenges(tmp_path: Path) -> None:
    text = "[me]\ntype=auth\nauth_type=userpass\nusername=me\npassword=pw\n" + TEXT + "outbound_auth=me\nmax_auth_attempts=2\n"
    async with server(tmp_path, text) as (_, phone, client):
        client.publish(b"state", "text/plain")
        for number in (1, 2):
            stale = ", stale=true" if number > 1 else ""
            extra = f'WWW-Authenticate: Digest realm="r", nonce="n{number}", qop="auth"{stale}\r\n'
            phone.send(phone.reply_to(await phone.get("PUBLISH"), 401, extra=extra))
        third = await phone.get("PUBLISH")
        assert 'username="me"' in third["Authorization"]
        assert third.body == "state"
        extra = 'WWW-Authenticate: Digest realm="r", nonce="n3", qop="auth", stale=true\r\n'
        phone.send(phone.reply_to(third, 401, extra=extra))
        await asyncio.sleep(1)
        assert not phone.inbox, "two challenges are answered, not a third"
        assert client.publications[""].failed == 1


async def test_multi_user(tmp_path: Path) -> None:
    async with server(tmp_path, TEXT + "multi_user=yes\n") as (_, phone, client):
        for user in ("alice", "bob"):
            client.publish(b"1", "text/plain", user=user)
            request = await phone.get("PUBLISH")
            assert request.uri == f"sip:{user}@127.0.0.1:15071"
            assert request["From"].startswith(f"<sip:{user}@here.example>")
            accept(phone, request, f"e-{user}")
        await asyncio.sleep(0.1)
        client.withdraw("bob")
        end = await phone.get("PUBLISH")
        assert (end.uri, end["SIP-If-Match"]) == ("sip:bob@127.0.0.1:15071", "e-bob")


async def test_clients_by_event_and_shutdown(tmp_path: Path) -> None:
    async with server(tmp_path) as (office, phone, client):
        found = publisher(office.driver)
        assert isinstance(found, OutboundPublish)
        assert found.clients("Asterisk-DeviceState") == [client]
        assert found.clients("asterisk-mwi") == []
        client.publish(b"1", "text/plain")
        accept(phone, await phone.get("PUBLISH"), "e1")
        await asyncio.sleep(0.1)
        heard: list[int] = []
        found.on_change.append(lambda: heard.append(1))
        await office.driver.apply(office.driver.settings)
        assert found.client("states") is client, "what did not change keeps its publications"
        assert heard == [1]
        stopping = asyncio.ensure_future(found.stop())
        end = await phone.get("PUBLISH")
        assert end["Expires"] == "0"
        accept(phone, end, "e2")
        await stopping
        assert found.describe()["publications"] == 0


async def test_incomplete_objects_are_told(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with sip_office(tmp_path, "[x]\ntype=outbound-publish\nserver_uri=sip:a@b\n") as office:
            found = publisher(office.driver)
            assert found is not None
            assert found.client("x") is None
    assert any("has no event" in text for text in log.texts(Level.ERROR))

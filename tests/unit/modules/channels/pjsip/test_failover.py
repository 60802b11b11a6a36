"""RFC 3263 at work: calls and questions go to the next target of a name, and other options about where requests go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.proto.sip.flow import Flow
from globstar.proto.sip.locate import Naptr, Query, Srv
from tests.support.sip_phone import SipOffice, SipPhone, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 2,1,Dial(PJSIP/trunk,50)\n same => n,Hangup()\n"
TRUNK = phone_section("alice") + phone_section("trunk", contact="sip:bob@trunk.example")


def zone(office: SipOffice) -> tuple[SipPhone, SipPhone]:
    """Two servers of trunk.example: the first has the better priority."""
    one, two = office.phone("one"), office.phone("two")
    office.network.records = {
        Query("SRV", "_sip._udp.trunk.example"): [
            Srv(1, 0, one.address[1], "one.example"), Srv(2, 0, two.address[1], "two.example")],
        Query("A", "one.example"): ["127.0.0.1"],
        Query("A", "two.example"): ["127.0.0.1"],
    }  # fmt: skip
    return one, two


@pytest.mark.parametrize("cached", [False, True])
async def test_rfc3263_4_3_after_503(tmp_path: Path, cached: bool) -> None:
    """The INVITE goes on with a new branch; 503 is acknowledged; the next call begins with the server that works."""
    async with sip_office(tmp_path, TRUNK, PLAN) as office:
        office.network.is_cached = cached
        one, two = zone(office)
        alice = office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        first = await one.get("INVITE")
        one.send(one.reply_to(first, 503, tag="o"))
        assert (await one.get("ACK"))["Via"] == first["Via"]
        second = await two.get("INVITE")
        assert second["Via"] != first["Via"]
        assert (second["Call-ID"], second["CSeq"], second["From"]) == (first["Call-ID"], first["CSeq"], first["From"])
        two.send(two.reply_to(second, 486, tag="t"))
        await two.get("ACK")
        call.refused(await alice.get(486))
        again = alice.call("2")
        await alice.get(100)
        third = await two.get("INVITE")
        two.send(two.reply_to(third, 486, tag="t"))
        await two.get("ACK")
        again.refused(await alice.get(486))


async def test_rfc3263_4_3_after_timer_b(tmp_path: Path) -> None:
    """A server that says nothing: the next one is asked after Timer B; CANCEL goes where the INVITE went last."""
    async with sip_office(tmp_path, TRUNK, PLAN) as office:
        one, two = zone(office)
        alice = office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        await one.get("INVITE")
        begun = office.system.now()
        invite = await two.get("INVITE")
        assert office.system.now() - begun == pytest.approx(32, abs=0.1)
        two.send(two.reply_to(invite, 180, tag="t"))
        await alice.get(180)
        call.cancel()
        cancel = await two.get("CANCEL")
        assert cancel["Via"] == invite["Via"]
        two.send(two.reply_to(cancel, 200, tag="t"))
        two.send(two.reply_to(invite, 487, tag="t"))
        await two.get("ACK")
        await alice.get(200)
        call.refused(await alice.get(487))
        one.inbox.clear()


async def test_rfc3263_4_3_after_a_transport_failure(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TRUNK, PLAN) as office:
        one, two = zone(office)
        alice = office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        await one.get("INVITE")
        transport = office.driver.transports.get("udp").transport
        office.driver.send_failed(Flow(transport, "127.0.0.1", 15071, None, "trunk.example"), "refused")
        invite = await two.get("INVITE")
        two.send(two.reply_to(invite, 486, tag="t"))
        await two.get("ACK")
        call.refused(await alice.get(486))


async def test_rfc3263_4_3_no_more_targets(tmp_path: Path) -> None:
    """The last one's 503 is the answer, and a name without any address is none."""
    async with sip_office(tmp_path, TRUNK, PLAN) as office:
        one, two = zone(office)
        alice = office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        for server in (one, two):
            invite = await server.get("INVITE")
            server.send(server.reply_to(invite, 503, tag="s"))
            await server.get("ACK")
        answer = await alice._answer()
        call.refused(answer)
        assert answer.status == 503
        office.network.records.clear()
        call = alice.call("2")
        await alice.get(100)
        answer = await alice._answer()
        call.refused(answer)
        assert answer.status == 503


async def test_rfc3263_4_1_naptr_leads_to_another_protocol(tmp_path: Path) -> None:
    """NAPTR prefers TCP: the request goes there, with the Via of that transport."""
    async with sip_office(tmp_path, TRUNK, PLAN) as office:
        office.network.records = {
            Query("NAPTR", "trunk.example"): [Naptr(1, 1, "S", "SIP+D2T", "_sip._tcp.trunk.example")],
            Query("SRV", "_sip._tcp.trunk.example"): [Srv(1, 0, 15071, "one.example")],
            Query("A", "one.example"): ["127.0.0.1"],
        }
        one, alice = office.phone("one"), office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        invite = await one.get("INVITE")
        assert invite["Via"].startswith("SIP/2.0/TCP 127.0.0.1:15060;")
        one.send(one.reply_to(invite, 486, tag="s"))
        await one.get("ACK")
        call.refused(await alice.get(486))


async def test_non_invite_fails_over(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TRUNK, PLAN) as office:
        one, two = zone(office)
        (contact,) = office.driver.contacts.contacts("trunk")
        office.driver.qualifier.ask(contact)
        first = await one.get("OPTIONS")
        one.send(one.reply_to(first, 503, tag="s"))
        second = await two.get("OPTIONS")
        two.send(two.reply_to(second, 200, tag="s"))
        for _ in range(100):
            if contact.status.value == "Avail" or contact.status.name == "AVAILABLE":
                break
            await asyncio.sleep(0.01)
        assert contact.status.name == "AVAILABLE"


@pytest.mark.parametrize(("switch", "name"), [("no", "TCP"), ("yes", "UDP")])
async def test_rfc3261_18_1_1_large_requests(tmp_path: Path, switch: str, name: str) -> None:
    """disable_tcp_switch=no: a large INVITE goes over TCP, and so does what follows in its dialog."""
    text = f"[system]\ntype=system\ndisable_tcp_switch={switch}\n" + phone_section("alice")
    text += phone_section("bob", contact="sip:bob@127.0.0.1:15071")
    plan = (
        "[default]\nexten => 2,1,Dial(PJSIP/bob,50,b(default^head^1))\n same => n,Hangup()\n"
        f"exten => head,1,Set(PJSIP_HEADER(add,X-Long)={'x' * 900})\n same => n,Return()\n"
    )
    async with sip_office(tmp_path, text, plan) as office:
        bob, alice = office.phone("bob"), office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        ringing = await bob.ring()
        assert ringing.request["Via"].startswith(f"SIP/2.0/{name} ")
        await ringing.answer()
        await call.answered()
        await call.hang_up()
        bye = await ringing.ended()
        assert bye["Via"].startswith(f"SIP/2.0/{name} ")


async def test_rfc3261_18_1_1_back_to_udp(tmp_path: Path) -> None:
    """No connection can be had: the large request goes over UDP after all."""
    text = "[system]\ntype=system\ndisable_tcp_switch=no\n" + phone_section("alice")
    text += phone_section("bob", contact="sip:bob@127.0.0.1:15071")
    plan = (
        "[default]\nexten => 2,1,Dial(PJSIP/bob,50,b(default^head^1))\n same => n,Hangup()\n"
        f"exten => head,1,Set(PJSIP_HEADER(add,X-Long)={'x' * 900})\n same => n,Return()\n"
    )
    async with sip_office(tmp_path, text, plan) as office:
        bob, alice = office.phone("bob"), office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        first = await bob.get("INVITE")
        assert first["Via"].startswith("SIP/2.0/TCP ")
        transport = office.driver.transports.get("tcp").transport
        office.driver.send_failed(Flow(transport, "127.0.0.1", 15071), "refused")
        second = await bob.get("INVITE")
        assert second["Via"].startswith("SIP/2.0/UDP ")
        bob.send(bob.reply_to(second, 486, tag="s"))
        await bob.get("ACK")
        call.refused(await alice.get(486))


async def test_compact_headers_and_disable_rport(tmp_path: Path) -> None:
    text = "[system]\ntype=system\ncompact_headers=yes\ndisable_rport=yes\n" + phone_section("alice")
    text += phone_section("bob", contact="sip:bob@127.0.0.1:15071")
    async with sip_office(tmp_path, text) as office:
        seen: list[bytes] = []
        office.network.peers["127.0.0.1", 15071] = lambda data, source: seen.append(data)
        (contact,) = office.driver.contacts.contacts("bob")
        office.driver.qualifier.ask(contact)
        await asyncio.sleep(0.01)
        lines = seen[0].decode().split("\r\n")
        assert lines[1].startswith("v: SIP/2.0/UDP 127.0.0.1:15060;branch=")
        assert [line[:2] for line in lines[2:6]] == ["f:", "t:", "m:", "i:"]
        office.network.peers.pop(("127.0.0.1", 15071))


@pytest.mark.parametrize(("lines", "told"), [
    ("external_signaling_address=gate.example\nexternal_signaling_port=5999", "198.51.100.7:5999"),
    ("external_signaling_hostname=pbx.example", "pbx.example:15080"),
    ("external_signaling_address=198.51.100.9\nexternal_signaling_hostname=pbx.example", "pbx.example:15080"),
    ("external_signaling_address=unknown.example", "127.0.0.1:15080"),
])  # fmt: skip
async def test_external_names(tmp_path: Path, lines: str, told: str) -> None:
    """External addresses may be names: followed as their addresses change; external_signaling_hostname is told as it is."""
    text = f"[nat]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:15080\nlocal_net=10.0.0.0/8\n{lines}\n"
    text += "external_media_address=gate.example\n"
    text += phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.9:15072", transport="nat")
    async with sip_office(tmp_path, text, "[default]\nexten => 2,1,Dial(PJSIP/bob)\n") as office:
        office.network.names["gate.example"] = "198.51.100.7"
        alice, bob = office.phone("alice"), office.phone("bob", host="127.0.0.9")
        office.driver.transports.names.address("gate.example")
        await asyncio.sleep(0.1)
        for address in ("198.51.100.7", "198.51.100.8"):
            office.network.names["gate.example"] = address
            await office.driver.transports.names.refresh("gate.example")
            call = alice.call("2")
            await alice.get(100)
            invite = await bob.get("INVITE")
            wanted = told.replace("198.51.100.7", address)
            assert invite["Via"].startswith(f"SIP/2.0/UDP {wanted};")
            assert invite["Contact"].endswith(f"@{wanted}>")
            assert invite.media[0] == address
            office.network.send(bob.reply_to(invite, 486, tag="b").encode(), bob.address, ("127.0.0.1", 15080))
            await bob.get("ACK")
            call.refused(await alice.get(486))


async def test_a_resolver_that_fails(tmp_path: Path) -> None:
    """Whatever goes wrong in a look-up, the call that waits for it is answered."""
    async with sip_office(tmp_path, TRUNK, PLAN) as office:

        async def broken(query: Query) -> tuple[object, ...]:
            raise RuntimeError("a bug")

        office.network.query = broken  # type: ignore[method-assign]
        alice = office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        answer = await alice._answer()
        call.refused(answer)
        assert answer.status == 503

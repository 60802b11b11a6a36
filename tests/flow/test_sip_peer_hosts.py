"""Peers whose SDP names a host: it is looked up apart, and no packet ever waits for a name server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.modules.channels.pjsip import media as leg_media
from globstar.modules.channels.pjsip.peer_hosts import aim, is_host_name, is_numeric, numeric
from globstar.proto.sdp import NegotiatedStream
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture
from tests.unit.media.rig import Rig

EXTENSIONS = """\
[default]
exten => 600,1,Answer()
 same => n,Milliwatt()
exten => 601,1,Answer()
 same => n,Wait(600)
"""


def named(call: PhoneCall, host: str) -> str:
    """The phone's description with a host in the place of its address."""
    return call.sdp().replace("c=IN IP4 127.0.0.1", f"c=IN IP4 {host}")


async def answered(office: SipOffice, host: str) -> PhoneCall:
    """A call whose offer names a host."""
    alice = office.phone("alice")
    call = PhoneCall(alice, "sip:600@127.0.0.1:15060")
    call.invite(body=named(call, host))
    await alice.get(100)
    await call.answered()
    return call


@pytest.mark.virtual_time
async def test_media_go_to_the_address_of_a_name_once_it_is_known(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        office.network.names["media.example"] = "127.0.0.1"
        call = await answered(office, "media.example")
        await asyncio.sleep(1)
        assert len(call.heard) > 20
        (session,) = office.driver.rtp.sessions
        assert session.remote_address == ("127.0.0.1", call.rtp_port)
        assert [query.name for query in office.network.queries].count("media.example") == 1
        await call.hang_up()


@pytest.mark.virtual_time
@pytest.mark.parametrize("host", ["nowhere.example", "999.1.1.1", "a..b", "x" * 300])
async def test_nothing_is_sent_to_a_name_without_address_and_that_is_told_once(tmp_path: Path, host: str) -> None:
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        with LogCapture(Level.WARNING) as log:
            call = await answered(office, host)
            await asyncio.sleep(1)
        assert len([text for text in log.texts(Level.WARNING) if host in text]) == 1
        (session,) = office.driver.rtp.sessions
        assert session.remote_address is None
        assert not call.heard
        await call.hang_up()


@pytest.mark.virtual_time
async def test_the_newest_description_counts_whichever_name_is_found_first(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        asked = asyncio.Event()
        found = office.network.query

        async def slow(query: object) -> object:
            await asked.wait()
            return await found(query)  # type: ignore[arg-type]

        office.network.query = slow  # type: ignore[method-assign, assignment]
        office.network.names["old.example"] = "127.0.0.7"
        call = await answered(office, "old.example")
        call.invite(body=call.sdp())
        await call.answered()
        (session,) = office.driver.rtp.sessions
        assert session.remote_address == ("127.0.0.1", call.rtp_port)
        asked.set()
        await asyncio.sleep(0.1)
        assert session.remote_address == ("127.0.0.1", call.rtp_port)
        await call.hang_up()


@pytest.mark.virtual_time
@pytest.mark.parametrize(("wanted", "shown", "told"), [
    ("foo bar", "127.0.0.1", "media_address 'foo bar' is no address; it is ignored"),
    ("gate.example", "198.51.100.7", ""),
])  # fmt: skip
async def test_media_address_that_is_no_address(tmp_path: Path, wanted: str, shown: str, told: str) -> None:
    """With ICE as well: it has no candidate for what is no address."""
    text = phone_section("alice", media_address=wanted, ice_support="yes")
    with LogCapture(Level.WARNING) as log:
        async with sip_office(tmp_path, text, EXTENSIONS) as office:
            office.network.names["gate.example"] = "198.51.100.7"
            office.driver.transports.names.address("gate.example")
            await asyncio.sleep(0.1)
            call = await office.phone("alice").dial("601")
            assert call.answer_seen is not None
            assert call.answer_seen.media[0] == shown
            await call.hang_up()
    assert [text.partition("] ")[2] for text in log.texts(Level.WARNING) if "media_address" in text] == ([told] if told else [])


@pytest.mark.virtual_time
async def test_a_bug_in_the_answer_costs_the_call_and_no_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:

        def broken(*_: object, **__: object) -> object:
            raise RuntimeError("a bug")

        alice = office.phone("alice")
        with monkeypatch.context() as patched:
            patched.setattr(leg_media, "describe_voice", broken)
            call = alice.call("601")
            call.refused(await alice.final())
        assert len(office.driver.rtp) == 0


@pytest.mark.virtual_time
async def test_a_contact_that_only_looks_like_an_address_is_looked_up_apart(tmp_path: Path) -> None:
    """A socket would ask the name server, and hold up everybody meanwhile."""
    text = phone_section("alice") + phone_section("bob", contact="sip:bob@999.1.1.1")
    async with sip_office(tmp_path, text, "[default]\nexten => 2,1,Dial(PJSIP/bob)\n") as office:
        alice = office.phone("alice")
        call = alice.call("2")
        await alice.get(100)
        call.refused(await alice.final())
        assert "999.1.1.1" in [query.name for query in office.network.queries]
        assert not [target for target, _ in office.network.lost if target[0] == "999.1.1.1"]


def test_what_is_an_address_and_what_a_name() -> None:
    for host in ("192.0.2.1", "[::1]", "::1", "fe80::1%eth0", "2001:db8::5"):
        assert is_numeric(host)
        assert not is_host_name(host) or ":" not in host
    for host in ("999.1.1.1", "1.2.3", "localhost", "", "::g", "a\0b"):
        assert not is_numeric(host)
    for host in ("localhost", "a-b.example.", "sip_1.example"):
        assert is_host_name(host)
    for host in ("", ".", "a..b", "999.1.1.1", "x" * 64, "é.example", "a b", "a\0b", "a." * 200):
        assert not is_host_name(host)


@pytest.mark.parametrize(("said", "address"), [
    ("192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0:0:0:0:5", "2001:db8::5"), ("[::1]", "::1"), ("fe80:0::1%eth0", "fe80::1%eth0"),
    ("0:0:0:0:0:FFFF:192.0.2.1", "::ffff:192.0.2.1"), ("::0", "::"), ("192.0.2.999", ""), ("host.example", ""), ("", ""),
])  # fmt: skip
def test_rfc4291_2_2_an_address_is_the_same_however_it_is_spelt(said: str, address: str) -> None:
    """As packets show where they come from."""
    assert numeric(said) == address


@pytest.mark.virtual_time
@pytest.mark.parametrize("zeros", ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
async def test_rfc3264_8_4_the_address_of_zeros_says_nothing_in_either_family(zeros: str) -> None:
    """Reports go on to where they went, and not to ourselves."""
    rig = Rig()
    session = rig.open()
    place = {"remote_address": "2001:DB8::5", "remote_port": 4000, "remote_rtcp_address": zeros, "remote_rtcp_port": 4001}
    aim(session, NegotiatedStream(0, "audio", None, **place))
    held = {"remote_address": zeros, "remote_port": 4000, "remote_rtcp_address": zeros, "remote_rtcp_port": 4001}
    aim(session, NegotiatedStream(0, "audio", None, **held))
    assert session.remote_address == ("2001:db8::5", 4000)
    assert session.remote_rtcp_address == ("2001:db8::5", 4001)
    rig.engine.close()

"""Floods and scanners are kept away; who has proved to be an endpoint never is."""

from __future__ import annotations

import asyncio
import cProfile
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.modules.channels.pjsip.defence import Defence, Offence
from globstar.modules.channels.pjsip.defence_object import DefenceObject
from tests.support.sip_phone import PhoneCall, SipPhone, phone_section, sip_office
from tests.support.switch import LogCapture

STRANGER = "203.0.113.7"


def make(**options: object) -> Defence:
    return Defence(DefenceObject(**options))


def test_an_address_gets_its_burst_and_then_its_rate() -> None:
    defence = make(rate=10.0, burst=20)
    assert sum(defence.admits(STRANGER, 100.0) for _ in range(100)) == 20
    assert sum(defence.admits(STRANGER, 100.0 + n / 100) for n in range(100)) == 9
    assert sum(defence.admits("203.0.113.8", 101.0) for _ in range(15)) == 15, "a neighbour is not concerned"
    assert defence.counters["over the limit of an address"] == 80 + 91


def test_a_network_has_a_limit_of_its_own() -> None:
    defence = make(network_burst=50, network_rate=1.0)
    assert sum(defence.admits(f"203.0.113.{n}", 1.0) for n in range(200)) == 50
    assert defence.admits("198.51.100.1", 1.0)
    assert defence.counters["over the limit of a network"] == 150


def test_ipv6_addresses_count_by_their_64() -> None:
    defence = make(burst=10)
    assert sum(defence.admits(f"2001:db8:0:1::{n:x}", 1.0) for n in range(1, 100)) == 10
    assert defence.admits("2001:db8:0:2::1", 1.0)
    defence.drop("2001:db8:0:9::1", 1.0)
    assert not defence.admits("2001:db8:0:9:ffff::1", 2.0)


def test_ipv4_in_ipv6_is_ipv4() -> None:
    defence = make()
    defence.drop(STRANGER, 1.0)
    assert not defence.admits(f"::ffff:{STRANGER}", 1.0)


def test_who_has_proved_who_it_is_is_left_alone() -> None:
    defence = make(burst=5, trust_time=100)
    defence.proved(STRANGER, 0.0)
    assert all(defence.admits(STRANGER, 50.0) for _ in range(1000))
    assert not any(defence.offended(STRANGER, Offence.WRONG_PASSWORD, 50.0) for _ in range(1000))
    assert defence.drop_scanner(STRANGER, 50.0) == ""
    assert sum(defence.admits(STRANGER, 101.0) for _ in range(1000)) == 5, "but not for ever"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_allowed_addresses_are_left_alone(host: str) -> None:
    defence = make(burst=5)
    assert all(defence.admits(host, 1.0) for _ in range(1000))
    assert not any(defence.offended(host, Offence.UNKNOWN_ACCOUNT, 1.0) for _ in range(1000))


@pytest.mark.parametrize("offence", list(Offence))
def test_offences_drop_a_source_for_a_while(offence: Offence) -> None:
    defence = make(failures=3, unknown=3, malformed=3, window=60, drop_time=600)
    assert [defence.offended(STRANGER, offence, now) for now in (0.0, 30.0, 61.0, 62.0, 63.0)] == ["", "", "", "", STRANGER]
    assert not defence.admits(STRANGER, 64.0)
    assert not defence.admits(STRANGER, 662.0)
    ((source, entry),) = defence.dropped(662.0)
    assert (source, entry.ignored) == (STRANGER, 2)
    assert defence.admits(STRANGER, 663.0)
    assert not defence.dropped(663.0)


def test_limits_of_nothing_never_drop() -> None:
    defence = make(failures=0, rate=0.0, network_rate=0.0)
    assert not any(defence.offended(STRANGER, Offence.WRONG_PASSWORD, 1.0) for _ in range(1000))
    assert all(defence.admits(STRANGER, 1.0) for _ in range(10_000))


def test_a_flood_is_not_worth_a_look_at_its_bucket() -> None:
    defence = make(rate=1.0, burst=10)
    for _ in range(200):
        defence.admits(STRANGER, 1.0)
    assert [entry.reason for _, entry in defence.dropped(1.0)] == ["flood"]


@pytest.mark.parametrize(
    ("agent", "is_one"),
    [
        ("friendly-scanner", True),
        ("Friendly-Scanner/0.3", True),
        ("sipvicious", True),
        ("Yealink SIP-T46S 66.86", False),
        ("", False),
    ],
)
def test_scanners_are_known_by_name(agent: str, is_one: bool) -> None:
    assert make().is_scanner(agent) is is_one


def test_memory_is_bounded_however_many_sources_there_are() -> None:
    defence = make(max_sources=100)
    for number in range(5000):
        host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        defence.admits(host, 1.0)
        defence.proved(f"172.16.{number >> 8}.{number & 255}", 1.0)
        defence.offended(host, Offence.UNKNOWN_ACCOUNT, 1.0)
        defence.drop(f"192.168.{number >> 8}.{number & 255}", 1.0)
        defence.is_scanner(f"agent {number}")
    for table in (defence._sources, defence._networks, defence._proved, defence._dropped):
        assert len(table) <= 100
    assert len(defence._keys) <= 4096
    assert len(defence._agents) <= 4096


def test_a_look_costs_the_same_however_many_sources_there_are() -> None:
    """Counted in calls, for sources that are watched, ignored and left alone."""

    def calls(count: int) -> list[int]:
        defence = make(network_rate=0.0, rate=0.0)
        for number in range(count):
            host = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            defence.admits(f"1{host}", 1.0)
            defence.drop(host, 1.0)
            defence.proved(f"172.16.{number >> 8}.{number & 255}", 1.0)
        counts = []
        for host in ("10.0.0.1", "110.0.0.1", "172.16.0.1"):
            defence.admits(host, 2.0)
            profile = cProfile.Profile()
            profile.enable()
            defence.admits(host, 2.0)
            profile.disable()
            counts.append(sum(entry.callcount for entry in profile.getstats()))
        return counts

    assert calls(5000) == calls(5)
    assert max(calls(5)) < 12


def test_by_hand() -> None:
    defence = make()
    with pytest.raises(ValueError, match="nobody"):
        defence.drop("nobody", 1.0)
    defence.proved(STRANGER, 1.0)
    assert defence.drop(STRANGER, 1.0, 30) == STRANGER
    assert not defence.admits(STRANGER, 30.0)
    assert defence.allow(STRANGER, 30.0) == STRANGER
    assert defence.admits(STRANGER, 30.0)
    defence.drop(STRANGER, 31.0)
    assert defence.flush() == 1
    assert defence.admits(STRANGER, 32.0)


# -- in the driver ---------------------------------------------------------------------------------------------------------

WATCHED = "[watch]\ntype=defence\nallow=192.0.2.1\nfailures=3\nunknown=5\nburst=30\nrate=5\n"
ALICE = phone_section("alice", "s3cret")


@pytest.mark.virtual_time
async def test_wrong_passwords_are_ignored_after_a_while_and_the_phone_goes_on(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE + WATCHED) as office:
        alice = office.phone("alice", "s3cret")
        thief = office.phone("thief", "guess", host="127.0.0.66")
        assert (await alice.register()).status == 200
        thief.name = "alice"
        with LogCapture(Level.NOTICE) as log:
            for _ in range(3):
                assert (await thief.register()).status == 401
        assert any("'127.0.0.66' is ignored" in text for text in log.texts(Level.NOTICE))
        requests = office.driver.sip.counters.requests
        thief.send(thief.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>"))
        assert (await alice.register()).status == 200
        assert office.driver.sip.counters.requests == requests + 2, "what a dropped source sends is not read"
        printed = await run_command(office.system, "pjsip show defence")
        assert "127.0.0.66" in printed
        assert "wrong password" in printed
        assert "is heard again" in await run_command(office.system, "pjsip defence allow 127.0.0.66")
        assert (await thief.register()).status == 401


@pytest.mark.virtual_time
async def test_forged_answers_do_not_drop_the_one_whose_address_is_forged(tmp_path: Path) -> None:
    """Only who has received a challenge of ours is counted for a wrong answer."""
    async with sip_office(tmp_path, ALICE + WATCHED) as office:
        victim = office.phone("alice", host="127.0.0.66")
        forged = 'Authorization: Digest username="alice",realm="asterisk",nonce="1.2.3",uri="sip:x",response="0"\r\n'
        for _ in range(10):
            victim.send(victim.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", extra=forged))
            await victim.get(401)
        assert not office.driver.defence.dropped(office.system.now())


@pytest.mark.virtual_time
async def test_a_scanner_gets_no_answer_at_all(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE + WATCHED) as office:
        scanner = office.phone("alice", host="127.0.0.66")
        scanner.send(scanner.text("OPTIONS", "sip:127.0.0.1", to="<sip:100@127.0.0.1>", extra="User-Agent: friendly-scanner\r\n"))
        await office.quiet()
        assert not office.driver.sip.layer.servers
        assert office.driver.defence.counters["scanners"] == 1
        scanner.send(scanner.text("OPTIONS", "sip:127.0.0.1", to="<sip:100@127.0.0.1>"))
        await office.quiet()
        assert "1 sources are heard again" in await run_command(office.system, "pjsip defence flush")


@pytest.mark.virtual_time
async def test_answers_to_our_own_requests_are_never_limited(tmp_path: Path) -> None:
    """A provider that we call answers fast, and nothing in the configuration names its address."""
    plan = "[default]\nexten => 1,1,Dial(PJSIP/peer)\n"
    peer = phone_section("peer", contact="sip:peer@127.0.0.66:15072")
    async with sip_office(tmp_path, ALICE + peer + WATCHED, plan) as office:
        alice, provider = office.phone("alice", "s3cret"), office.phone("peer", host="127.0.0.66")
        caller = await _dial(alice)
        ringing = await provider.ring()
        for _ in range(200):
            ringing.reply(180)
        await asyncio.sleep(0.1)
        assert office.driver.defence.counters["over the limit of an address"] == 1, "after one look it is known as a peer"
        ringing.reply(486)
        await provider.get("ACK")
        caller.refused(await alice.final())


async def _dial(phone: SipPhone) -> PhoneCall:
    call = phone.call("1")
    await call.authorise()
    await phone.get(100)
    return call


@pytest.mark.virtual_time
async def test_connections_of_ignored_sources_are_closed(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE + WATCHED) as office:
        phone = office.phone("alice", "s3cret", host="127.0.0.66", protocol="TCP")
        for _ in range(50):
            phone.send(phone.text("OPTIONS", "sip:127.0.0.1", to="<sip:x@127.0.0.1>"))
        await asyncio.sleep(0.1)
        assert not office.network.disconnected, "no limit on connections"
        office.driver.defence.drop("127.0.0.66", office.system.now())
        phone.send(phone.text("OPTIONS", "sip:127.0.0.1", to="<sip:x@127.0.0.1>"))
        await asyncio.sleep(0.1)
        assert [flow.host for flow in office.network.disconnected] == ["127.0.0.66"]
        requests = office.driver.sip.counters.requests
        office.driver.message_received(b"OPTIONS sip:x SIP/2.0\r\n\r\n", office.network.disconnected[0])
        assert len(office.network.disconnected) == 2, "nor may it speak over a WebSocket"
        assert office.driver.sip.counters.requests == requests
        phone.inbox.clear()


@pytest.mark.virtual_time
async def test_unknown_accounts_are_counted(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE + WATCHED) as office:
        probe = office.phone("probe", host="127.0.0.66")
        for _ in range(5):
            probe.send(probe.text("REGISTER", "sip:127.0.0.1", to="<sip:x@127.0.0.1>"))
            await probe.get(401)
        probe.send(probe.text("REGISTER", "sip:127.0.0.1", to="<sip:x@127.0.0.1>"))
        await office.quiet()
        assert [entry.reason for _, entry in office.driver.defence.dropped(office.system.now())] == ["unknown account"]


@pytest.mark.virtual_time
async def test_the_defence_can_be_off_and_peers_by_address_are_never_limited(tmp_path: Path) -> None:
    trunk = "[trunk]\ntype=endpoint\nallow=ulaw\n[trunk]\ntype=identify\nendpoint=trunk\nmatch=203.0.113.0/28\n"
    async with sip_office(tmp_path, ALICE + trunk + WATCHED) as office:
        defence = office.driver.defence
        assert all(defence.admits("203.0.113.1", 1.0) for _ in range(1000))
        assert not all(defence.admits("203.0.113.99", 1.0) for _ in range(1000))
        office.system.configuration.source.files["pjsip.conf"] += "[watch](+)\nenabled=no\n"
        await office.system.loader.reload("chan_pjsip")
        assert office.driver.defence is None
        assert "The defence is off" in await run_command(office.system, "pjsip show defence")


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "command",
    [
        "pjsip show defence x",
        "pjsip defence drop",
        "pjsip defence drop 1.2.3.4 x",
        "pjsip defence allow",
        "pjsip defence flush x",
    ],
)
async def test_usage(tmp_path: Path, command: str) -> None:
    async with sip_office(tmp_path, ALICE) as office:
        assert "Usage:" in await run_command(office.system, command)
        assert "is no address" in await run_command(office.system, "pjsip defence drop nobody")

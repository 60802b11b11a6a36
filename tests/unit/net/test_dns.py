"""The resolver against a name server of the test's own: records, life times, failures, the hosts file and the system."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.net import dns as dns_module
from globstar.net.dns import MAX_RECORDS, DnsOptions, Resolver
from tests.support.name_server import NameServer


async def test_records() -> None:
    async with NameServer() as server:
        server.zone = {
            ("A", "sip.example"): ["192.0.2.1", "192.0.2.2"],
            ("AAAA", "sip.example"): ["2001:db8::1"],
            ("SRV", "_sip._udp.sip.example"): ["10 20 5060 One.Example.", "20 0 0 ."],
            ("NAPTR", "sip.example"): [
                '50 60 "s" "SIP+d2t" "" _sip._tcp.sip.example.', '1 1 "u" "E2U+sip" "!^.*$!sip:x@y!" .'],
        }  # fmt: skip
        resolver = Resolver(asyncio.get_running_loop(), DnsOptions(nameservers=(server.text,)))
        assert resolver.cached("A", "sip.example") is None
        assert sorted(await resolver.query("A", "SIP.example.")) == ["192.0.2.1", "192.0.2.2"]
        assert await resolver.query("AAAA", "sip.example") == ("2001:db8::1",)
        assert sorted(await resolver.query("SRV", "_sip._udp.sip.example")) == [(10, 20, 5060, "one.example"), (20, 0, 0, "")]
        assert sorted(await resolver.query("NAPTR", "sip.example")) == [
            (1, 1, "U", "E2U+SIP", ""), (50, 60, "S", "SIP+D2T", "_sip._tcp.sip.example"),
        ]  # fmt: skip
        assert sorted(resolver.cached("A", "sip.example") or ()) == ["192.0.2.1", "192.0.2.2"]
        assert len(server.asked) == 4
        await resolver.close()


async def test_life_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer lives as long as its TTL says, "no such name" as long as its zone says (RFC 2308 5)."""
    async with NameServer(ttl=300, negative_ttl=30) as server:
        server.zone = {("A", "a.example"): ["192.0.2.1"]}
        loop = asyncio.get_running_loop()
        resolver = Resolver(loop, DnsOptions(nameservers=(server.text,)))
        await resolver.query("A", "a.example")
        assert await resolver.query("A", "none.example") == ()
        assert await resolver.query("SRV", "a.example") == ()
        assert resolver.counters.negative == 2
        real = loop.time
        ages = {}
        for age in (29, 31, 299, 301):
            monkeypatch.setattr(resolver, "_loop", _Later(loop, real() + age))
            ages[age] = [resolver.cached(*key) for key in (("A", "a.example"), ("A", "none.example"), ("SRV", "a.example"))]
        assert ages == {
            29: [("192.0.2.1",), (), ()], 31: [("192.0.2.1",), None, None],
            299: [("192.0.2.1",), None, None], 301: [None, None, None],
        }  # fmt: skip
        monkeypatch.undo()
        await resolver.close()


class _Later:
    """A loop whose clock is ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._loop, self._now = loop, now

    def time(self) -> float:
        return self._now


async def test_many_who_ask_wait_for_one_answer() -> None:
    async with NameServer() as server:
        server.zone = {("A", "a.example"): ["192.0.2.1"]}
        resolver = Resolver(asyncio.get_running_loop(), DnsOptions(nameservers=(server.text,)))
        found = await asyncio.gather(*(resolver.query("A", "a.example") for _ in range(20)))
        assert set(found) == {("192.0.2.1",)}
        assert server.asked == [("A", "a.example")]
        await resolver.close()


@pytest.mark.parametrize("fault", ["SERVFAIL", "REFUSED", None])
async def test_no_answer(fault: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is an empty one, soon asked again; then the system is asked for addresses."""
    monkeypatch.setattr(dns_module, "LIFETIME", 0.3)
    monkeypatch.setattr(dns_module, "TRY", 0.1)
    async with NameServer() as server:
        server.fault = fault
        resolver = Resolver(asyncio.get_running_loop(), DnsOptions(nameservers=(server.text,)))
        assert await resolver.query("SRV", "_sip._udp.a.example") == ()
        assert resolver.counters.failures == 1
        await resolver.query("SRV", "_sip._tcp.a.example")
        assert resolver.counters.queries == (1 if fault is None else 2)  # no second wait for the same host
        await resolver.query("SRV", "_sip._tcp.b.example")
        assert resolver.counters.queries == (2 if fault is None else 3)  # others are not held up
        asked: list[str] = []

        async def system(kind: str, name: str) -> None:
            asked.append(f"{kind} {name}")

        monkeypatch.setattr(resolver, "_ask_system", system)
        await resolver.query("A", "a.example")
        assert asked == ["A a.example"]
        await resolver.close()


async def test_hosts_file(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# comment\n192.0.2.7 Door.example door # the door\n2001:db8::7 door\n\nbroken\n192.0.2.8 door\n")
    async with NameServer() as server:
        resolver = Resolver(asyncio.get_running_loop(), DnsOptions(nameservers=(server.text,), hosts=str(hosts)))
        assert await resolver.query("A", "door.example") == ("192.0.2.7",)
        assert await resolver.query("A", "door") == ("192.0.2.7", "192.0.2.8")
        assert await resolver.query("AAAA", "door") == ("2001:db8::7",)
        assert server.asked == []
        await resolver.close()


async def test_the_system_only() -> None:
    resolver = Resolver(asyncio.get_running_loop(), DnsOptions(system_only=True))
    assert await resolver.query("A", "localhost") == ("127.0.0.1",)
    assert await resolver.query("SRV", "_sip._udp.localhost") == ()
    await resolver.close()


def test_bound() -> None:
    loop = asyncio.new_event_loop()
    resolver = Resolver(loop)
    for number in range(MAX_RECORDS + 10):
        resolver._keep("A", f"h{number}", ("192.0.2.1",), float(number + 10))
    assert len(resolver) <= MAX_RECORDS
    assert resolver.counters.evicted == MAX_RECORDS // 8
    assert resolver.cached("A", "h0") is None
    assert resolver.cached("A", f"h{MAX_RECORDS}") is not None
    loop.close()

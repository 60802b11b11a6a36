"""RFC 3263 4.1 and 4.2: which protocol, port and addresses a host leads to, in which order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pytest

from globstar.proto.sip.locate import MAX_QUERIES, MAX_TARGETS, Lookup, Naptr, Query, Records, Srv, Target, in_order, locate

BOTH = (("UDP", (4, 6)), ("TCP", (4, 6)), ("TLS", (4, 6)))


def run(lookup: Lookup, zone: Mapping[tuple[str, str], Records], seed: int = 1) -> tuple[list[Target], list[str]]:
    """The targets, and what was asked."""
    steps = locate(lookup, random.Random(seed).getrandbits)
    asked: list[str] = []
    try:
        query = next(steps)
        while True:
            asked.append(f"{query.kind} {query.name}")
            query = steps.send(zone.get(tuple(query), ()))
    except StopIteration as done:
        return done.value, asked


ZONE: dict[tuple[str, str], Records] = {
    ("NAPTR", "example.com"): [
        Naptr(50, 50, "S", "SIPS+D2T", "_sips._tcp.example.com"),
        Naptr(100, 50, "S", "SIP+D2U", "_sip._udp.example.com"),
        Naptr(90, 50, "S", "SIP+D2T", "_sip._tcp.example.com"),
        Naptr(10, 50, "S", "SIP+D2S", "_sip._sctp.example.com"),
        Naptr(10, 50, "U", "E2U+SIP", ""),
    ],
    ("SRV", "_sips._tcp.example.com"): [Srv(0, 1, 5061, "a.example.com")],
    ("SRV", "_sip._tcp.example.com"): [Srv(0, 1, 5060, "a.example.com"), Srv(1, 1, 5070, "b.example.com")],
    ("SRV", "_sip._udp.example.com"): [Srv(0, 1, 5060, "b.example.com")],
    ("A", "a.example.com"): ["192.0.2.1"],
    ("AAAA", "a.example.com"): ["2001:db8::1"],
    ("A", "b.example.com"): ["192.0.2.2", "192.0.2.3"],
    ("A", "example.com"): ["192.0.2.9"],
}


def test_rfc3263_4_1_naptr_order() -> None:
    """Services that we have, by order; then their SRV records; then addresses of both families."""
    found, asked = run(Lookup("example.com", protocols=BOTH), ZONE)
    assert found == [
        Target("TLS", "192.0.2.1", 5061), Target("TLS", "2001:db8::1", 5061),
        Target("TCP", "192.0.2.1", 5060), Target("TCP", "2001:db8::1", 5060),
        Target("TCP", "192.0.2.2", 5070), Target("TCP", "192.0.2.3", 5070),
        Target("UDP", "192.0.2.2", 5060), Target("UDP", "192.0.2.3", 5060),
    ]  # fmt: skip
    assert asked[:2] == ["NAPTR example.com", "SRV _sips._tcp.example.com"]


def test_rfc3263_4_1_only_what_we_have_and_sips_only_secure() -> None:
    found, _ = run(Lookup("example.com", protocols=(("UDP", (4,)),)), ZONE)
    assert found == [Target("UDP", "192.0.2.2", 5060), Target("UDP", "192.0.2.3", 5060)]
    found, _ = run(Lookup("example.com", is_secure=True, protocols=BOTH), ZONE)
    assert {target.protocol for target in found} == {"TLS"}
    assert run(Lookup("example.com", is_secure=True, protocols=(("UDP", (4,)),)), ZONE) == ([], [])


def test_rfc3263_4_1_without_naptr_every_protocol_is_asked() -> None:
    zone = {key: value for key, value in ZONE.items() if key[0] != "NAPTR"}
    found, asked = run(Lookup("example.com", protocols=BOTH), zone)
    assert next(target.protocol for target in found) == "UDP"
    assert {target.protocol for target in found} == {"UDP", "TCP", "TLS"}
    assert asked[0] == "NAPTR example.com"


@pytest.mark.parametrize(
    ("lookup", "targets", "questions"),
    [
        (Lookup("example.com", 5080, protocols=BOTH), [Target("UDP", "192.0.2.9", 5080)], ["A", "AAAA"]),
        (Lookup("example.com", 5080, "TCP", protocols=BOTH), [Target("TCP", "192.0.2.9", 5080)], ["A", "AAAA"]),
        (Lookup("example.com", 5081, is_secure=True, protocols=BOTH), [Target("TLS", "192.0.2.9", 5081)], ["A", "AAAA"]),
        (Lookup("example.com", 0, "UDP", protocols=BOTH),
         [Target("UDP", "192.0.2.2", 5060), Target("UDP", "192.0.2.3", 5060)], ["SRV", "A", "AAAA"]),
        (Lookup("example.com", 0, "WS", protocols=(("WS", (4,)),)), [Target("WS", "192.0.2.9", 80)], ["A"]),
        (Lookup("192.0.2.7", protocols=BOTH), [Target("UDP", "192.0.2.7", 5060)], []),
        (Lookup("192.0.2.7", protocols=BOTH, is_secure=True), [Target("TLS", "192.0.2.7", 5061)], []),
        (Lookup("b.example.com.", protocols=(("UDP", (4,)),)),
         [Target("UDP", "192.0.2.2", 5060), Target("UDP", "192.0.2.3", 5060)], ["NAPTR", "SRV", "A"]),
        (Lookup("localhost", protocols=(("UDP", (4,)),)), [], ["A"]),
        (Lookup("nowhere.example", protocols=(("UDP", (4,)),)), [], ["NAPTR", "SRV", "A"]),
    ],
)  # fmt: skip
def test_rfc3263_4_2_port_and_protocol(lookup: Lookup, targets: list[Target], questions: list[str]) -> None:
    found, asked = run(lookup, ZONE)
    assert found == targets
    assert [one.split()[0] for one in asked] == questions


def test_rfc2782_a_service_that_is_not_offered() -> None:
    """Target "." means no, and there is no going on to addresses."""
    zone: dict[tuple[str, str], Records] = {
        ("SRV", "_sip._udp.example.com"): [Srv(0, 0, 0, "")], ("A", "example.com"): ["192.0.2.9"]}  # fmt: skip
    assert run(Lookup("example.com", 0, "UDP"), zone)[0] == []


def test_rfc2782_priorities_and_weights() -> None:
    records = [Srv(2, 0, 1, "c"), Srv(1, 10, 1, "a"), Srv(1, 30, 1, "b"), Srv(1, 0, 1, "z")]
    rng = random.Random(7)
    firsts: Counter[str] = Counter()
    for _ in range(4000):
        ordered = in_order(records, rng.getrandbits)
        assert sorted(ordered) == sorted(records)
        assert ordered[-1].target == "c"
        firsts[ordered[0].target] += 1
    assert 2600 < firsts["b"] < 3200
    assert 800 < firsts["a"] < 1150
    assert 40 < firsts["z"] < 200


def test_bounds() -> None:
    """However many records there are: so many targets, so many questions, nothing twice."""
    zone: dict[tuple[str, str], Records] = {
        ("SRV", "_sip._udp.example.com"): [Srv(0, 0, 1, f"h{number}.example.com") for number in range(500)]
    }
    found, asked = run(Lookup("example.com", 0, "UDP"), zone)
    assert (found, len(asked)) == ([], MAX_QUERIES)
    zone[("A", "many.example.com")] = [f"10.0.0.{number}" for number in range(200)] * 2
    found, _ = run(Lookup("many.example.com", 1, "UDP"), zone)
    assert len(found) == len(set(found)) == MAX_TARGETS
    assert Query("A", "x") == ("A", "x")

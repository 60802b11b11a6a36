"""The SIP parsers against arbitrary input.

Invariants:
1. For any bytes, ``parse`` returns a Request or a Response, or raises SipParseError, and never anything else; reading any
   typed value of the result keeps to the same rule.
2. ``parse(str(value)) == value`` for every value that a parser of a header or URI returned.
3. A stream gives the same messages however it is cut.
4. Whatever is received, an endpoint neither raises nor sends anything that itself cannot be parsed; a running call and
   a probe request are served as before.
5. A message that was understood is understood again after ``to_bytes``, with the same header values.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers import (
    Challenge,
    Credentials,
    CSeq,
    Diversion,
    NameAddr,
    Parameterized,
    RAck,
    Reason,
    RemotePartyId,
    Replaces,
    SessionExpires,
    Via,
)
from globstar.proto.sip.message import Message, Request, Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.stream import StreamParser
from globstar.proto.sip.transaction import ServerTransaction
from globstar.proto.sip.uri import SipUri
from tests.unit.proto.sip.ladder import BOB, SDP, UDP, Ladder, answered, outgoing, request, response

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TORTURE = sorted((Path(__file__).parents[1] / "unit/proto/sip/torture").glob("*.dat"))
SEEDS = [path.read_bytes() for path in TORTURE] + [request(), request("REGISTER"), request("ACK")]

VALUES: list[Callable[[str], Any]] = [
    SipUri.parse,
    NameAddr.parse,
    Via.parse,
    CSeq.parse,
    RAck.parse,
    SessionExpires.parse,
    Replaces.parse,
    Reason.parse,
    Parameterized.parse,
    RemotePartyId.parse,
    Diversion.parse,
    Challenge.parse,
    Credentials.parse,
]

PIECES = [
    "sip:", "sips:", "tel:", "urn:", "a", "alice", "@", "h", "example.com", ":", ":5060", "[::1]", ";", "=", "tag", "lr",
    "branch", "z9hG4bK", ",", " ", "\t", '"', "\\", '\\"', "<", ">", "?", "&", "%41", "%", "%00", "%zz", "SIP/2.0/UDP ",
    "SIP", "/", "2.0", "1", "0", "70000", "99999999999999999999", "INVITE", "*", "ü", "\udcff", "\x00", "Digest ",
    'realm="r"', 'nonce="n"', "qop=", "cause=16", "to-tag=1", "from-tag=2", "refresher=uac", "(", ")", "'", "#", "^",
]  # fmt: skip

value_text = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)
header_names = st.sampled_from(
    ["Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq", "Contact", "m", "Max-Forwards", "Content-Length", "l",
     "Route", "Record-Route", "Expires", "Require", "Supported", "RSeq", "RAck", "Replaces", "Reason", "X-Y", "", "a b"]
)  # fmt: skip
header_lines = st.tuples(header_names, st.sampled_from([":", " :", ": ", ""]), value_text).map("".join)
line_ends = st.sampled_from(["\r\n", "\n", "\r\n ", "\r", "\n\t"])


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A known message with a few bytes changed, lines repeated, dropped or inserted."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.integers(0, 4))
        at = draw(st.integers(0, max(0, len(data) - 1)))
        if kind == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == 2:
            data[at:at] = draw(value_text).encode("utf-8", "surrogatepass")
        elif kind == 3:
            data[at:at] = b"\r\n" + draw(header_lines).encode("utf-8", "surrogatepass") + b"\r\n"
        else:
            data[at:at] = data[at : at + 60]
    return bytes(data)


@st.composite
def built_messages(draw: st.DrawFn) -> bytes:
    """A start line and header lines out of plausible pieces."""
    start = draw(st.sampled_from(["INVITE sip:a@h SIP/2.0", "SIP/2.0 200 OK", "ACK sip:a SIP/2.0"]) | value_text)
    text = start
    for line in draw(st.lists(header_lines, max_size=12)):
        text += draw(line_ends) + line
    return (text + draw(line_ends) + draw(line_ends)).encode("utf-8", "surrogatepass") + draw(st.binary(max_size=20))


any_data = mutations() | built_messages() | st.binary(max_size=300)


def read_everything(message: Message) -> None:
    """Use every typed accessor; each may raise SipParseError only."""
    accessors: Iterable[Callable[[], object]] = [
        lambda: message.vias,
        lambda: message.contacts,
        lambda: message.route,
        lambda: message.record_route,
        lambda: message.max_forwards,
        lambda: message.expires,
        lambda: message.content_type,
        lambda: message.supports("x"),
        lambda: message.tokens("Allow"),
        lambda: message.address("Refer-To"),
        lambda: message.addresses("P-Asserted-Identity"),
        lambda: message.value("Replaces", Replaces.parse),
        lambda: message.value("RAck", RAck.parse),
        lambda: message.value("Session-Expires", SessionExpires.parse),
        lambda: message.value("Authorization", Credentials.parse),
        lambda: message.value("WWW-Authenticate", Challenge.parse),
        lambda: message.values("Reason", Reason.parse_list),
        lambda: message.values("Diversion", Diversion.parse_list),
        lambda: str(message),
        lambda: repr(message),
        message.to_bytes,
    ]
    for access in accessors:
        try:
            access()
        except SipParseError as error:
            check_error(error)


def check_error(error: SipParseError) -> None:
    """An error says what is wrong and which answer the RFC asks for."""
    assert str(error)
    assert error.status in (0, 400, 422, 505, 513)


# -- 1 -------------------------------------------------------------------------------------------------------------


@QUICK
@given(any_data)
@example(b"")
@example(b"SIP/2.0 200")
@example(b"\r\n\r\n")
@example(b"A sip:[ SIP/2.0\r\n\r\n")
@example(b"INVITE sip:a SIP/2.0\nVia:\n\n")
def test_any_bytes_are_a_message_or_a_parse_error(data: bytes) -> None:
    try:
        message: Message | None = parse(data)
    except SipParseError as error:
        check_error(error)
        message = error.message
    else:
        assert isinstance(message, Request | Response)
        # what the parser vouches for does not raise any more
        assert message.via.host
        assert message.cseq.number >= 0
        assert message.call_id
        _ = (message.from_.tag, message.to.tag)
    if message is not None:
        read_everything(message)


# -- 2 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parser", VALUES, ids=lambda parser: parser.__qualname__.split(".")[0])
@QUICK
@given(value_text)
def test_values_round_trip(parser: Callable[[str], Any], text: str) -> None:
    try:
        value = parser(text)
    except SipParseError:
        return
    assert parser(str(value)) == value
    assert hash(value) == hash(parser(str(value)))


user_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@QUICK
@given(user_text, st.none() | user_text, st.sampled_from(["h", "192.0.2.1", "[::1]"]), st.none() | st.integers(0, 65535))
def test_any_user_and_password_survive_a_uri(user: str, password: str | None, host: str, port: int | None) -> None:
    uri = SipUri("sip", user, password, host, port)
    assert SipUri.parse(str(uri)) == uri


@QUICK
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=30))
def test_any_display_name_survives(display: str) -> None:
    address = NameAddr(SipUri.parse("sip:a@h"), display)
    assert NameAddr.parse(str(address)) == address


# -- 3 -------------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(SEEDS) | any_data | st.sampled_from([b"\r\n", b"\r\n\r\n", b"\n"]), max_size=4),
    st.lists(st.integers(1, 400), max_size=30),
)
def test_a_stream_may_be_cut_anywhere(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    whole = StreamParser()
    expected = whole.feed(data)
    for sizes in (cuts, [1] * len(data)):
        parser = StreamParser()
        items: list[bytes] = []
        at = 0
        for size in sizes:
            items += parser.feed(data[at : at + size])
            at += size
        items += parser.feed(data[at:])
        assert items == expected
        assert str(parser.fault) == str(whole.fault)


# -- 4 -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_data, max_size=12), st.booleans(), st.integers(0, 2**32))
def test_an_endpoint_survives_and_serves_on(garbage: list[bytes], strict: bool, seed: int) -> None:
    ladder = Ladder(SipSettings(answer_malformed=strict), seed=seed)
    _, leg, tag = answered(ladder)
    for data in garbage:
        ladder.core.receive_datagram(data, ("192.0.2.1", 5060), UDP, ladder.now)
        ladder.after(0.3)
    for transaction in ladder.requests:
        if not transaction.is_answered:
            transaction.respond(500)
    ladder.after(0.1)
    for _, _, data in ladder.sent:
        sent_is_sound(data)
    if "ended" not in "".join(leg.events):
        ladder.receive(request("INFO", branch="z9hG4bKprobe", to_tag=tag, cseq=2**31 - 1))
        assert leg.events[-1] == "request INFO"
    for found in leg.transactions:
        if isinstance(found, ServerTransaction) and not found.is_answered:
            found.respond(500)
    ladder.after(70)
    assert not ladder.core.layer.servers


def sent_is_sound(data: bytes) -> None:
    """What we send parses; an echo of headers that were broken when they came is the sender's."""
    try:
        parse(data)
    except SipParseError:
        assert data.startswith(b"SIP/2.0 "), data
    head = data.split(b"\r\n\r\n", 1)[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_responses_to_our_invite(data: st.DataObject) -> None:
    """Statuses, tags and bodies in any order: no exception, and nothing is left when it is over."""
    ladder = Ladder(seed=data.draw(st.integers(0, 1000)))
    session, leg, invite = outgoing(ladder)
    for _ in range(data.draw(st.integers(0, 10))):
        step = data.draw(st.integers(0, 9))
        if step < 7:
            status = data.draw(st.sampled_from([100, 180, 183, 199, 200, 202, 302, 401, 408, 486, 491, 500, 603]))
            extra = data.draw(st.sampled_from(["", "Require: 100rel\nRSeq: 1\n", "Contact: <<\n", "Record-Route: <x\n"]))
            tag = data.draw(st.sampled_from(["", "one", "two", "three"]))
            body = data.draw(st.sampled_from([b"", SDP]))
            ladder.receive(response(invite, status, tag=tag, extra=extra, body=body), BOB)
        elif step == 7:
            session.terminate()
        elif step == 8:
            ladder.after(data.draw(st.sampled_from([0.1, 1, 33])))
        elif session.can_reinvite:
            session.reinvite(body=SDP)
    session.terminate()
    ladder.after(0.1)
    for message in ladder.take():
        if isinstance(message, Request) and message.method in ("BYE", "CANCEL", "INVITE"):
            ladder.receive(response(message, 200 if message.method != "INVITE" else 487), BOB)
    ladder.after(140)
    ladder.take()
    assert ladder.is_idle(), (leg.events, ladder.core.layer.timers.describe())
    finals = [event for event in leg.events if event.startswith(("rejected", "ended"))]
    assert len(finals) == 1, leg.events


# -- 5 -------------------------------------------------------------------------------------------------------------


@QUICK
@given(any_data)
def test_understood_again_after_serialisation(data: bytes) -> None:
    try:
        message = parse(data)
    except SipParseError:
        return
    again = parse(message.to_bytes())
    assert type(again) is type(message)
    assert again.body == message.body
    kept = [(name, " ".join(value.split())) for name, value in message.headers if name != "Content-Length"]
    assert [(name, " ".join(value.split())) for name, value in again.headers if name != "Content-Length"] == kept


def test_seeded_noise_gives_the_same_counts_each_time() -> None:
    """A flood of 3,000 mutated messages: every one is accounted for."""
    noise = random.Random(2024)
    ladder = Ladder(SipSettings(answer_malformed=True))
    for _ in range(3000):
        data = bytearray(noise.choice(SEEDS))
        for _ in range(noise.randrange(8)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        ladder.core.receive_datagram(bytes(data), ("192.0.2.1", 5060), UDP, ladder.now)
        ladder.core.take_output()
    counters = ladder.core.counters
    assert counters.requests + counters.responses + counters.discarded + counters.keepalives == 3000
    assert counters.discarded > 500
    assert counters.requests > 500

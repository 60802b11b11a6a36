"""Who forwarded a call, by Diversion and History-Info, both ways (RFC 5806, 7044, 7544)."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.party import PartyId, PartyName, PartyNumber, Redirecting, RedirectingReason
from globstar.modules.channels.pjsip.diversion import (
    diversion_headers,
    history_headers,
    reason_of,
    take_diversion,
    take_forwarding,
    take_history,
)
from globstar.modules.channels.pjsip.identity import PROHIBITED
from globstar.proto.sip.message import Message, Response
from globstar.proto.sip.uri import SipUri
from tests.support.sip_phone import phone_section, sip_office

TARGET = SipUri.parse("sip:bob@127.0.0.1:15072;transport=udp")


def forwarded(count: int = 1, orig: str = "", presentation: int = 0) -> Redirecting:
    """A call that 555 forwarded because nobody answered, and perhaps somebody else before."""
    from_ = PartyId(PartyName("Five", True), PartyNumber("555", True, presentation=presentation))
    return Redirecting(
        from_=from_,
        orig=PartyId.of(None, orig or None),
        reason=RedirectingReason(2),
        orig_reason=RedirectingReason(1),
        count=count,
    )


def taken(header: str, *values: str) -> Redirecting:
    redirecting = Redirecting()
    take = take_diversion if header == "Diversion" else take_history
    assert take(Message([(header, value) for value in values]), redirecting)
    return redirecting


@pytest.mark.parametrize(
    ("redirecting", "expected"),
    [
        (Redirecting(), []),
        (forwarded(), ['"Five" <sip:555@h>;reason=no-answer']),
        (forwarded(orig="555"), ['"Five" <sip:555@h>;reason=no-answer']),
        (forwarded(2, "444"), ['"Five" <sip:555@h>;reason=no-answer', "<sip:444@h>;reason=user-busy"]),
        (forwarded(4, "444"), ['"Five" <sip:555@h>;reason=no-answer;counter=3', "<sip:444@h>;reason=user-busy"]),
        (forwarded(presentation=PROHIBITED), ['"Five" <sip:555@h>;reason=no-answer;privacy=full']),
    ],
)
def test_rfc5806_diversion_that_is_sent(redirecting: Redirecting, expected: list[str]) -> None:
    assert diversion_headers(redirecting, "h") == [("Diversion", value) for value in expected]


def test_rfc5806_diversion_of_two_lines_with_counters() -> None:
    found = taken("Diversion", '"A" <sip:1@h>;reason="user-busy";counter=2;privacy=full', "<sip:2@h>;reason=deflection")
    assert (found.from_.number.text, found.from_.name.text) == ("1", "A")
    assert found.from_.presentation == PROHIBITED
    assert (found.orig.number.text, found.orig.presentation) == ("2", 0)
    assert (found.reason.code, found.orig_reason.code, found.count) == (1, 7, 3)


@pytest.mark.parametrize("counter", ["x", "-1", "99999999999", ""])
def test_rfc5806_a_counter_that_is_none_counts_as_one(counter: str) -> None:
    assert taken("Diversion", f"<sip:1@h>;reason=unknown;counter={counter}").count == 1


def test_rfc7544_history_info_that_is_sent() -> None:
    assert history_headers(Redirecting(), "h", TARGET) == []
    one = '"Five" <sip:555@h>;index=1, <sip:bob@127.0.0.1:15072;cause=408>;index=1.1;mp=1'
    assert history_headers(forwarded(), "h", TARGET) == [("History-Info", one)]
    two = (
        '<sip:444@h>;index=1, "Five" <sip:555@h;cause=486>;index=1.1;mp=1, <sip:bob@127.0.0.1:15072;cause=408>;index=1.1.1;mp=1.1'
    )
    assert history_headers(forwarded(2, "444"), "h", TARGET) == [("History-Info", two)]
    ((_, hidden),) = history_headers(forwarded(presentation=PROHIBITED), "h", TARGET)
    assert "<sip:555@h?Privacy=history>;index=1" in hidden


def test_rfc7544_what_is_sent_is_understood() -> None:
    ((name, value),) = history_headers(forwarded(2, "444"), "h", TARGET)
    found = taken(name, value)
    assert (found.orig.number.text, found.from_.number.text, found.to.number.text) == ("444", "555", "bob")
    assert (found.reason.code, found.orig_reason.code, found.count) == (2, 1, 2)


def test_rfc7044_history_info_of_a_proxy() -> None:
    """Entries without cause are steps of routing; mp names who moved on; a private entry is not shown."""
    found = taken(
        "History-Info",
        "<sip:office@h>;index=1, <sip:1@h?Privacy=history>;index=1.1;rc=1",
        "<sip:2@h;cause=302>;index=1.2;mp=1.1, <sip:2@10.0.0.1>;index=1.2.1;rc=1.2",
    )
    assert (found.from_.number.text, found.to.number.text) == ("1", "2")
    assert found.from_.presentation == PROHIBITED
    assert found.reason.code == 4


@pytest.mark.parametrize("value", ["<sip:1@h>;index=1", "<<<", "<sip:2@h;cause=302>;index=1", ""])
def test_history_info_that_tells_of_no_forwarding(value: str) -> None:
    assert not take_history(Message([("History-Info", value)]), Redirecting())


def test_a_list_without_end_is_cut() -> None:
    assert taken("Diversion", ", ".join(f"<sip:{n}@h>;reason=unknown" for n in range(500))).count == 32


@pytest.mark.parametrize(("word", "code"), [("user-busy", 1), ("CFU", 4), ("away", 10), ("made-up", 0)])
def test_reasons(word: str, code: int) -> None:
    assert reason_of(word).code == code


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("options", "has_diversion", "has_history"),
    [({}, True, False), ({"send_history_info": "yes"}, True, True), ({"send_diversion": "no"}, False, False)],
)  # fmt: skip
async def test_a_forwarded_call_to_an_endpoint(
    tmp_path: Path, options: dict[str, str], has_diversion: bool, has_history: bool
) -> None:
    text = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, text, "[default]\nexten => 1,1,Dial(PJSIP/bob)\n same => n,Hangup()\n") as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("1", extra="History-Info: <sip:555@h>;index=1, <sip:1@h;cause=486>;index=1.1;mp=1\r\n")
        await alice.get(100)
        request = await bob.get("INVITE")
        assert request["Diversion"] == ("<sip:555@127.0.0.1>;reason=user-busy" if has_diversion else "")
        history = "<sip:555@127.0.0.1>;index=1, <sip:bob@127.0.0.1:15072;cause=486>;index=1.1;mp=1"
        assert request["History-Info"] == (history if has_history else "")
        bob.send(bob.reply_to(request, 486, tag="b"))
        await bob.get("ACK")
        call.refused(await alice.get(486))


@pytest.mark.parametrize(
    ("headers", "forwards", "shown"),
    [
        ([], "bob", ""),
        ([("Diversion", "<sip:555@h>;reason=user-busy")], "555", "555"),
        ([("History-Info", "<sip:7@h>;index=1, <sip:8@h;cause=486>;index=1.1;mp=1")], "7", "7"),
    ],
)
def test_who_forwards_by_a_181(headers: list[tuple[str, str]], forwards: str, shown: str) -> None:
    """Without a header it is whom we called; the caller's phone is told only what was said."""
    redirecting = Redirecting()
    told = take_forwarding(Response(181, "Call Is Being Forwarded", [("To", "<sip:bob@h>;tag=b"), *headers]), redirecting)
    assert redirecting.from_.number.text == forwards
    assert told.from_.number.text == shown

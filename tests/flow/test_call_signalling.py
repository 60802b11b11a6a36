"""Signalling of calls beyond the plain ones: PRACK, UPDATE, session timers, forks, redirects, connected line, proxies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
 same => n,Hangup()
exten => 102,1,Progress()
 same => n,Answer()
 same => n,Wait(5)
exten => 103,1,Set(CONNECTEDLINE(all)="Queue" <700>)
 same => n,Wait(5)
 same => n,Hangup(17)
exten => 104,1,Answer()
 same => n,Set(CONNECTEDLINE(all)="Queue" <700>)
 same => n,Wait(5)
exten => 106,1,Progress()
 same => n,Wait(60)
exten => 105,1,Set(GLOBAL(TENANT)=${CHANNEL(tenantid)})
 same => n,Hangup(17)
exten => 105x,1,NoOp()
[carols]
exten => 77,1,Set(GLOBAL(FORWARDED)=${REDIRECTING(reason)})
 same => n,Dial(PJSIP/carol,20)
[longer]
exten => 9123,1,NoOp()
"""
BOB = "sip:bob@127.0.0.1:15072"
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n"


def config(alice: dict[str, Any] | None = None, bob: dict[str, Any] | None = None) -> str:
    """alice calls, bob and carol are called."""
    return (
        phone_section("alice", callerid="Alice <100>", **(alice or {}))
        + phone_section("bob", contact=BOB, **(bob or {}))
        + phone_section("carol", contact="sip:carol@127.0.0.1:15073")
    )


def phones(office: SipOffice) -> tuple[SipPhone, SipPhone]:
    return office.phone("alice"), office.phone("bob")


async def calling(office: SipOffice, number: str = "101", **parts: Any) -> tuple[PhoneCall, PhoneCall, SipPhone, SipPhone]:
    """alice's call has reached bob."""
    alice, bob = phones(office)
    call = alice.call(number, **parts)
    await alice.get(100)
    return call, await bob.ring(), alice, bob


async def talking(office: SipOffice, extra: str = "") -> tuple[PhoneCall, PhoneCall, SipPhone, SipPhone]:
    """bob has taken alice's call."""
    call, called, alice, bob = await calling(office)
    called.reply(200, "OK", body=called.sdp(), extra=extra)
    await bob.get("ACK")
    await call.answered()
    return call, called, alice, bob


def reliable(number: int) -> str:
    return f"Require: 100rel\r\nRSeq: {number}\r\n"


def rack(progress: Wire) -> str:
    """The header of the PRACK for a reliable response."""
    return f"RAck: {progress['RSeq']} {progress['CSeq']}\r\n"


# -- RFC 3262 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "offered", "is_reliable"),
    [
        ("yes", "Supported: 100rel\r\n", False),
        ("yes", "Require: 100rel\r\n", True),
        ("peer_supported", "Supported: 100rel\r\n", True),
        ("peer_supported", "", False),
        ("required", "Supported: 100rel\r\n", True),
        ("no", "Supported: 100rel\r\n", False),
    ],
)  # fmt: skip
async def test_rfc3262_3_when_we_send_provisional_responses_reliably(
    tmp_path: Path, mode: str, offered: str, is_reliable: bool
) -> None:
    async with sip_office(tmp_path, config({"100rel": mode}), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("102", extra=offered)
        await alice.get(100)
        progress = await alice.get(183)
        assert ("100rel" in progress["Require"]) is is_reliable
        if is_reliable:
            call.to = progress["To"]
            answer = await call.request_inside("PRACK", extra=rack(progress))
            assert answer.status == 200
        ok = await call.answered()
        assert ("100rel" in ok["Supported"]) is (mode != "no")
        await call.hang_up()


async def test_rfc3262_3_a_reliable_response_is_repeated_until_the_call_is_refused(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config({"100rel": "required"}), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("106", extra="Supported: 100rel\r\n")
        await alice.get(100)
        await alice.get(183)
        call.refused(await alice.get(504))
        assert 5 <= office.ladder.count("alice <- 183 (sdp) again") <= 8
        await office.quiet(5)


async def test_rfc3262_5_the_prack_answers_our_offer(tmp_path: Path) -> None:
    """An INVITE without an offer: ours goes in the reliable 183, and the 200 carries none."""
    async with sip_office(tmp_path, config({"100rel": "peer_supported"}), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("102", extra="Supported: 100rel\r\n", has_offer=False)
        await alice.get(100)
        progress = await alice.get(183)
        call.learn_media(progress)
        call.to = progress["To"]
        body = call.sdp("0")
        extra = rack(progress) + "Content-Type: application/sdp\r\n"
        assert (await call.request_inside("PRACK", extra=extra, body=body)).status == 200
        ok = await call.answered()
        assert not ok.body
        await call.hang_up()


async def test_rfc3262_5_an_offer_in_the_prack_is_answered_in_its_200(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config({"100rel": "peer_supported"}), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("102", extra="Supported: 100rel\r\n")
        await alice.get(100)
        progress = await alice.get(183)
        call.to = progress["To"]
        extra = rack(progress) + "Content-Type: application/sdp\r\n"
        answer = await call.request_inside("PRACK", extra=extra, body=call.sdp("0", "sendonly"))
        assert answer.label == "200 (recvonly)"
        await call.answered()
        await call.hang_up()


# -- forks ---------------------------------------------------------------------------------------------------------


def early(called: PhoneCall, tag: str, port: int, extra: str = "") -> None:
    """bob's proxy forked: 183 with media of one of the phones behind it."""
    called.tag, called.rtp_port = tag, port
    called.reply(183, body=called.sdp(), extra=extra)


@pytest.mark.parametrize(("follow", "expected"), [("yes", 21902), ("no", 21900)])
async def test_rfc3261_13_2_2_4_early_media_of_the_latest_fork(tmp_path: Path, follow: str, expected: int) -> None:
    async with sip_office(tmp_path, config(bob={"follow_early_media_fork": follow}), EXTENSIONS) as office:
        call, called, alice, _bob = await calling(office)
        early(called, "one", 21900)
        await alice.get(183)
        early(called, "two", 21902)
        await asyncio.sleep(0.2)
        (leg,) = [leg for leg in office.driver.legs if leg.is_caller]
        assert leg.media.session.remote_address == ("127.0.0.1", expected)
        call.cancel()
        assert (await alice.get(200))["CSeq"].endswith("CANCEL")
        call.refused(await alice.get(487))
        cancel = await _bob.get("CANCEL")
        called.reply(200, request=cancel)
        called.reply(487)
        await _bob.get("ACK")


@pytest.mark.parametrize(("endpoint", "system", "expected"), [("no", "no", 21900), ("yes", "no", 21904), ("no", "yes", 21904)])
async def test_a_second_answer_of_the_same_callee(tmp_path: Path, endpoint: str, system: str, expected: int) -> None:
    text = config(bob={"accept_multiple_sdp_answers": endpoint}) + f"[s]\ntype=system\naccept_multiple_sdp_answers={system}\n"
    async with sip_office(tmp_path, text, EXTENSIONS) as office:
        call, called, alice, bob = await calling(office)
        early(called, "one", 21900)
        await alice.get(183)
        called.rtp_port = 21904
        called.reply(200, "OK", body=called.sdp())
        await bob.get("ACK")
        await call.answered()
        (leg,) = [leg for leg in office.driver.legs if leg.is_caller]
        assert leg.media.session.remote_address == ("127.0.0.1", expected)
        await call.hang_up()
        await called.ended()


async def test_rfc3261_13_2_2_4_two_forks_answer_the_second_gets_ack_and_bye(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(), EXTENSIONS) as office:
        call, called, alice, bob = await calling(office)
        early(called, "one", 21900, reliable(5))
        first = await bob.get("PRACK")
        called.reply(200, request=first)
        await alice.get(183)
        early(called, "two", 21902, reliable(800))
        second = await bob.get("PRACK")
        called.reply(200, request=second)
        assert (first["RAck"].split()[0], second["RAck"].split()[0]) == ("5", "800")
        for tag in ("one", "two"):
            called.tag = tag
            called.reply(200, "OK", body=called.sdp())
        assert "tag=one" in (await bob.get("ACK"))["To"]
        assert "tag=two" in (await bob.get("ACK"))["To"]
        bye = await bob.get("BYE")
        assert "tag=two" in bye["To"]
        called.reply(200, request=bye)
        await call.answered()
        await call.hang_up()
        bye = await bob.get("BYE")
        assert "tag=one" in bye["To"]
        called.reply(200, request=bye)


# -- RFC 4028 ------------------------------------------------------------------------------------------------------

TIMERS = {"timers_sess_expires": 100, "timers_min_se": 90}


@pytest.mark.parametrize(("allow", "method"), [(UPDATES, "UPDATE"), ("", "INVITE")])
async def test_rfc4028_7_4_we_refresh_as_caller(tmp_path: Path, allow: str, method: str) -> None:
    async with sip_office(tmp_path, config(bob=TIMERS), EXTENSIONS) as office:
        extra = f"{allow}Session-Expires: 100;refresher=uac\r\nRequire: timer\r\n"
        call, called, _alice, bob = await talking(office, extra)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(2):
            refresh = await bob.get(method, 60)
            assert refresh["Session-Expires"].startswith("100")
            assert bool(refresh.body) is (method == "INVITE"), "an UPDATE needs no offer"
            called.reply(200, "OK", request=refresh, extra=extra, body=called.sdp() if refresh.body else "")
            if method == "INVITE":
                await bob.get("ACK")
        assert 99 <= loop.time() - begun <= 101
        await call.hang_up()
        await called.ended()


async def test_rfc4028_7_4_a_longer_interval_after_422(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(bob=TIMERS), EXTENSIONS) as office:
        call, called, _alice, bob = await calling(office)
        called.reply(422, extra="Min-SE: 600\r\n")
        await bob.get("ACK")
        called.request = await bob.get("INVITE")
        assert called.request["Session-Expires"] == "600"
        assert called.request["Min-SE"] == "600"
        await called.answer()
        await call.answered()
        await call.hang_up()
        await called.ended()


@pytest.mark.parametrize(
    ("mode", "require", "expires", "supported"),
    [("no", False, False, False), ("yes", False, True, True), ("required", True, True, True), ("always", False, True, True)],
)
async def test_rfc4028_7_1_what_our_invite_asks_for(
    tmp_path: Path, mode: str, require: bool, expires: bool, supported: bool
) -> None:
    async with sip_office(tmp_path, config(bob={"timers": mode}), EXTENSIONS) as office:
        call, called, alice, bob = await calling(office)
        invite = called.request
        assert invite is not None
        assert ("timer" in invite["Require"]) is require
        assert bool(invite["Session-Expires"]) is expires
        assert ("timer" in invite["Supported"]) is supported
        called.reply(486)
        await bob.get("ACK")
        call.refused(await alice.get(486))


async def test_rfc4028_10_a_refresh_that_nobody_answers_ends_the_call(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(bob=TIMERS), EXTENSIONS) as office:
        extra = f"{UPDATES}Session-Expires: 100;refresher=uac\r\nRequire: timer\r\n"
        _call, called, alice, bob = await talking(office, extra)
        update = await bob.get("UPDATE", 60)
        called.reply(481, request=update)
        bye = await alice.get("BYE")
        alice.send(alice.reply_to(bye, 200))


# -- redirects -----------------------------------------------------------------------------------------------------


def moved(called: PhoneCall, contacts: str) -> None:
    """bob redirects; the header replaces the phone's own Contact."""
    assert called.request is not None
    text = called.phone.reply_to(called.request, 302, tag=called.tag)
    called.phone.send(text.replace(f"Contact: <{called.phone.uri}>", f"Contact: {contacts}"))


async def test_redirect_method_uri_pjsip_follows_inside_the_session(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(bob={"redirect_method": "uri_pjsip"}), EXTENSIONS) as office:
        carol = SipPhone(office, "carol", "", 15073, 21500)
        office.phones["carol"] = carol
        call, called, _alice, bob = await calling(office)
        first = called.request
        assert first is not None
        moved(called, "<sip:late@127.0.0.1:15073>;q=0.1, <sip:early@127.0.0.1:15073>;q=0.8")
        await bob.get("ACK")
        there = await carol.ring()
        assert there.request is not None
        assert there.request.uri == "sip:early@127.0.0.1:15073"
        assert there.request["Call-ID"] == first["Call-ID"]
        there.reply(404)
        await carol.get("ACK")
        there = await carol.ring()
        assert there.request is not None
        assert there.request.uri == "sip:late@127.0.0.1:15073"
        await there.answer()
        await call.answered()
        await call.hang_up()
        await there.ended()


async def test_redirect_method_uri_core_calls_the_uri_anew(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(bob={"redirect_method": "uri_core"}), EXTENSIONS) as office:
        carol = SipPhone(office, "carol", "", 15073, 21500)
        office.phones["carol"] = carol
        call, called, _alice, bob = await calling(office)
        first = called.request
        assert first is not None
        moved(called, "<sip:elsewhere@127.0.0.1:15073>")
        await bob.get("ACK")
        there = await carol.ring()
        assert there.request is not None
        assert there.request.uri == "sip:elsewhere@127.0.0.1:15073"
        assert there.request["Call-ID"] != first["Call-ID"]
        await there.answer()
        await call.phone.get(181) if call.phone.inbox and call.phone.inbox[0].status == 181 else None
        await call.answered()
        await call.hang_up()
        await there.ended()


# -- connected line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("immediate", "statuses"), [("yes", [180, 486]), ("no", [486])])
async def test_rpid_immediate_tells_the_caller_before_the_answer(tmp_path: Path, immediate: str, statuses: list[int]) -> None:
    options = {"send_pai": "yes", "rpid_immediate": immediate}
    async with sip_office(tmp_path, config(options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("103")
        await alice.get(100)
        got: list[Wire] = []
        while not got or got[-1].status < 300:
            got.append(await alice._answer())
        call.refused(got[-1])
        assert [message.status for message in got] == statuses
        if immediate == "yes":
            assert got[0]["P-Asserted-Identity"] == '"Queue" <sip:700@127.0.0.1>'


@pytest.mark.parametrize(
    ("method", "allow", "expected"),
    [("invite", UPDATES, "INVITE"), ("update", UPDATES, "UPDATE"), ("update", "", "INVITE")],
)
async def test_connected_line_method(tmp_path: Path, method: str, allow: str, expected: str) -> None:
    """After the answer; it waits for the ACK, and a peer without UPDATE gets a re-INVITE."""
    options = {"send_pai": "yes", "connected_line_method": method}
    async with sip_office(tmp_path, config(options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("104", extra=allow)
        await alice.get(100)
        ok = await alice.get(200)
        await office.quiet(0.3)
        call.take_answer(ok)
        told = await alice.get(expected)
        assert told["P-Asserted-Identity"] == '"Queue" <sip:700@127.0.0.1>'
        assert bool(told.body) is (expected == "INVITE")
        call.reply(200, "OK", request=told, body=call.sdp() if told.body else "")
        if expected == "INVITE":
            await alice.get("ACK")
        await call.hang_up()


# -- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loose", [True, False])
async def test_rfc3261_8_1_1_1_outbound_proxy(tmp_path: Path, loose: bool) -> None:
    proxy = r"sip:127.0.0.1:15090\;lr" if loose else "sip:127.0.0.1:15090"
    text = config(bob={"outbound_proxy": proxy})
    async with sip_office(tmp_path, text, EXTENSIONS) as office:
        alice = office.phone("alice")
        box = SipPhone(office, "proxy", "", 15090, 21800)
        office.phones["proxy"] = box
        call = alice.call("101")
        await alice.get(100)
        invite = await box.get("INVITE")
        if loose:
            assert (invite.uri, invite["Route"]) == (BOB, "<sip:127.0.0.1:15090;lr>")
        else:  # RFC 3261 12.2.1.1
            assert (invite.uri, invite["Route"]) == ("sip:127.0.0.1:15090", f"<{BOB}>")
        box.send(box.reply_to(invite, 486, tag="x"))
        ack = await box.get("ACK")
        assert ack["Route"] == invite["Route"]
        call.refused(await alice.get(486))


async def test_overlap_context_and_tenant(tmp_path: Path) -> None:
    options = {"overlap_context": "longer", "tenantid": "acme"}
    async with sip_office(tmp_path, config(options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("91")
        call.refused(await alice.get(484))
        call = alice.call("105")
        await alice.get(100)
        call.refused(await alice.get(486))
        assert office.system.globals.get("TENANT") == "acme"


async def test_ignore_uri_user_options(tmp_path: Path) -> None:
    text = config().replace("[alice]", "[alice]", 1)
    from tests.support import sip_phone

    with_option = sip_phone.GLOBAL.replace("user_agent=Globstar", "user_agent=Globstar\nignore_uri_user_options=yes")
    async with sip_office(tmp_path, "", EXTENSIONS, {"pjsip.conf": with_option + text}) as office:
        alice = office.phone("alice")
        call = alice.call("105;phone-context=x", user="alice;cpc=ordinary")
        await alice.get(100)
        call.refused(await alice.get(486))


async def test_use_callerid_contact(tmp_path: Path) -> None:
    from tests.support import sip_phone

    with_option = sip_phone.GLOBAL.replace("user_agent=Globstar", "user_agent=Globstar\nuse_callerid_contact=yes")
    async with sip_office(tmp_path, "", EXTENSIONS, {"pjsip.conf": with_option + config()}) as office:
        call, called, alice, bob = await calling(office)
        assert called.request is not None
        assert called.request["Contact"] == "<sip:100@127.0.0.1:15060>"
        called.reply(486)
        await bob.get("ACK")
        call.refused(await alice.get(486))


# -- advice of charge ----------------------------------------------------------------------------------------------

CHARGES = "<aoc><aoc-{0}><recorded-charges><free-charge/></recorded-charges></aoc-{0}></aoc>"
IS_ADVICE = "Content-Type: application/vnd.etsi.aoc+xml\r\n"


@pytest.mark.parametrize("wanted", [True, False])
async def test_ts24_647_advice_of_charge_goes_through_the_call(tmp_path: Path, wanted: bool) -> None:
    """By INFO while the call lasts, and by BYE; the caller gets it if it has send_aoc."""
    async with sip_office(tmp_path, config({"send_aoc": "yes"} if wanted else {}), EXTENSIONS) as office:
        from globstar.core import events

        told: list[str] = []
        office.system.bus.subscribe(events.ChargeAdvised, lambda event: told.append(event.advice.kind.name))
        call, called, alice, bob = await talking(office)
        assert (await called.request_inside("INFO", IS_ADVICE, CHARGES.format("d"))).status == 200
        if wanted:
            info = await alice.get("INFO")
            assert info["Content-Type"] == "application/vnd.etsi.aoc+xml"
            assert info.body == CHARGES.format("d")
            call.reply(200, request=info)
        assert (await called.request_inside("INFO", IS_ADVICE, "<nothing>")).status == 400
        called._send("BYE", IS_ADVICE, CHARGES.format("e"))
        await bob.get(200)
        if wanted:
            info = await alice.get("INFO")
            assert info.body == CHARGES.format("e")
            call.reply(200, request=info)
        await call.ended()
        assert told == ["DURING", "END"]


async def test_ts24_647_advice_before_the_answer_waits(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config({"send_aoc": "yes"}), EXTENSIONS) as office:
        from globstar.core.frame import Control, control
        from globstar.proto.aoc import AdviceOfCharge, AocKind, Charge

        call, called, alice, _bob = await calling(office)
        called.reply(180)
        await alice.get(180)
        (leg,) = [leg for leg in office.driver.legs if leg.is_caller]
        leg.channel.deliver(control(Control.AOC, AdviceOfCharge(AocKind.DURING, Charge.UNITS, units=3)))
        await office.quiet(0.2)
        await called.answer()
        await call.answered()
        info = await alice.get("INFO")
        assert "<number-of-units>3</number-of-units>" in info.body
        call.reply(200, request=info)
        await call.hang_up()
        await called.ended()


# -- security of the other leg -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("demand", "is_called"), [("1", False), ("0", True)])
async def test_a_call_that_demands_secure_signalling_goes_to_no_other_endpoint(
    tmp_path: Path, demand: str, is_called: bool
) -> None:
    plan = f"[default]\nexten => 1,1,Set(CHANNEL(secure_bridge_signaling)={demand})\n same => n,Dial(PJSIP/bob)\n"
    async with sip_office(tmp_path, config(), plan) as office:
        alice, bob = phones(office)
        call = alice.call("1")
        await alice.get(100)
        if is_called:
            called = await bob.ring()
            called.reply(486)
            await bob.get("ACK")
        answer = await alice._answer()
        assert answer.status == 486 if is_called else answer.status >= 400
        call.refused(answer)


# -- RFC 3329 ------------------------------------------------------------------------------------------------------

MEDIASEC = {"security_negotiation": "mediasec", "security_mechanisms": r"sdes-srtp\;mediasec,dtls-srtp\;mediasec"}
SERVER = "Security-Server: msrp-tls;mediasec, sdes-srtp;mediasec\r\nSecurity-Server: dtls-srtp;mediasec\r\n"
VERIFIED = ["msrp-tls;mediasec", "sdes-srtp;mediasec", "dtls-srtp;mediasec"]


async def test_rfc3329_2_3_1_the_second_invite_verifies_what_the_server_has(tmp_path: Path) -> None:
    """494 with Security-Server leads to one more INVITE; the next call knows the server."""
    async with sip_office(tmp_path, config(bob=MEDIASEC), EXTENSIONS) as office:
        call, called, alice, bob = await calling(office)
        first = called.request
        assert first is not None
        assert first["Security-Client"] == "sdes-srtp;mediasec, dtls-srtp;mediasec"
        assert (first.all("Security-Verify"), first["Proxy-Require"]) == ([], "mediasec")
        called.reply(494, extra=SERVER)
        await bob.get("ACK")
        again = called.request = await bob.get("INVITE")
        assert again.all("Security-Verify") == VERIFIED
        assert again["Call-ID"] == first["Call-ID"]
        called.reply(486)
        await bob.get("ACK")
        call.refused(await alice.get(486))
        second = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert called.request.all("Security-Verify") == VERIFIED
        called.reply(486)
        await bob.get("ACK")
        second.refused(await alice.get(486))


async def test_rfc3329_494_without_mechanisms_ends_the_call(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(bob=MEDIASEC), EXTENSIONS) as office:
        call, called, alice, bob = await calling(office)
        called.reply(494)
        await bob.get("ACK")
        refused = await alice._answer()
        assert refused.status >= 400
        call.refused(refused)


async def test_rfc3329_after_a_challenge_both_are_answered(tmp_path: Path) -> None:
    text = config(bob={**MEDIASEC, "outbound_auth": "far"}) + "[far]\ntype=auth\nusername=u\npassword=p\n"
    async with sip_office(tmp_path, text, EXTENSIONS) as office:
        call, called, alice, bob = await calling(office)
        challenge = 'WWW-Authenticate: Digest realm="far",nonce="n",algorithm=MD5,qop="auth"\r\n'
        called.reply(401, extra=challenge + SERVER)
        await bob.get("ACK")
        again = called.request = await bob.get("INVITE")
        assert 'username="u"' in again["Authorization"]
        assert again.all("Security-Verify") == VERIFIED
        called.reply(486)
        await bob.get("ACK")
        call.refused(await alice.get(486))


# -- redirected messages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("methods", "follows"), [("message", True), ("", False)])
async def test_follow_redirect_methods(tmp_path: Path, methods: str, follows: bool) -> None:
    """A MESSAGE goes on to the contacts of a 302, the best first, until one takes it."""
    plan = "[default]\nexten => 1,1,Set(MESSAGE(body)=hello)\n same => n,MessageSend(pjsip:bob)\n same => n,Hangup(17)\n"
    async with sip_office(tmp_path, config(bob={"follow_redirect_methods": methods}), plan) as office:
        alice, bob = phones(office)
        carol = SipPhone(office, "carol", "", 15073, 21500)
        office.phones["carol"] = carol
        call = alice.call("1")
        await alice.get(100)
        call.refused(await alice.get(486))
        first = await bob.get("MESSAGE")
        text = bob.reply_to(first, 302, tag="x")
        contacts = "<sip:b@127.0.0.1:15073>;q=0.3, <sip:a@127.0.0.1:15073>"
        bob.send(text.replace(f"Contact: <{bob.uri}>", f"Contact: {contacts}"))
        if follows:
            for user, status in (("a", 404), ("b", 200)):
                message = await carol.get("MESSAGE")
                assert message.uri == f"sip:{user}@127.0.0.1:15073"
                assert message.body == "hello"
                assert message["Call-ID"] == first["Call-ID"]
                carol.send(carol.reply_to(message, status, tag="y"))
        await office.quiet(1)

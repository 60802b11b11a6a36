"""Direct media: two phones exchange RTP themselves, and the server takes it back whenever it must see it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.core.frame import Frame
from globstar.modules.bridges.native_rtp import MAX_MOVES, MOVES_WITHIN
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office

EXTENSIONS = "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\nexten => 102,1,Dial(PJSIP/bob,20,T)\n"


def phones(alice: dict[str, object] | None = None, bob: dict[str, object] | None = None) -> str:
    """Two phones that may exchange media."""
    return phone_section("alice", **{"direct_media": "yes", **(alice or {})}) + phone_section(
        "bob", **{"direct_media": "yes", **(bob or {})}
    )


async def talk(office: SipOffice, number: str = "101", codecs: str = "0 101", **parts: str) -> tuple[PhoneCall, PhoneCall]:
    """A call that was answered, before anything of direct media; bob's host may be another."""
    alice, bob = office.phone("alice"), office.phone("bob", **parts)
    await bob.register()
    calling = alice.call(number)
    await alice.get(100)
    called = await bob.ring()
    called.reply(200, body=called.sdp(codecs))
    await bob.get("ACK")
    await calling.answered()
    return calling, called


async def accept(call: PhoneCall, codecs: str = "0 101", method: str = "INVITE") -> Wire:
    """The server changes the session, which is fine."""
    request = await call.phone.get(method)
    call.learn_media(request)
    call.reply(200, request=request, body=call.sdp(codecs))
    if method == "INVITE":
        await call.phone.get("ACK")
    return request


def why(office: SipOffice) -> str:
    """What ``bridge explain`` says of the relay."""
    bridge = next(iter(office.system.bridges.values()))
    return next(line for line in bridge.explain() if line.startswith("native_rtp: "))


async def hang_up(calling: PhoneCall, called: PhoneCall) -> None:
    await calling.hang_up()
    await accept(called)
    await called.ended()


@pytest.mark.parametrize("method", ["invite", "update"])
async def test_both_are_told(tmp_path: Path, method: str) -> None:
    """The caller first; each is offered the other's address, and gets ours back before the BYE."""
    name = method.upper()
    options: dict[str, object] = {"direct_media_method": method}
    async with sip_office(tmp_path, phones(options, options), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        allow = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n"
        calling = alice.call("101", extra=allow)
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp(), extra=allow)
        await bob.get("ACK")
        answer = await calling.answered()
        ours = answer.media
        first = await accept(calling, method=name)
        second = await accept(called, method=name)
        assert first.media == (bob.address[0], called.rtp_port)
        assert second.media == (alice.address[0], calling.rtp_port)
        assert "o=alice 7" not in first.body
        await asyncio.sleep(0.1)
        assert why(office) == "native_rtp: chosen, media go directly"
        leg = next(leg for leg in office.driver.legs if leg.endpoint.name == "alice")
        assert leg.channel.tech.channel_read(leg.channel, "rtp,direct") == f"127.0.0.1:{called.rtp_port}"
        before = called.remote
        await calling.hang_up()
        taken = await accept(called, method=name)
        assert taken.media not in (before, ours)
        await called.ended()
        await office.quiet()


async def test_silence_ends_nothing_while_media_go_directly(tmp_path: Path) -> None:
    """rtp_timeout counts only what would come here."""
    options: dict[str, object] = {"rtp_timeout": 5}
    async with sip_office(tmp_path, phones(options, options), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        await asyncio.sleep(30)
        assert len(office.system.channels) == 2
        await hang_up(calling, called)


@pytest.mark.parametrize(
    ("alice", "bob", "codecs", "reason"),
    [
        ({"direct_media": "no"}, {}, "0 101", "PJSIP/alice-00000000: direct_media=no"),
        ({}, {"direct_media": "no"}, "0 101", "PJSIP/bob-00000001: direct_media=no"),
        ({}, {"dtmf_mode": "info"}, "0", "digits travel in different ways"),
    ],
)
async def test_packets_are_relayed(
    tmp_path: Path, alice: dict[str, object], bob: dict[str, object], codecs: str, reason: str
) -> None:
    async with sip_office(tmp_path, phones(alice, bob), EXTENSIONS) as office:
        calling, called = await talk(office, codecs=codecs)
        await asyncio.sleep(1)
        assert why(office) == f"native_rtp: chosen, packets are relayed: {reason}"
        await calling.speak(5)
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def test_numbers_that_differ(tmp_path: Path) -> None:
    """Telephone-event 101 here and 96 there: phones that talk directly would not understand each other."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        sdp = called.sdp("0 101").replace("0 101", "0 96").replace("rtpmap:101", "rtpmap:96")
        called.reply(200, body=sdp)
        await bob.get("ACK")
        await calling.answered()
        await asyncio.sleep(0.5)
        assert why(office) == "native_rtp: chosen, packets are relayed: the endpoints number their codecs differently"
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize("both", [False, True])
async def test_rfc5761_reports_beside_the_media_or_among_them(tmp_path: Path, both: bool) -> None:
    """Alice has one port for both; bob would take her reports for media, unless he has, too."""
    options: dict[str, object] = {"rtcp_mux": "yes"}
    async with sip_office(tmp_path, phones(options, options), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + "a=rtcp-mux\r\n")
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp() + ("a=rtcp-mux\r\n" if both else ""))
        await bob.get("ACK")
        await calling.answered()
        for call, other in ((calling, called), (called, calling)) if both else ():
            request = await call.phone.get("INVITE")
            assert request.media[1] == other.rtp_port
            assert "a=rtcp-mux" in request.body
            call.reply(200, request=request, body=call.sdp() + "a=rtcp-mux\r\n")
            await call.phone.get("ACK")
        await office.quiet()
        way = "media go directly" if both else "packets are relayed: reports travel in different ways"
        assert why(office) == f"native_rtp: chosen, {way}"
        await calling.hang_up()
        if both:
            await accept(called)
        await called.ended()


async def talk_to(office: SipOffice, address: str) -> tuple[PhoneCall, PhoneCall]:
    """A call to a phone that says it is at ``address`` (as in SDP), answered."""
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    calling = alice.call("101")
    await alice.get(100)
    called = await bob.ring()
    called.reply(200, body=called.sdp().replace("IN IP4 127.0.0.1", address))
    await bob.get("ACK")
    await calling.answered()
    return calling, called


async def test_nat_is_no_place_for_direct_media(tmp_path: Path) -> None:
    """disable_direct_media_on_nat: the SDP names another address than messages come from."""
    async with sip_office(tmp_path, phones({}, {"disable_direct_media_on_nat": "yes"}), EXTENSIONS) as office:
        calling, called = await talk_to(office, "IN IP4 10.9.8.7")
        await asyncio.sleep(0.5)
        assert "10.9.8.7 is not where its messages come from" in why(office)
        await calling.hang_up()
        await called.ended()


async def test_a_phone_of_ipv4_is_not_sent_to_one_of_ipv6(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk_to(office, "IN IP6 2001:db8::7")
        await asyncio.sleep(0.5)
        assert "packets are relayed: one endpoint has an address of IPv4, the other one of IPv6" in why(office)
        await calling.hang_up()
        await called.ended()


async def test_nat_is_none_the_less_for_where_media_were_found_to_come_from(tmp_path: Path) -> None:
    """rtp_symmetric: we send to where bob's packets come from, which he has not said, and which lets in nobody but us."""
    options: dict[str, object] = {"disable_direct_media_on_nat": "yes", "rtp_symmetric": "yes"}
    async with sip_office(tmp_path, phones({}, options), EXTENSIONS) as office:
        calling, called = await talk_to(office, "IN IP4 10.9.8.7")
        await called.speak(10)
        await calling.reinvite("sendonly")
        await calling.reinvite("sendrecv")
        await office.quiet()
        assert "10.9.8.7 is not where its messages come from" in why(office)
        await calling.speak(5)
        assert called.sounds() == {0x55: 5}
        await calling.hang_up()
        await called.ended()


async def test_a_hook_takes_the_audio_back(tmp_path: Path) -> None:
    """A recording begins: both phones send to us again; when it ends, to each other."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        channel = next(channel for channel in office.system.channels.values() if "alice" in channel.name)
        seen: list[Frame] = []

        def hook(frame: Frame) -> Frame:
            seen.append(frame)
            return frame

        channel.add_read_hook(hook)
        first, second = await accept(calling), await accept(called)
        assert {first.media[1], second.media[1]}.isdisjoint({calling.rtp_port, called.rtp_port})
        await calling.speak(5)
        await asyncio.sleep(0.1)
        assert len(seen) == 5
        assert called.sounds() == {0x55: 5}
        channel.remove_hook(hook)
        assert (await accept(calling)).media[1] == called.rtp_port
        assert (await accept(called)).media[1] == calling.rtp_port
        await hang_up(calling, called)
        await office.quiet()


async def test_a_tone_takes_the_audio_back(tmp_path: Path) -> None:
    """Alice hears a tone: bob sends to us again, or she would hear him beside it; when it is over they send to each other."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        channel = next(channel for channel in office.system.channels.values() if "alice" in channel.name)
        office.system.tones.play(channel, "!1000/2000")
        assert (await accept(calling)).media[1] != called.rtp_port
        assert (await accept(called)).media[1] != calling.rtp_port
        told = f"native_rtp: chosen, {channel.name} hears music or a tone, not the other"
        assert why(office) == f"{told}: {channel.name} would hear the other one, too"
        assert (await accept(calling)).media[1] == called.rtp_port
        assert (await accept(called)).media[1] == calling.rtp_port
        assert why(office) == "native_rtp: chosen, media go directly"
        await hang_up(calling, called)
        await office.quiet()


async def test_hold_takes_the_audio_back(tmp_path: Path) -> None:
    """Alice holds: her answer has our address at once, bob gets music from us; after it they talk directly again."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        answer = await calling.reinvite("sendonly")
        assert "a=recvonly" in answer.body
        assert answer.media[1] != called.rtp_port
        assert (await accept(called)).media[1] != calling.rtp_port
        await office.quiet()
        await calling.reinvite("sendrecv")
        assert (await accept(calling)).media[1] == called.rtp_port
        assert (await accept(called)).media[1] == calling.rtp_port
        await hang_up(calling, called)


async def test_a_long_call_may_be_held_any_number_of_times(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        for _ in range(MAX_MOVES + 4):
            await calling.reinvite("sendonly")
            await accept(called)
            await asyncio.sleep(5)
            await calling.reinvite("sendrecv")
            assert (await accept(calling)).media[1] == called.rtp_port
            assert (await accept(called)).media[1] == calling.rtp_port
        assert why(office) == "native_rtp: chosen, media go directly"
        await hang_up(calling, called)


async def test_endpoints_that_keep_moving_are_relayed_for_a_while(tmp_path: Path) -> None:
    """Alice takes another port whenever bob has been told of the last one; a minute later it is tried again."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        for _ in range(MAX_MOVES - 1):
            calling.rtp_port += 2
            await calling.reinvite()
            assert (await accept(called)).media[1] == calling.rtp_port
        calling.rtp_port += 2
        await calling.reinvite()
        assert (await accept(calling)).media[1] != called.rtp_port
        assert (await accept(called)).media[1] != calling.rtp_port
        assert why(office) == "native_rtp: chosen, packets are relayed: the endpoints keep moving their media"
        await asyncio.sleep(MOVES_WITHIN)
        calling.rtp_port += 2
        await calling.reinvite()
        assert (await accept(calling)).media[1] == called.rtp_port
        assert (await accept(called)).media[1] == calling.rtp_port
        await hang_up(calling, called)


async def test_a_new_address_is_passed_on(tmp_path: Path) -> None:
    """Alice moves her media by re-INVITE: bob is told the new address, alice keeps bob's."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        calling.rtp_port += 40
        answer = await calling.reinvite()
        assert answer.media[1] == called.rtp_port
        assert (await accept(called)).media[1] == calling.rtp_port
        await office.quiet()
        await hang_up(calling, called)


async def test_a_refusal_leaves_the_relay(tmp_path: Path) -> None:
    """Bob refuses: alice is taken back, and nothing is tried again."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        invite = await called.phone.get("INVITE")
        called.reply(488, request=invite)
        await called.phone.get("ACK")
        assert (await accept(calling)).media[1] != called.rtp_port
        await office.quiet()
        assert why(office) == "native_rtp: chosen, packets are relayed: PJSIP/bob-00000001: it has refused direct media"
        await calling.speak(5)
        await asyncio.sleep(0.1)
        assert called.sounds() == {0x55: 5}
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(("mitigation", "told"), [("outgoing", "alice"), ("incoming", "bob")])
async def test_glare_mitigation(tmp_path: Path, mitigation: str, told: str) -> None:
    """Calls of one direction are not sent re-INVITEs: the server at their other end sends them, and our answer tells it."""
    options: dict[str, object] = {"direct_media_glare_mitigation": mitigation}
    async with sip_office(tmp_path, phones(options, options), EXTENSIONS) as office:
        calling, called = await talk(office)
        call, other = (calling, called) if told == "alice" else (called, calling)
        assert (await accept(call)).media[1] == other.rtp_port
        await office.quiet()
        other.rtp_port += 40
        assert (await other.reinvite()).media[1] == call.rtp_port
        assert (await accept(call)).media[1] == other.rtp_port
        await office.quiet()
        await hang_up(calling, called)


async def test_digit_features_need_the_audio(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office, "102")
        await office.quiet()
        assert why(office) == "native_rtp: PJSIP/alice-00000000 has digit features"
        await calling.hang_up()
        await called.ended()


async def test_video_goes_directly_as_well(tmp_path: Path) -> None:
    """Streams beside the audio are sent to the other phone too, under the numbers that both use."""
    video = "m=video {} RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
    options: dict[str, object] = {"allow": "ulaw,h264"}
    async with sip_office(tmp_path, phones(options, options), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + video.format(4002))
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp() + video.format(5002))
        await bob.get("ACK")
        await calling.answered()
        first = await alice.get("INVITE")
        assert f"m=audio {called.rtp_port} " in first.body
        assert "m=video 5002 RTP/AVP 99" in first.body
        calling.reply(200, request=first, body=calling.sdp() + video.format(4002))
        await alice.get("ACK")
        second = await bob.get("INVITE")
        assert f"m=audio {calling.rtp_port} " in second.body
        assert "m=video 4002 RTP/AVP 99" in second.body
        called.reply(200, request=second, body=called.sdp() + video.format(5002))
        await bob.get("ACK")
        await office.quiet()
        calling.invite(body=calling.sdp() + video.format(4012))  # the picture alone moves
        answer = await calling.answered()
        assert "m=video 5002 " in answer.body
        moved = await bob.get("INVITE")
        assert f"m=audio {calling.rtp_port} " in moved.body
        assert "m=video 4012 RTP/AVP 99" in moved.body
        called.reply(200, request=moved, body=called.sdp() + video.format(5002))
        await bob.get("ACK")
        await office.quiet()
        await calling.hang_up()
        back = await bob.get("INVITE")
        assert "m=video 4012 " not in back.body
        called.reply(200, request=back, body=called.sdp() + video.format(5002))
        await bob.get("ACK")
        await called.ended()


@pytest.mark.parametrize(
    ("line", "allow", "stream"),
    [
        ("m=video {} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n", "h264", "video 0"),
        ("m=text {} RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n", "t140", "text 0"),
    ],
)
async def test_streams_under_other_numbers_are_relayed(tmp_path: Path, line: str, allow: str, stream: str) -> None:
    """Each phone would send under a number that the other does not know."""
    options: dict[str, object] = {"allow": f"ulaw,{allow}"}
    async with sip_office(tmp_path, phones(options, options), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + line.format(4002))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        offered = called.request.body[called.request.body.rindex("m=") :]
        number = offered.partition("\r")[0].split()[-1]
        assert number not in line
        called.reply(200, body=called.sdp() + re.sub(r"\b9[78]\b", number, line).format(5002))
        await bob.get("ACK")
        await calling.answered()
        await office.quiet()
        assert why(office) == f"native_rtp: chosen, packets are relayed: the endpoints differ in stream {stream}"
        await calling.hang_up()
        await called.ended()


async def test_rfc3261_14_1_our_reinvite_waits_for_the_ack_of_theirs(tmp_path: Path) -> None:
    """Alice takes bob back from hold: she is sent to him only when her ACK is there, which is no answer to that offer."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        await calling.reinvite("sendonly")
        await accept(called)
        calling.invite(body=calling.sdp())
        await calling.phone.get(200)
        await asyncio.sleep(0.3)
        assert not calling.phone.inbox
        calling._send("ACK", cseq=calling.cseq)
        assert (await accept(calling)).media[1] == called.rtp_port
        assert (await accept(called)).media[1] == calling.rtp_port
        await asyncio.sleep(0.1)
        assert why(office) == "native_rtp: chosen, media go directly"
        await hang_up(calling, called)


async def test_a_refused_refresh_changes_nothing(tmp_path: Path) -> None:
    """Alice refuses another re-INVITE while media go directly: they go on so."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        calling, called = await talk(office)
        await accept(calling)
        await accept(called)
        leg = next(leg for leg in office.driver.legs if leg.endpoint.name == "alice")
        leg.send_reinvite([])
        office.driver.drain()
        invite = await calling.phone.get("INVITE")
        assert invite.media[1] == called.rtp_port
        calling.reply(488, request=invite)
        await calling.phone.get("ACK")
        await office.quiet()
        assert why(office) == "native_rtp: chosen, media go directly"
        await hang_up(calling, called)

"""Several audio streams in a call, over real sockets: SIPp with lines of its own, aiortc and Chromium with two microphones."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiortc import RTCBundlePolicy, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from tests.interop.sip.test_rfc7118_websocket import Browser
from tests.interop.support.chromium import Page
from tests.interop.support.lines import Lines, SecureParty
from tests.interop.support.office import SERVICES, Office, Peer
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp
from tests.interop.test_browser_media import Tone, body_of, hang_up, hears, with_page
from tests.interop.test_chromium import call_echo, with_chromium
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess, ServerFactory

PLAN = SERVICES + "\nexten => 101,1,Dial(PJSIP/callee)\n"
#: Seconds for a call whose states last as long as it takes to hear what is to be heard in them.
LONG = 90


@dataclass
class Bench:
    """A server whose endpoints may have three audio streams."""

    server: GlobstarProcess
    port: int
    callee: int
    directory: Path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    callee = free_port(2)
    office = Office([Peer("caller"), Peer("callee", callee), Peer("secure")], {"phones": PLAN})
    files = office.configuration()
    files["pjsip.conf"] = files["pjsip.conf"].replace("direct_media=no\n", "direct_media=no\nmax_audio_streams=3\n")
    files["pjsip.conf"] = files["pjsip.conf"].replace(
        "[secure]\ntype=endpoint\n", "[secure]\ntype=endpoint\nmedia_encryption=sdes\n"
    )
    server = GlobstarProcess(tmp_path_factory.mktemp("streams"), files)
    server.wait_booted()
    yield Bench(server, office.port, callee, tmp_path_factory.mktemp("sipp"))
    problems = server.finish()
    assert not problems, f"{problems}\n{server.log_tail()}"


def last_body(sipp: Sipp, *, requests: bool = False, at_least: int = 1) -> str:
    """The last description that SIPp got, once there are so many different ones."""

    def bodies() -> list[str]:
        wanted = [m for m in sipp.received() if m.method == "INVITE" and (not m.status) == requests and "m=audio" in m.body]
        return list(dict.fromkeys(message.body for message in wanted))

    wait_until(lambda: len(bodies()) >= at_least, 10, f"description {at_least}")
    return bodies()[-1]


def lives(body: str) -> list[bool]:
    """Which lines live."""
    return [port != "0" for port in re.findall(r"m=audio (\d+)", body)]


def test_sipp_streams_are_relayed_held_added_and_given_up(bench: Bench) -> None:
    """Packets of every stream go through the native threads, whatever becomes of the others."""
    with Lines(440, 640, 840) as caller, Lines(1040, 1240, 1440) as callee:
        calling = Script("caller", user="caller").request("INVITE", body=caller.sdp("sendrecv", "sendrecv")).answered()
        calling.held()
        for version, lines in enumerate((("sendrecv", "sendonly", "sendrecv"), ("sendrecv", "off", "sendrecv")), 2):
            calling.within("INVITE", body=caller.sdp(*lines, version=version))
            calling.expect(100, optional=True).expect(200, routes=True).acknowledged().held()
        calling.bye()
        called = Script("callee").ringing().reply(200, "OK", body=callee.sdp("sendrecv", "sendrecv"), tag=True)
        called.expect_request("INVITE", optional=True).expect_request("ACK")
        for version, lines in enumerate((("sendrecv", "sendrecv", "sendrecv"), ("sendrecv", "off", "sendrecv")), 2):
            called.expect_request("INVITE").answer_request(body=callee.sdp(*lines, version=version)).expect_request("ACK")
        called.hung_up()
        with (
            Sipp(called, bench.directory, port=bench.callee, timeout=LONG) as two,
            Sipp(calling, bench.directory, remote=bench.port, number="101", timeout=LONG) as one,
        ):
            caller.learn(last_body(one))
            callee.learn(last_body(two, requests=True))
            since = time.monotonic()
            caller.speak(LONG)
            callee.speak(LONG)
            caller.hears(since, 1040, 1240)
            callee.hears(since, 440, 640)

            one.go_on()
            held = last_body(one, at_least=2)
            assert re.findall(r"a=(sendrecv|recvonly)", held) == ["sendrecv", "recvonly", "sendrecv"]
            assert lives(last_body(two, requests=True, at_least=2)) == [True, True, True]
            caller.learn(held)
            callee.learn(last_body(two, requests=True, at_least=2))
            since = time.monotonic() + 0.1
            caller.speak(LONG)
            callee.speak(LONG)
            caller.hears(since, 1040, 0, 1440)
            callee.hears(since, 440, 640, 840)

            one.go_on()
            assert lives(last_body(one, at_least=3)) == lives(last_body(two, requests=True, at_least=3)) == [True, False, True]
            since = time.monotonic() + 0.1
            caller.hears(since, 1040, 0, 1440)
            callee.hears(since, 440, 0, 840)
            if "in Python" not in bench.server.cli("rtp show relay"):
                wait_until(lambda: "4 of 4 streams" in bench.server.cli("rtp show relay"), 5, "the native relay")
            one.go_on()
            one.passed()
            two.passed()


def test_rfc4568_sipp_streams_with_a_key_each(bench: Bench) -> None:
    with Lines(440, 640, secure=True) as caller:
        calling = Script("secure", user="secure").request("INVITE", body=caller.sdp("sendrecv", "sendrecv")).answered()
        calling.held().bye()
        with Sipp(calling, bench.directory, remote=bench.port, number="600") as sipp:
            caller.learn(last_body(sipp))
            since = time.monotonic()
            caller.speak()
            caller.hears(since, 440, 640)
            sipp.go_on()
            sipp.passed()
        assert [party.refused for party in caller.parties if isinstance(party, SecureParty)] == [0, 0]


async def invite(browser: Browser, peer: RTCPeerConnection, number: str, *, bundles: bool = True) -> str:
    """Call with the peer's offer; gives the answer, which is acknowledged."""
    offer = peer.localDescription.sdp
    if not bundles:
        offer = re.sub(r"a=group:BUNDLE.*\r\n", "", offer)
    await browser.ask("INVITE", f"sip:{number}@{HOST}", body=offer, to=f"<sip:{number}@{HOST}>")
    answer = await browser.receive()
    while answer.startswith("SIP/2.0 1"):
        answer = await browser.receive()
    assert answer.startswith("SIP/2.0 200 "), answer
    to = re.search(r"(?m)^To: (.*?)\r$", answer)
    assert to is not None
    browser.number -= 1
    await browser.ask("ACK", f"sip:{number}@{HOST}", to=to[1])
    return answer


@pytest.mark.parametrize("way", ["one transport", "a transport each"])
def test_aiortc_has_two_microphones(globstar_process: ServerFactory, way: str) -> None:
    """DTLS and ICE; each hears its own tone."""
    is_bundle = way == "one transport"

    async def play(browser: Browser, peer: RTCPeerConnection, server: GlobstarProcess) -> None:
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        for hertz in (440, 1000):
            line = peer.addTransceiver(Tone(hertz))
            line.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == "audio/opus"])
        await peer.setLocalDescription(await peer.createOffer())
        answer = await invite(browser, peer, "600", bundles=is_bundle)
        found = re.findall(r"m=audio (\d+) ", answer)
        assert len(set(found)) == (1 if is_bundle else 2)
        assert ("a=group:BUNDLE" in answer) == is_bundle
        await peer.setRemoteDescription(RTCSessionDescription(body_of(answer), "answer"))
        assert await hears(tracks[0], 440)
        assert await hears(tracks[1], 1000)
        await hang_up(browser, answer)

    with_page(
        globstar_process, "opus", play, RTCBundlePolicy.MAX_BUNDLE if is_bundle else RTCBundlePolicy.MAX_COMPAT,
        options="max_audio_streams=2\n",
    )  # fmt: skip


def test_two_microphones_of_aiortc_and_two_lines_of_sipp(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """One transport with DTLS and ICE on the one side, two plain ones on the other: each stream is relayed by itself."""
    phone = Peer("callee", free_port(2))

    async def play(browser: Browser, peer: RTCPeerConnection, server: GlobstarProcess) -> None:
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        for hertz in (440, 1000):
            line = peer.addTransceiver(Tone(hertz))
            line.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == "audio/PCMU"])
        await peer.setLocalDescription(await peer.createOffer())
        with Lines(1240, 1440) as lines:
            script = Script("callee").ringing().reply(200, "OK", body=lines.sdp("sendrecv", "sendrecv"), tag=True)
            script.expect_request("INVITE", optional=True).expect_request("ACK").hung_up()
            with Sipp(script, tmp_path, port=phone.port) as called:
                answer = await invite(browser, peer, "101")
                await peer.setRemoteDescription(RTCSessionDescription(body_of(answer), "answer"))
                lines.learn(await asyncio.to_thread(last_body, called, requests=True))
                since = time.monotonic()
                lines.speak()
                assert await hears(tracks[0], 1240)
                assert await hears(tracks[1], 1440)
                await asyncio.to_thread(lines.hears, since, 440, 1000)
                await hang_up(browser, answer)
                await asyncio.to_thread(called.passed)

    others = phone.sections().replace("direct_media=no\n", "direct_media=no\nmax_audio_streams=2\n")
    plan = "exten => 101,1,Dial(PJSIP/callee)\n"
    with_page(
        globstar_process, "ulaw", play, RTCBundlePolicy.MAX_BUNDLE, options="max_audio_streams=2\n", others=others, plan=plan
    )


def test_chromium_has_two_microphones(globstar_process: ServerFactory, tmp_path: Path) -> None:
    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        await page.run("phone.another(1000)")
        answer = await call_echo(browser, page, "audio/opus")
        assert re.search(r"a=group:BUNDLE 0 1\r", answer)
        await hears_all(page, 440, 1000)
        await hang_up(browser, answer)

    with_chromium(globstar_process, tmp_path, "opus", play, options="max_audio_streams=2\n")


def test_chromium_hears_in_more_streams_than_it_has_asked_for(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """StreamEcho offers a second line by re-INVITE, which comes into the bundle."""

    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        answer = await call_echo(browser, page, "audio/opus", number="631")
        again = await browser.receive()
        assert again.startswith("INVITE "), again
        assert body_of(again).count("m=audio") == 2
        reply = await page.run(f"phone.again({json.dumps(body_of(again))})")
        await browser.answer(again, "200 OK", reply)
        assert (await browser.receive()).startswith("ACK ")
        await hears_all(page, 440, 440)
        await hang_up(browser, answer)

    plan = "exten => 631,1,Answer(,i)\n same => n,StreamEcho(2,audio)\n"
    with_chromium(globstar_process, tmp_path, "opus", play, plan=plan, options="max_audio_streams=2\n")


async def hears_all(page: Page, *hertz: float) -> None:
    """Each stream has its tone, ten looks in a row."""
    good, heard = 0, []
    async with asyncio.timeout(60):
        while good < 10:
            await asyncio.sleep(0.1)
            heard = await page.run("phone.hearsAll()")
            is_right = len(heard) == len(hertz) and all(
                abs(frequency - wanted) < 25 and level > -60 for (frequency, level), wanted in zip(heard, hertz, strict=True)
            )
            good = good + 1 if is_right else 0

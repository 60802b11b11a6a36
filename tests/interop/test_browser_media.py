"""Media of browsers: aiortc, an independent WebRTC stack, over SIP by WebSocket against an endpoint with webrtc=yes."""

from __future__ import annotations

import asyncio
import fractions
import re
from collections.abc import Awaitable, Callable

import aiohttp
import numpy as np
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

from tests.interop.sip.test_rfc7118_websocket import Browser
from tests.interop.support.office import SERVICES, Office
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess, ServerFactory

RATE = 48000
BROWSER = """\
[ws]
type=transport
protocol=ws
bind={host}

[browser]
type=endpoint
context=phones
disallow=all
allow={codecs}
aors=browser
webrtc=yes
rewrite_contact=yes

[browser]
type=aor
max_contacts=1

"""


class Tone(AudioStreamTrack):
    """A sine, in packets of 20 ms."""

    def __init__(self, hertz: float = 440) -> None:
        super().__init__()
        self.hertz = hertz
        self.at = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0.02)
        moments = np.arange(self.at, self.at + RATE // 50)
        samples = (8000 * np.sin(2 * np.pi * self.hertz * moments / RATE)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.at, fractions.Fraction(1, RATE)
        self.at += RATE // 50
        return frame


async def hears(track: MediaStreamTrack, hertz: float, seconds: float = 60) -> bool:
    """Whether a tone comes within some time, for half a second."""
    good = 0
    async with asyncio.timeout(seconds):
        while good < 25:
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0].astype(float)
            moments = np.arange(len(samples)) / frame.sample_rate
            power = float(np.sum(samples**2))
            share = abs(np.sum(samples * np.exp(-2j * np.pi * hertz * moments))) ** 2 * 2 / len(samples) / power if power else 0
            good = good + 1 if power > 1000 and share > 0.7 else 0
    return True


def with_page(
    factory: ServerFactory,
    codecs: str,
    play: Callable[[Browser, RTCPeerConnection, GlobstarProcess], Awaitable[None]],
    policy: RTCBundlePolicy = RTCBundlePolicy.BALANCED,
    *,
    options: str = "",
    others: str = "",
    plan: str = "",
) -> None:
    """A server, a page's WebSocket and its peer connection.

    ``options`` are more of the page's endpoint, ``others`` more of pjsip.conf, ``plan`` more extensions.
    """
    office, port = Office([], {"phones": SERVICES + plan}), free_port()
    files = office.configuration()
    files["pjsip.conf"] += BROWSER.format(host=HOST, codecs=codecs).replace("webrtc=yes\n", f"webrtc=yes\n{options}") + others
    files["http.conf"] = f"[general]\nenabled=yes\nbindaddr={HOST}\nbindport={port}\n"
    server = factory(files)

    async def run() -> None:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))
        async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{HOST}:{port}/ws", protocols=("sip",)) as socket:
            try:
                await play(Browser(socket, "browser"), peer, server)
            finally:
                await peer.close()

    asyncio.run(run())
    server.wait_idle()


def body_of(message: str) -> str:
    return message.partition("\r\n\r\n")[2]


async def hang_up(browser: Browser, answer: str) -> None:
    to = re.search(r"(?m)^To: (.*?)\r$", answer)
    assert to is not None
    await browser.ask("BYE", f"sip:600@{HOST}", to=to[1])
    while not (await browser.receive()).startswith("SIP/2.0 200 "):
        pass


@pytest.mark.parametrize(("codecs", "mime"), [("ulaw", "audio/PCMU"), ("opus", "audio/opus")])
def test_a_page_calls_and_hears_its_own_tone(globstar_process: ServerFactory, codecs: str, mime: str) -> None:
    """The page offers: ICE, DTLS and SRTP by aiortc, an echo by the server."""

    async def play(browser: Browser, peer: RTCPeerConnection, server: GlobstarProcess) -> None:
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        transceiver = peer.addTransceiver(Tone())
        transceiver.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == mime])
        await peer.setLocalDescription(await peer.createOffer())
        await browser.ask("INVITE", f"sip:600@{HOST}", body=peer.localDescription.sdp, to=f"<sip:600@{HOST}>")
        answer = await browser.receive()
        while answer.startswith("SIP/2.0 1"):
            answer = await browser.receive()
        assert answer.startswith("SIP/2.0 200 "), answer
        to = re.search(r"(?m)^To: (.*?)\r$", answer)
        assert to is not None
        browser.number -= 1
        await browser.ask("ACK", f"sip:600@{HOST}", to=to[1])
        await peer.setRemoteDescription(RTCSessionDescription(body_of(answer), "answer"))
        assert await hears(tracks[0], 440)
        assert peer.connectionState == "connected"
        await hang_up(browser, answer)

    with_page(globstar_process, codecs, play)


def test_a_page_is_called_and_hears_the_milliwatt(globstar_process: ServerFactory) -> None:
    """The server offers, and begins ICE as the controlling side."""

    async def play(browser: Browser, peer: RTCPeerConnection, server: GlobstarProcess) -> None:
        tracks: list[MediaStreamTrack] = []
        peer.on("track", tracks.append)
        await browser.ask("REGISTER", f"sip:{HOST}")
        assert (await browser.receive()).startswith("SIP/2.0 200 ")
        calling = asyncio.ensure_future(asyncio.to_thread(server.cli, "channel originate PJSIP/browser application Milliwatt"))
        invite = await browser.receive()
        assert invite.startswith("INVITE ")
        await peer.setRemoteDescription(RTCSessionDescription(body_of(invite), "offer"))
        peer.addTrack(Tone())
        await peer.setLocalDescription(await peer.createAnswer())
        await browser.answer(invite, "200 OK", peer.localDescription.sdp)
        assert (await browser.receive()).startswith("ACK ")
        assert await hears(tracks[0], 1004)
        await asyncio.to_thread(server.cli, "channel request hangup all")
        bye = await browser.receive()
        assert bye.startswith("BYE ")
        await browser.answer(bye, "200 OK")
        await calling

    with_page(globstar_process, "ulaw,opus", play)


class Picture(VideoStreamTrack):
    """A plain picture of one colour, ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(0.1)
        frame = VideoFrame.from_ndarray(np.full((120, 160, 3), (40, 200, 80), np.uint8), format="rgb24")
        frame.pts, frame.time_base = self.at, fractions.Fraction(1, 90000)
        self.at += 9000
        return frame


async def sees(track: MediaStreamTrack, seconds: float = 60) -> bool:
    """Whether the picture comes."""
    async with asyncio.timeout(seconds):
        while True:
            frame = await track.recv()
            assert isinstance(frame, VideoFrame)
            red, green, blue = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
            if abs(red - 40) < 25 and abs(green - 200) < 25 and abs(blue - 80) < 25:
                return True


@pytest.mark.parametrize("policy", [RTCBundlePolicy.MAX_BUNDLE, RTCBundlePolicy.MAX_COMPAT])
def test_rfc9143_sound_and_picture_over_one_transport(globstar_process: ServerFactory, policy: RTCBundlePolicy) -> None:
    """An echo of both; with each policy the two share ports, ICE and DTLS."""

    async def play(browser: Browser, peer: RTCPeerConnection, server: GlobstarProcess) -> None:
        tracks: dict[str, MediaStreamTrack] = {}
        peer.on("track", lambda track: tracks.__setitem__(track.kind, track))
        peer.addTransceiver(Tone())
        video = peer.addTransceiver(Picture())
        video.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == "video/VP8"])
        await peer.setLocalDescription(await peer.createOffer())
        await browser.ask("INVITE", f"sip:600@{HOST}", body=peer.localDescription.sdp, to=f"<sip:600@{HOST}>")
        answer = await browser.receive()
        while answer.startswith("SIP/2.0 1"):
            answer = await browser.receive()
        assert answer.startswith("SIP/2.0 200 "), answer
        to = re.search(r"(?m)^To: (.*?)\r$", answer)
        assert to is not None
        browser.number -= 1
        await browser.ask("ACK", f"sip:600@{HOST}", to=to[1])
        assert "a=group:BUNDLE 0 1\r\n" in answer
        ports = re.findall(r"m=\w+ (\d+) ", answer)
        assert ports == [ports[0]] * 2
        assert "a=candidate:" not in answer.partition("m=video")[2]
        await peer.setRemoteDescription(RTCSessionDescription(body_of(answer), "answer"))
        assert await hears(tracks["audio"], 440)
        assert await sees(tracks["video"])
        assert peer.connectionState == "connected"
        await hang_up(browser, answer)

    with_page(globstar_process, "ulaw,vp8", play, policy)


def test_a_page_is_called_with_sound_and_picture(globstar_process: ServerFactory) -> None:
    """Our offer has two transports; the page chooses the first for both."""

    async def play(browser: Browser, peer: RTCPeerConnection, server: GlobstarProcess) -> None:
        tracks: dict[str, MediaStreamTrack] = {}
        peer.on("track", lambda track: tracks.__setitem__(track.kind, track))
        await browser.ask("REGISTER", f"sip:{HOST}")
        assert (await browser.receive()).startswith("SIP/2.0 200 ")
        calling = asyncio.ensure_future(asyncio.to_thread(server.cli, "channel originate PJSIP/browser application Echo"))
        invite = await browser.receive()
        assert invite.startswith("INVITE ")
        assert "a=group:BUNDLE audio-0 video-1\r\n" in invite
        await peer.setRemoteDescription(RTCSessionDescription(body_of(invite), "offer"))
        peer.addTrack(Tone())
        peer.addTrack(Picture())
        await peer.setLocalDescription(await peer.createAnswer())
        assert "a=group:BUNDLE audio-0 video-1\r\n" in peer.localDescription.sdp
        await browser.answer(invite, "200 OK", peer.localDescription.sdp)
        assert (await browser.receive()).startswith("ACK ")
        assert await hears(tracks["audio"], 440)
        assert await sees(tracks["video"])
        await asyncio.to_thread(server.cli, "channel request hangup all")
        bye = await browser.receive()
        assert bye.startswith("BYE ")
        await browser.answer(bye, "200 OK")
        await calling

    with_page(globstar_process, "ulaw,vp8", play, RTCBundlePolicy.MAX_BUNDLE)

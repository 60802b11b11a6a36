"""Chromium calls and is called: ICE, DTLS-SRTP and codecs of a real browser, over SIP by WebSocket, with webrtc=yes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.interop.sip.test_rfc7118_websocket import Browser
from tests.interop.support.chromium import Page, chromium_page
from tests.interop.support.office import SERVICES, Office
from tests.interop.test_browser_media import BROWSER, body_of, hang_up
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess, ServerFactory

#: A page that sends a tone and a picture, and measures what comes: the strongest frequency, pictures that were decoded.
SCRIPT = """
globalThis.phone = {
  async start({video}) {
    this.peer = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    this.sound = new AudioContext({sampleRate: 48000});
    const tone = this.sound.createOscillator(), out = this.sound.createMediaStreamDestination();
    tone.frequency.value = 440; tone.connect(out); tone.start();
    const tracks = this.tracks = [out.stream.getAudioTracks()[0]];
    if (video) {
      const canvas = document.createElement('canvas'); canvas.width = 160; canvas.height = 120;
      const pen = canvas.getContext('2d'); let at = 0;
      setInterval(() => { pen.fillStyle = `rgb(40, 200, ${at++ % 80})`; pen.fillRect(0, 0, 160, 120); }, 66);
      tracks.push(canvas.captureStream(15).getVideoTracks()[0]);
    }
    this.peer.ontrack = ({track, streams}) => {
      const stream = new MediaStream([track]), player = document.createElement(track.kind);
      player.srcObject = stream; player.muted = true; player.play(); document.body.appendChild(player);
      if (track.kind !== 'audio') return;
      const ear = this.sound.createAnalyser(); ear.fftSize = 4096;
      this.sound.createMediaStreamSource(stream).connect(ear);
      this.ears.push(ear);
    };
    this.ears = [];
    this.send = () => tracks.forEach(track => this.peer.addTrack(track));
  },
  another(hertz) {
    const tone = this.sound.createOscillator(), out = this.sound.createMediaStreamDestination();
    tone.frequency.value = hertz; tone.connect(out); tone.start();
    this.tracks.push(out.stream.getAudioTracks()[0]);
  },
  async gathered() {
    while (this.peer.iceGatheringState !== 'complete') await new Promise(done => setTimeout(done, 20));
    return this.peer.localDescription.sdp;
  },
  async offer(codecs) {
    this.send();
    for (const line of this.peer.getTransceivers()) {
      const kind = line.sender.track.kind, all = RTCRtpSender.getCapabilities(kind).codecs;
      line.setCodecPreferences(all.filter(codec => codecs.includes(codec.mimeType)));
    }
    await this.peer.setLocalDescription();
    return this.gathered();
  },
  async answer(sdp) {
    await this.peer.setRemoteDescription({type: 'offer', sdp});
    this.send();
    await this.peer.setLocalDescription();
    return this.gathered();
  },
  async restart() {
    this.peer.restartIce();
    await this.peer.setLocalDescription();
    return this.gathered();
  },
  async lost() {
    const lines = [...(await this.peer.getStats()).values()];
    return lines.filter(line => line.type === 'inbound-rtp').map(line => [line.packetsReceived, line.packetsLost]);
  },
  async hearsAll() {
    await this.sound.resume();
    return this.ears.map(ear => {
      const levels = new Float32Array(ear.frequencyBinCount);
      ear.getFloatFrequencyData(levels);
      const best = levels.indexOf(Math.max(...levels));
      return [best * this.sound.sampleRate / ear.fftSize, levels[best]];
    });
  },
  async hears() {
    return (await this.hearsAll())[0] || [0, -200];
  },
  async again(sdp) {
    await this.peer.setRemoteDescription({type: 'offer', sdp});
    await this.peer.setLocalDescription();
    return this.peer.localDescription.sdp;
  },
  async videos() {
    const lines = [...(await this.peer.getStats()).values()];
    return lines.filter(line => line.type === 'inbound-rtp' && line.kind === 'video').map(line => line.framesDecoded || 0);
  },
};
"""


async def hears(page: Page, hertz: float) -> None:
    """A tone comes, and is there ten looks in a row."""
    good, heard = 0, []
    async with asyncio.timeout(60):
        while good < 10:
            await asyncio.sleep(0.1)
            frequency, level = await page.run("phone.hears()")
            heard.append((frequency, level))
            good = good + 1 if abs(frequency - hertz) < 25 and level > -60 else 0


async def sees(page: Page, streams: int = 1) -> None:
    """Pictures of so many streams are decoded."""
    async with asyncio.timeout(60):
        while True:
            if sum(frames >= 10 for frames in await page.run("phone.videos()")) >= streams:
                return
            await asyncio.sleep(0.1)


def with_chromium(
    factory: ServerFactory, folder: Path, codecs: str, play: Callable[[Browser, Page, GlobstarProcess], Awaitable[None]],
    *, video: bool = False, files: dict[str, str] | None = None, plan: str = "", options: str = "",
) -> None:  # fmt: skip
    """A server, a page, and the WebSocket of its SIP; ``options`` are more of the page's endpoint."""
    office, port = Office([], {"phones": SERVICES + plan}), free_port()
    files = {**office.configuration(), **(files or {})}
    files["pjsip.conf"] += BROWSER.format(host=HOST, codecs=codecs).replace("webrtc=yes\n", f"webrtc=yes\n{options}")
    files["http.conf"] = f"[general]\nenabled=yes\nbindaddr={HOST}\nbindport={port}\n"
    server = factory(files)

    async def run() -> None:
        async with (
            chromium_page(folder) as page,
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://{HOST}:{port}/ws", protocols=("sip",)) as socket,
        ):
            await page.run(SCRIPT + f"phone.start({json.dumps({'video': video})})")
            await play(Browser(socket, "browser"), page, server)

    asyncio.run(run())
    server.wait_idle()


async def call_echo(browser: Browser, page: Page, *codecs: str, number: str = "600") -> str:
    """The page calls the echo; gives the answer."""
    offer = await page.run(f"phone.offer({json.dumps(codecs)})")
    answer = await send_offer(browser, offer, f"<sip:{number}@{HOST}>", number)
    await take_answer(browser, page, answer, number)
    return answer


async def send_offer(browser: Browser, offer: str, to: str, number: str = "600") -> str:
    """An INVITE with this offer; gives the 200."""
    await browser.ask("INVITE", f"sip:{number}@{HOST}", body=offer, to=to)
    answer = await browser.receive()
    while answer.startswith("SIP/2.0 1"):
        answer = await browser.receive()
    assert answer.startswith("SIP/2.0 200 "), answer
    return answer


async def take_answer(browser: Browser, page: Page, answer: str, number: str = "600") -> None:
    """Confirm a 200, and give its answer to the page."""
    to = re.search(r"(?m)^To: (.*?)\r$", answer)
    assert to is not None
    browser.number -= 1
    await browser.ask("ACK", f"sip:{number}@{HOST}", to=to[1])
    await page.run(f"phone.peer.setRemoteDescription({json.dumps({'type': 'answer', 'sdp': body_of(answer)})})")


@pytest.mark.parametrize(("codecs", "mime"), [("opus", "audio/opus"), ("ulaw", "audio/PCMU"), ("g722", "audio/G722")])
def test_chromium_calls_and_hears_its_own_tone(globstar_process: ServerFactory, tmp_path: Path, codecs: str, mime: str) -> None:
    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        answer = await call_echo(browser, page, mime)
        await hears(page, 440)
        assert await page.run("phone.peer.connectionState") == "connected"
        await hang_up(browser, answer)

    with_chromium(globstar_process, tmp_path, codecs, play)


def test_rfc8445_9_chromium_restarts_ice_in_a_call(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """Both sides get new credentials, find the way again, and lose no packet of the voice over that."""

    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        answer = await call_echo(browser, page, "audio/opus")
        await hears(page, 440)
        ((before, lost),) = await page.run("phone.lost()")
        to = re.search(r"(?m)^To: (.*?)\r$", answer)
        assert to is not None
        again = await send_offer(browser, await page.run("phone.restart()"), to[1])
        first, second = (re.findall(r"a=ice-ufrag:(\S+)", text) for text in (answer, again))
        assert len(first) == len(second) == 1
        assert first != second
        await take_answer(browser, page, again)
        await hears(page, 440)
        assert await page.run("phone.peer.iceConnectionState") == "connected"
        async with asyncio.timeout(60):  # one that comes later than its successor, by the former way, counts as lost until then
            while True:
                ((after, now_lost),) = await page.run("phone.lost()")
                if after > before and now_lost == lost:
                    break
                await asyncio.sleep(0.1)
        await hang_up(browser, again)

    with_chromium(globstar_process, tmp_path, "opus", play)


@pytest.mark.parametrize("video", ["vp8", "h264"])
def test_chromium_calls_with_a_picture_over_one_transport(globstar_process: ServerFactory, tmp_path: Path, video: str) -> None:
    """max-bundle: the line of the picture lives in the bundle alone."""

    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        answer = await call_echo(browser, page, "audio/opus", f"video/{video.upper()}")
        assert re.search(r"a=group:BUNDLE 0 1\r", answer)
        await hears(page, 440)
        await sees(page)
        await hang_up(browser, answer)

    with_chromium(globstar_process, tmp_path, f"opus,{video}", play, video=True)


def test_chromium_is_called_with_sound_and_picture(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """Our offer: Chromium answers as the controlled side of ICE, and begins or waits for DTLS as it likes."""

    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        await browser.ask("REGISTER", f"sip:{HOST}")
        assert (await browser.receive()).startswith("SIP/2.0 200 ")
        calling = asyncio.ensure_future(asyncio.to_thread(server.cli, "channel originate PJSIP/browser application Echo"))
        invite = await browser.receive()
        assert invite.startswith("INVITE ")
        answer = await page.run(f"phone.answer({json.dumps(body_of(invite))})")
        await browser.answer(invite, "200 OK", answer)
        assert (await browser.receive()).startswith("ACK ")
        await hears(page, 440)
        await sees(page)
        await asyncio.to_thread(server.cli, "channel request hangup all")
        bye = await browser.receive()
        assert bye.startswith("BYE ")
        await browser.answer(bye, "200 OK")
        await calling

    with_chromium(globstar_process, tmp_path, "opus,vp8", play, video=True)


def test_chromium_is_shown_more_pictures_than_it_has_asked_for(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """Lines that a re-INVITE of ours adds come into the bundle, and all of them show moving pictures."""

    async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
        answer = await call_echo(browser, page, "audio/opus", "video/VP8", number="630")
        again = await browser.receive()
        assert again.startswith("INVITE "), again
        assert body_of(again).count("m=video") == 3

        reply = await page.run(f"phone.again({json.dumps(body_of(again))})")

        assert reply.count("m=video") == 3
        await browser.answer(again, "200 OK", reply)
        assert (await browser.receive()).startswith("ACK ")
        await sees(page, 3)
        await hears(page, 440)
        await hang_up(browser, answer)

    plan = "exten => 630,1,Answer(,i)\n same => n,StreamEcho(3)\n"
    options = "max_video_streams=3\n"
    with_chromium(globstar_process, tmp_path, "opus,vp8", play, video=True, plan=plan, options=options)

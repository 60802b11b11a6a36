"""JsSIP, a SIP stack for browsers, in Chromium: registration, calls both ways, hold, digits, transfer, with webrtc=yes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.interop.support.chromium import Page, chromium_page
from tests.interop.support.office import SERVICES, Office
from tests.interop.support.programs import require_jssip
from tests.interop.test_browser_media import BROWSER
from tests.interop.test_chromium import SCRIPT, hears
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess, ServerFactory

PASSWORD = "cat-walks-home"
#: A user agent whose calls send the tone of the page's own phone, and the events of its calls in order.
AGENT = """
Object.assign(phone, {
  log: [],
  listen(session) {
    this.session = session;
    for (const name of ['accepted', 'ended', 'failed', 'hold', 'unhold'])
      session.on(name, event => this.log.push(name + (event.cause ? ' ' + event.cause : '')));
    const watch = peer => peer.addEventListener('track', event => this.peer.ontrack(event));
    if (session.connection) watch(session.connection); else session.on('peerconnection', event => watch(event.peerconnection));
  },
  async connect(port, password) {
    const tone = this.sound.createOscillator(), out = this.sound.createMediaStreamDestination();
    tone.frequency.value = 440; tone.connect(out); tone.start();
    this.options = {mediaStream: out.stream, pcConfig: {bundlePolicy: 'max-bundle'}, rtcOfferConstraints: {}};
    this.agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`ws://HOST:${port}/ws`)], uri: 'sip:browser@HOST', password, register_expires: 120,
    });
    this.agent.on('newRTCSession', ({session}) => {
      this.listen(session);
      if (session.direction === 'incoming') session.answer(this.options);
    });
    return new Promise(done => {
      this.agent.on('registered', () => done('registered'));
      this.agent.on('registrationFailed', ({cause}) => done(cause));
      this.agent.start();
    });
  },
  call(number) { this.agent.call(`sip:${number}@HOST`, this.options); },
  waitFor(event) {
    return new Promise(done => {
      const look = () => this.log.some(name => name.startsWith(event)) ? done(this.log) : setTimeout(look, 20);
      look();
    });
  },
});
"""


def with_jssip(factory: ServerFactory, folder: Path, play: Callable[[Page, GlobstarProcess, int], Awaitable[None]]) -> None:
    """A server, and a page with JsSIP."""
    script = require_jssip()
    services = (
        SERVICES
        + "exten => 690,1,Answer()\n same => n,Read(GOT,,3,,1,60)\n same => n,Set(DB(got/digits)=${GOT})\n same => n,Wait(30)\n"
    )
    office, port = Office([], {"phones": services}), free_port()
    files = office.configuration()
    files["pjsip.conf"] += BROWSER.format(host=HOST, codecs="opus,ulaw").replace("webrtc=yes", "webrtc=yes\nauth=browser")
    files["pjsip.conf"] += f"[browser]\ntype=auth\nauth_type=userpass\nusername=browser\npassword={PASSWORD}\n"
    files["http.conf"] = f"[general]\nenabled=yes\nbindaddr={HOST}\nbindport={port}\n"
    server = factory(files)

    async def run() -> None:
        async with chromium_page(folder) as page:
            await page.run(script + ";globalThis.JsSIP = JsSIP;" + SCRIPT + "phone.start({video: false})")
            await page.run(AGENT.replace("HOST", HOST))
            await play(page, server, port)

    asyncio.run(run())
    server.wait_idle()


async def connect(page: Page, port: int, password: str = PASSWORD) -> str:
    return str(await page.run(f"phone.connect({port}, {json.dumps(password)})"))


def test_jssip_registers_with_its_password_only(globstar_process: ServerFactory, tmp_path: Path) -> None:
    async def play(page: Page, server: GlobstarProcess, port: int) -> None:
        assert await connect(page, port, "wrong") == "Authentication Error"
        await page.run("phone.agent.stop()")
        assert await connect(page, port) == "registered"
        assert "Objects found: 1" in await asyncio.to_thread(server.cli, "pjsip show contacts")
        await page.run("new Promise(done => { phone.agent.on('unregistered', done); phone.agent.unregister(); })")
        assert "No objects found" in await asyncio.to_thread(server.cli, "pjsip show contacts")

    with_jssip(globstar_process, tmp_path, play)


def test_jssip_calls_holds_and_hangs_up(globstar_process: ServerFactory, tmp_path: Path) -> None:
    async def play(page: Page, server: GlobstarProcess, port: int) -> None:
        assert await connect(page, port) == "registered"
        await page.run("phone.call('600')")
        await page.run("phone.waitFor('accepted')")
        await hears(page, 440)
        await page.run("new Promise(done => phone.session.hold({}, done))")
        assert await page.run("phone.session.isOnHold().local")
        await page.run("new Promise(done => phone.session.unhold({}, done))")
        await hears(page, 440)
        await page.run("phone.session.terminate()")
        assert await page.run("phone.waitFor('ended')") == ["accepted", "hold", "unhold", "ended Terminated"]

    with_jssip(globstar_process, tmp_path, play)


def test_jssip_is_called_and_the_caller_hangs_up(globstar_process: ServerFactory, tmp_path: Path) -> None:
    async def play(page: Page, server: GlobstarProcess, port: int) -> None:
        assert await connect(page, port) == "registered"
        calling = asyncio.ensure_future(asyncio.to_thread(server.cli, "channel originate PJSIP/browser application Milliwatt"))
        await page.run("phone.waitFor('accepted')")
        await hears(page, 1004)
        await asyncio.to_thread(server.cli, "channel request hangup all")
        assert await page.run("phone.waitFor('ended')") == ["accepted", "ended Terminated"]
        await calling

    with_jssip(globstar_process, tmp_path, play)


def test_jssip_sends_digits_in_its_media(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """RFC 4733 from the browser's own sender."""

    async def play(page: Page, server: GlobstarProcess, port: int) -> None:
        assert await connect(page, port) == "registered"
        await page.run("phone.call('690')")
        await page.run("phone.waitFor('accepted')")
        async with asyncio.timeout(60):  # with keys agreed, before which nothing goes out
            while await page.run("phone.session.connection.connectionState") != "connected":  # noqa: ASYNC110 - the page tells nobody
                await asyncio.sleep(0.1)
        await page.run("phone.session.sendDTMF('159', {transportType: 'RFC2833', duration: 100, interToneGap: 100})")
        async with asyncio.timeout(60):
            while True:
                if "159" in await asyncio.to_thread(server.cli, "database get got digits"):
                    break
                await asyncio.sleep(0.2)
        await page.run("phone.session.terminate()")
        await page.run("phone.waitFor('ended')")

    with_jssip(globstar_process, tmp_path, play)

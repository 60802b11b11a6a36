"""Runs Debian's baresip as a phone: registers, dials, plays a tone, records what it hears.

Two traits of baresip 1.0.0 shape this: without ``net_interface 127.0.0.1`` it advertises another address than
loopback for media, and its sndfile recording of the far end stops when the call is held from this side.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Self

import numpy as np

from tests.interop.support.audio import Samples, read_wav, sine, tone_seconds, write_wav
from tests.interop.support.programs import require
from tests.support.loopback import HOST, free_port, wait_until

MODULES = "/usr/lib/baresip/modules"

CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
net_interface {host}
audio_player aubridge,player
audio_source aufile,{directory}/tone.wav
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_end}
rtp_stats yes
jitter_buffer_type fixed
jitter_buffer_delay 1-10
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
snd_path {directory}/recorded
"""


class Baresip:
    """One phone. ``tone`` is what it plays into the call."""

    def __init__(
        self,
        directory: Path,
        user: str,
        *,
        registrar: int | None = None,
        password: str = "",
        tone: float = 440,
        codecs: str = "pcmu",
        auto_answer: bool = False,
        transport: str = "udp",
        tone_seconds: float = 60,
        modules: tuple[str, ...] = (),
        contacts: str = "",
        account: tuple[str, ...] = (),
        authority: Path | None = None,
        media_encryption: str = "",
        codec_modules: tuple[str, ...] = (),
    ) -> None:
        self.user = user
        self.directory = directory
        self.port = free_port(2)
        self.control = free_port()
        self.rtp = free_port(10)
        (directory / "recorded").mkdir(parents=True)
        write_wav(directory / "tone.wav", sine(tone, tone_seconds))
        values = {"host": HOST, "port": self.port, "directory": directory, "rtp": self.rtp, "rtp_end": self.rtp + 9}
        text = CONFIG.format(**values, control=self.control, modules=MODULES)
        text += "".join(f"module_app {name}.so\n" for name in modules)
        text += "".join(f"module {name}.so\n" for name in codec_modules if name != "g711")
        if authority is not None:  # TLS: the server's certificate is checked
            text += f"sip_cafile {authority}\nsip_verify_server yes\n"
        if "medianat=ice" in account:
            text += "module ice.so\n"
        if media_encryption:
            text += f"module {'dtls_srtp' if media_encryption.startswith('dtls') else 'srtp'}.so\n"
        (directory / "config").write_text(text)
        domain = f"{HOST}:{registrar or self.port}"
        options = [
            f"auth_user={user}",
            f"auth_pass={password}",
            f"regint={60 if registrar else 0}",
            f"audio_codecs={codecs}",
            f"answermode={'auto' if auto_answer else 'manual'}",
            *account,
        ]
        if media_encryption:
            options.append(f"mediaenc={media_encryption}")
        line = f"<sip:{user}@{domain};transport={transport}>;" + ";".join(options)
        (directory / "accounts").write_text("")
        (directory / "contacts").write_text(contacts)
        self.domain = domain
        self.events: list[dict[str, Any]] = []
        self._replies: list[dict[str, Any]] = []
        self._buffer = b""
        self._closed = threading.Event()
        self._output = (directory / "output.txt").open("wb")
        self.process = subprocess.Popen(
            [require("baresip"), "-f", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        try:
            self._socket = self._connect()
        except BaseException:
            self.process.kill()
            self.process.wait()
            self._output.close()
            raise
        self._thread = threading.Thread(target=self._read, name=f"baresip-{user}", daemon=True)
        self._thread.start()
        # The account comes by command and not from the file, as a registration that starts with the program
        # may be over before its events can be seen.
        self.command("uanew", line)

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 45
        while True:
            try:
                control = socket.create_connection((HOST, self.control), timeout=1)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"baresip does not start:\n{self.output()}") from None
                time.sleep(0.05)
            else:
                control.settimeout(0.2)
                return control

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the phone as a person would (quit unregisters), by force after 45 seconds."""
        if self.process.poll() is None:
            self._send("quit")
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._closed.set()
        self._thread.join()
        self._socket.close()
        self._output.close()

    def output(self) -> str:
        """What baresip printed."""
        return (self.directory / "output.txt").read_text(errors="replace").replace("\r", "\n")

    # --- remote control: JSON in netstrings

    def _read(self) -> None:
        while not self._closed.is_set():
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            self._buffer += data
            while (colon := self._buffer.find(b":")) > 0:
                size = int(self._buffer[:colon])
                if len(self._buffer) < colon + size + 2:
                    break
                message = json.loads(self._buffer[colon + 1 : colon + 1 + size])
                self._buffer = self._buffer[colon + size + 2 :]
                (self.events if message.get("event") else self._replies).append(message)

    def _send(self, command: str, parameters: str = "") -> str:
        token = str(time.monotonic_ns())
        text = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))
        return token

    def command(self, command: str, parameters: str = "") -> str:
        """Run a command of baresip's menu and return its output."""
        token = self._send(command, parameters)
        replies: list[dict[str, Any]] = []

        def arrived() -> bool:
            replies[:] = [reply for reply in self._replies if reply.get("token") == token]
            return bool(replies)

        wait_until(arrived, 20, f"baresip's reply to {command}")
        assert replies[0]["ok"], f"{command} {parameters}: {replies[0]}"
        return str(replies[0].get("data", ""))

    def wait_event(self, kind: str, timeout: float = 10, count: int = 1) -> dict[str, Any]:
        """Until the ``count``-th event of that type has come; returns it."""

        def seen() -> list[dict[str, Any]]:
            return [event for event in self.events if event["type"] == kind]

        try:
            wait_until(lambda: len(seen()) >= count, timeout, f"{kind} at baresip {self.user}")
        except AssertionError as error:
            kinds = [f"{event['type']} {event.get('param', '')}" for event in self.events]
            raise AssertionError(f"{error}; it saw {kinds}\n{self.output()[-2000:]}") from None
        return seen()[count - 1]

    # --- what a person does with a phone

    def wait_registered(self, timeout: float = 10) -> None:
        """Until the registrar has accepted the registration."""
        self.wait_event("REGISTER_OK", timeout)

    def dial(self, number: str, server: int | None = None) -> None:
        """Call ``number`` at this phone's server, or at another port."""
        self.command("dial", f"sip:{number}@{HOST}:{server}" if server else f"sip:{number}@{self.domain}")

    def accept(self) -> None:
        """Answer the ringing call."""
        self.command("accept")

    def hangup(self) -> None:
        """End, refuse or give up the current call."""
        self.command("hangup")

    def hold(self) -> None:
        """Put the call on hold."""
        self.command("hold")

    def resume(self) -> None:
        """Take the call back from hold."""
        self.command("resume")

    def press(self, digits: str) -> None:
        """Send digits (RFC 4733)."""
        self.command("sndcode", digits)

    def hearing(self) -> Samples:
        """What the far end has said so far, while the call goes on: the headers of the recordings are not complete yet."""
        recordings = [path.read_bytes()[44:] for path in sorted((self.directory / "recorded").glob("dump-*-dec.wav"))]
        return np.frombuffer(b"".join(data[: len(data) // 2 * 2] for data in recordings), "<i2")

    def wait_tone(self, hertz: float, seconds: float, timeout: float = 30) -> None:
        """Until that tone has been heard for so long in all."""
        what = f"{seconds} s of {hertz} Hz at baresip {self.user}"
        wait_until(lambda: tone_seconds(self.hearing(), hertz) >= seconds, timeout, what, interval=0.1)

    def heard(self) -> Samples:
        """What the far end said, from the recordings that are complete (after the call)."""
        files = sorted((self.directory / "recorded").glob("dump-*-dec.wav"))
        return np.concatenate([read_wav(path) for path in files]) if files else np.zeros(0, np.int16)

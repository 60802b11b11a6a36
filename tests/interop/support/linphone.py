"""linphonec without a sound card, driven by its prompt; the server's other phone beside baresip."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Self

from tests.interop.support.programs import require
from tests.support.loopback import HOST, free_port, wait_until

CONFIGURATION = """\
[sip]
sip_port={port}
sip_tcp_port={port}
sip_tls_port=-1
guess_hostname=0
contact=sip:{user}@{host}
default_proxy=0
use_info={info}
media_encryption={encryption}
media_encryption_mandatory={mandatory}
root_ca={authority}
verify_server_certs=1
verify_server_cn=1
publish_presence=0
[rtp]
audio_rtp_port={rtp}
[video]
enabled=0
capture=0
display=0
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0
dial_escape_plus=0
[auth_info_0]
username={user}
userid={user}
passwd={password}
realm=asterisk
domain={domain}
"""

FRIEND = """\
[friend_{index}]
url="{user}" <sip:{user}@{domain}>
pol=accept
subscribe=1
"""


class Linphone:
    """One phone; a context manager that ends it."""

    def __init__(
        self,
        directory: Path,
        user: str,
        password: str,
        server: int,
        *,
        transport: str = "udp",
        host: str = HOST,
        authority: Path | None = None,
        encryption: str = "none",
        friends: tuple[str, ...] = (),
    ) -> None:
        self.directory = directory / f"linphone-{user}"
        for folder in (".local/share/linphone", ".config"):
            (self.directory / folder).mkdir(parents=True)
        text = CONFIGURATION.format(
            port=free_port(2),
            rtp=free_port(2),
            user=user,
            password=password,
            host=HOST,
            domain=host,
            server=f"{host}:{server}",
            transport=transport,
            encryption=encryption.removesuffix("!"),
            mandatory=int(encryption.endswith("!")),
            authority=authority or "",
            info=0,
        )
        text += "".join(FRIEND.format(index=index, user=friend, domain=host) for index, friend in enumerate(friends))
        configuration = self.directory / "linphonerc"
        configuration.write_text(text)
        self.log = self.directory / "log.txt"
        self._output = self.directory / "output.txt"
        self._file = self._output.open("wb")
        self.process = subprocess.Popen(
            [require("linphonec"), "-c", str(configuration), "-l", str(self.log), "-d", "6"],
            stdin=subprocess.PIPE,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            env={**os.environ, "HOME": str(self.directory), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""},
        )
        self._mark = 0
        self.send("soundcard use files")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            try:
                self.send("quit")
                self.process.wait(20)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self.process.kill()
                self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._file.close()

    def text(self) -> str:
        """All that it printed."""
        return self._output.read_text(errors="replace")

    def messages(self) -> str:
        """Its own log, with every SIP message."""
        return self.log.read_text(errors="replace") if self.log.is_file() else ""

    def listen(self) -> None:
        """What is printed from now on is what ``wait`` looks at."""
        self._mark = len(self.text())

    def send(self, command: str) -> None:
        """Type a command; what is printed from now on is what ``wait`` looks at."""
        self.listen()
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    def wait(self, pattern: str, timeout: float = 12) -> str:
        """Until ``pattern`` is printed after the last command, or since it listens; what was found."""
        found: list[str] = []

        def seen() -> bool:
            match = re.search(pattern, self.text()[self._mark :])
            found[:] = [match[0]] if match else []
            return match is not None

        wait_until(seen, timeout, lambda: f"linphone prints {pattern!r}:\n{self.text()[-2000:]}", interval=0.05)
        return found[0]

    def wait_message(self, pattern: str, timeout: float = 12) -> None:
        """Until a SIP message that fits stands in its log."""
        wait_until(lambda: re.search(pattern, self.messages()), timeout, f"linphone logs {pattern!r}", interval=0.1)

    def wait_registered(self) -> None:
        """Until it says that it is registered."""

        def registered() -> bool:
            self.send("status register")
            wait_until(lambda: "registered" in self.text()[self._mark :], 5, "an answer of linphone", interval=0.02)
            return "registered, identity" in self.text()[self._mark :]

        wait_until(registered, 15, lambda: f"linphone is registered:\n{self.text()[-1500:]}", interval=0.2)

    def call(self, number: str) -> None:
        """Call, and wait until media flow."""
        self.send(f"call {number}")
        self.wait("Media streams established")

    def play(self, sound: Path) -> None:
        """Play a sound into the call."""
        self.send(f"play {sound}")

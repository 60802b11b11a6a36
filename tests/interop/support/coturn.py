"""coturn: a STUN and TURN server for one user, on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from globstar.proto.stun import Kind, StunMessage
from tests.interop.support.programs import require
from tests.support.loopback import HOST, free_port

USER, PASSWORD, REALM = "globstar", "secret", "example.com"
#: Seconds that it may take to come up.
PATIENCE = 20.0


@contextmanager
def turn_server(folder: Path) -> Iterator[int]:
    """Runs it, and gives its port."""
    port = free_port()
    log = folder / "coturn.log"
    command = [
        require("turnserver"), "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp-relay", "--allow-loopback-peers",
        "--lt-cred-mech", "--fingerprint", f"--user={USER}:{PASSWORD}", f"--realm={REALM}",
        f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={port}", "--min-port=41000", "--max-port=41999",
        f"--pidfile={folder / 'coturn.pid'}", f"--userdb={folder / 'coturn.db'}", f"--log-file={log}", "--simple-log",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        _wait(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text() if log.exists() else "coturn has ended"
            probe.sendto(StunMessage(Kind.REQUEST, b"are you up??").build(), (HOST, port))
            try:
                probe.recv(1000)
            except OSError:
                continue
            return
    raise AssertionError("coturn does not answer")

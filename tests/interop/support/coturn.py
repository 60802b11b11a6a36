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
#: the file of its certificate
CERTIFICATE = "turn.pem"
#: Seconds that it may take to come up.
PATIENCE = 60.0


@contextmanager
def turn_server(folder: Path, *, with_tls: bool = False) -> Iterator[int]:
    """Runs it, and gives its port: UDP and TCP, with ``with_tls`` also TLS, under a certificate of its own in ``folder``."""
    port = free_port()
    log = folder / "coturn.log"
    tls = ["--no-tls"]
    if with_tls:
        _certify(folder)
        tls = [f"--cert={folder / CERTIFICATE}", f"--pkey={folder / 'turn.key'}", f"--tls-listening-port={port}"]
    command = [
        require("turnserver"), "-n", "--no-cli", *tls, "--no-dtls", "--no-tcp-relay", "--allow-loopback-peers",
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


def _certify(folder: Path) -> None:
    """A certificate for the address, which vouches for itself."""
    subprocess.run(
        [
            require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=turn", "-addext", f"subjectAltName=IP:{HOST}",
            "-keyout", str(folder / "turn.key"), "-out", str(folder / CERTIFICATE),
        ],
        check=True, capture_output=True,
    )  # fmt: skip


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

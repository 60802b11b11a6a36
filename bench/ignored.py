"""What a flood costs that comes from a source which is dropped."""

from __future__ import annotations

import re
import socket
import time

from bench.rig import Rig
from tests.interop.support.office import Office, Phone
from tests.support.loopback import HOST

SCANNER = "127.0.0.9"
DATAGRAMS, A_SECOND, BURST = 40_000, 8_000, 80
#: Loopback is not among what is never dropped.
DEFENCE = "[watch]\ntype=defence\nallow=192.0.2.1\n"


class _Watched(Office):
    def configuration(self) -> dict[str, str]:
        files = super().configuration()
        files["pjsip.conf"] += DEFENCE
        return files


class _WatchedRig(Rig):
    def make_office(self) -> Office:
        return _Watched([Phone("phone", "secret")], contexts={"phones": ""})

    def ignored(self) -> int:
        """Datagrams that were ignored so far."""
        found = re.search(r"^ignored *: (\d+)", self.server.cli("pjsip show defence"), re.MULTILINE)
        assert found is not None
        return int(found[1])


def ignored() -> float:
    """Microseconds of CPU for each REGISTER of a dropped source, at 8,000 a second."""
    with _WatchedRig() as rig, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
        rig.server.cli(f"pjsip defence drop {SCANNER} 600")
        scanner.bind((SCANNER, 0))
        data = (
            f"REGISTER sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {SCANNER}:5060;branch=z9hG4bK-1\r\nMax-Forwards: 70\r\n"
            f'From: "100" <sip:100@{HOST}>;tag=1\r\nTo: "100" <sip:100@{HOST}>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n'
            f"Contact: <sip:100@{SCANNER}:5060>\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        known, before, began = rig.ignored(), rig.cpu(), time.monotonic()
        for sent in range(0, DATAGRAMS, BURST):
            for _ in range(BURST):
                scanner.sendto(data, (HOST, rig.office.port))
            # the rate of the flood
            time.sleep(max(0.0, began + (sent + BURST) / A_SECOND - time.monotonic()))
        used = rig.cpu() - before
        return used / (rig.ignored() - known) * 1e6

"""The server under measurement and the SIPp callers that load it."""

from __future__ import annotations

import atexit
import shutil
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.interop.support.office import Office, Peer, Phone
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess

STEPS_A_TURN = 4
TURNS = 100_000

DIALPLAN = """\
exten => answer,1,Answer()
 same => n,Hangup()

exten => hold,1,Answer()
 same => n,Wait(600)

exten => lamp,hint,Custom:lamp

exten => relay,1,Dial(PJSIP/bob)
exten => watched,1,Dial(PJSIP/bob,,tT)

exten => steps,1,Set(i=0)
 same => n(top),NoOp(turn ${{i}} of {turns})
 same => n,Set(number=${{CALLERID(num)}})
 same => n,Set(i=$[${{i}} + 1])
 same => n,GotoIf($[${{i}} < {turns}]?top)
 same => n,Hangup()
"""

#: An installed server has its byte code on disk, whatever the environment of the benchmark says of that.
_BYTE_CODE = tempfile.mkdtemp(prefix="globstar-bench-byte-code-")
atexit.register(shutil.rmtree, _BYTE_CODE, ignore_errors=True)
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": _BYTE_CODE}

LOGGER = "[general]\n[logfiles]\nmessages => notice,warning,error\n"


class Rig:
    """One fresh server; a context manager. ``cpu()`` is its CPU time so far."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="globstar-bench-"))
        self.bob = free_port(2)
        self.office = self.make_office()
        self._stack = ExitStack()
        started = time.monotonic()
        self.server = GlobstarProcess(
            self.directory / "server", self.office.configuration(), environment={**ENVIRONMENT, **(environment or {})}
        )
        self.seconds_to_serve = self._wait_for_options() - started
        self.server.wait_booted()

    def make_office(self) -> Office:
        """What the server is configured with."""
        return Office(
            [Peer("alice"), Peer("bob", port=self.bob), Phone("phone", "secret")],
            contexts={"phones": DIALPLAN.format(turns=TURNS)},
            files={"logger.conf": LOGGER},
            rtp_ports=800,
            sheds_load=True,
        )

    def _wait_for_options(self) -> float:
        request = (
            f"OPTIONS sip:{HOST}:{self.office.port} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{{port}};branch=z9hG4bK{{n}}\r\n"
            f"From: <sip:alice@{HOST}>;tag=bench\r\nTo: <sip:{HOST}>\r\nCall-ID: bench-{{n}}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            probe.settimeout(0.01)
            for attempt in range(3000):
                probe.sendto(request.format(port=probe.getsockname()[1], n=attempt).encode(), (HOST, self.office.port))
                try:
                    probe.recv(4096)
                    return time.monotonic()
                except (TimeoutError, ConnectionRefusedError):
                    assert self.server.process.poll() is None, self.server.log_tail()
        raise AssertionError("no answer to OPTIONS within 30 s")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        problems = self.server.finish()
        log = self.server.log_tail() if problems else ""
        shutil.rmtree(self.directory, ignore_errors=True)
        if problems and kind is None:
            raise AssertionError(f"{problems}\n{log}")

    def cpu(self) -> float:
        return self.server.cpu_seconds()

    def sipp(self, scenario: Scenario, number: str, calls: int, rate: float, **options: object) -> Sipp:
        """SIPp as a caller."""
        arguments = {"remote": self.office.port, "number": number, "calls": calls, "rate": rate, "trace": False}
        timeout = calls / rate + 40
        return self._stack.enter_context(
            Sipp(scenario, self.directory, **{**arguments, "timeout": timeout, **options})  # type: ignore[arg-type]
        )

    def bob_answers(self, calls: int, **options: object) -> Sipp:
        """SIPp as bob, who answers at once until the caller hangs up."""
        scenario = Scenario("bob").expect_request("INVITE", routes=True)
        ports = "[field0]" if "arguments" in options else "6000"
        scenario.answer(ports).expect_request("BYE").reply(200, "OK")
        arguments = {"port": self.bob, "calls": calls, "trace": False, "timeout": 300}
        return self._stack.enter_context(
            Sipp(scenario, self.directory, **{**arguments, **options})  # type: ignore[arg-type]
        )

    def ports_file(self, name: str, count: int) -> tuple[str, ...]:
        """SIPp arguments that give every call an RTP port of its own as ``[field0]``."""
        first = free_port(2 * count)
        path = self.directory / f"{name}.csv"
        path.write_text("SEQUENTIAL\n" + "".join(f"{first + 2 * index}\n" for index in range(count)))
        return ("-inf", str(path))

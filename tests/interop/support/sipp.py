"""Runs SIPp and reads what it sent and received."""

from __future__ import annotations

import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.interop.support.programs import require
from tests.interop.support.scenario import Mark, Scenario
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import ENVIRONMENT

#: Between the messages of the trace; what was not expected is told again.
_HEAD = re.compile(r"^-{20,}[^\n]*\n(Unexpected )?(?:UDP|TCP) message (sent|received)[^\n]*\n\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message of SIPp's trace."""

    sent: bool
    text: str

    @property
    def start_line(self) -> str:
        return self.text.partition("\n")[0].strip()

    @property
    def status(self) -> int:
        """The status code of a response, 0 for a request."""
        match = re.match(r"SIP/2\.0 (\d{3})", self.text)
        return int(match[1]) if match else 0

    @property
    def method(self) -> str:
        """The method, of a response that of its CSeq."""
        if not self.status:
            return self.text.split(" ", 1)[0]
        return self.header("CSeq").split()[-1]

    def header(self, name: str) -> str:
        """The first header of that name, or the empty string."""
        match = re.search(rf"^{re.escape(name)}\s*:\s*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        return match[1] if match else ""

    @property
    def body(self) -> str:
        return re.split(r"\r?\n\r?\n", self.text, maxsplit=1)[-1]


def _place(host: str, port: int | None) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return f"{bracketed}:{port}" if port else bracketed


def _open_sockets(kind: str) -> list[list[str]]:
    """The lines of proc(5), /proc/net/udp and its like, of both families, without the header, in words."""
    files = (Path(f"/proc/net/{name}") for name in (kind, f"{kind}6"))
    return [line.split() for file in files if file.is_file() for line in file.read_text().splitlines()[1:]]


class Sipp:
    """One SIPp process; a context manager that ends it."""

    def __init__(
        self,
        scenario: Scenario,
        directory: Path,
        *,
        remote: int | None = None,
        number: str = "service",
        calls: int = 1,
        rate: float = 10,
        limit: int = 0,
        user: str = "",
        password: str = "",
        port: int = 0,
        transport: str = "u1",
        timeout: float = 90,
        trace: bool = True,
        control: int = 0,
        arguments: tuple[str, ...] = (),
        host: str = HOST,
    ) -> None:
        self.directory = directory / scenario.name
        self.directory.mkdir(parents=True)
        self.port = port or free_port(2)
        self.timeout = timeout
        self._holds = iter(scenario.holds)
        self._kind = "tcp" if transport.startswith("t") else "udp"
        path = self.directory / "scenario.xml"
        path.write_text(scenario.xml())
        command = [
            require("sipp"),
            _place(host, remote),
            *("-sf", str(path), "-i", host, "-mi", host, "-p", str(self.port), "-s", number, "-m", str(calls)),
            *("-key", "user", scenario.user),
            *("-r", f"{rate:g}", "-t", transport, "-nostdin", "-timeout", f"{timeout:g}", "-timeout_error"),
            *("-cp", str(control or free_port()), "-trace_err", "-error_file", str(self.directory / "errors.txt")),
            *("-trace_stat", "-stf", str(self.directory / "statistics.csv"), "-fd", "1"),
        ]
        if trace:
            command += ["-trace_msg", "-message_file", str(self.directory / "messages.txt")]
            command += ["-default_behaviors", "all,-abortunexp"]  # strangers() looks at what is unexpected
        if limit:
            command += ["-l", str(limit)]
        if user:
            command += ["-au", user, "-ap", password]
        self._output = (self.directory / "output.txt").open("wb")
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            env=ENVIRONMENT,
        )

        if remote is None:
            try:
                wait_until(self._listens, 20, lambda: f"SIPp listens at {self.port}:\n{self.report()}")
            except BaseException:
                self.__exit__()
                raise

    def _listens(self) -> bool:
        """Whether its port is open, or it has ended: who calls it before that has to repeat the request."""
        ends = {int(fields[1].rpartition(":")[2], 16) for fields in _open_sockets(self._kind)}
        return self.port in ends or self.process.poll() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()

    def wait(self) -> int:
        """The exit code: 0 when every call went as the scenario says."""
        return self.process.wait(self.timeout + 10)

    def passed(self) -> Self:
        """Wait, and fail with SIPp's own words unless every call went as the scenario says."""
        what = f"the end of SIPp {self.directory.name}"
        wait_until(lambda: self.process.poll() is not None or self.strangers(), self.timeout + 10, what)
        code, strangers = self.process.poll(), self.strangers()
        assert code == 0, f"SIPp {self.directory.name} ended with {code}\n{self.report()}"
        assert not strangers, f"SIPp {self.directory.name} got what it does not expect:\n{strangers[0]}\n{self.report()}"
        return self

    def strangers(self) -> list[str]:
        """The messages that were not expected where they came, without the repeated ones that had been expected once.

        Over UDP a message is repeated whose answer is late. SIPp knows that by itself only if no other has come between.
        """
        found = self._sections(told_again=True)
        came = self._sections() if found else []

        def is_copy(message: Message) -> bool:  # the last may be half written
            return sum(one.text.startswith(message.text.rstrip("\n")) for one in came) > found.count(message)

        return [message.text for message in dict.fromkeys(found) if not is_copy(message)]

    def report(self) -> str:
        """Errors and messages, for a failed test."""
        parts = []
        for name, limit in (("errors.txt", 3000), ("messages.txt", 12000)):
            path = self.directory / name
            if path.is_file():
                parts.append(f"--- {name}\n{path.read_text(errors='replace')[-limit:]}")
        return "\n".join(parts)

    def messages(self) -> list[Message]:
        """All messages in order."""
        return self._sections()

    def _sections(self, *, told_again: bool = False) -> list[Message]:
        path = self.directory / "messages.txt"
        text = path.read_text(errors="replace").replace("\r\n", "\n") if path.is_file() else ""
        heads = list(_HEAD.finditer(text))
        ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
        return [
            Message(head[2] == "sent", text[head.end() : end].rstrip("\n") + "\n")
            for head, end in zip(heads, ends, strict=True)
            if bool(head[1]) == told_again
        ]

    def saw(self, pattern: str, times: int = 1, *, copies: bool = False) -> bool:
        """Whether so many messages were sent or received in which the expression is found; a dot is any character there.

        One that was repeated is the same one, unless its ``copies`` count.
        """
        found = [message for message in self.messages() if re.search(pattern, message.text, re.DOTALL)]
        return len(found if copies else set(found)) >= times

    def _has_come_to(self, mark: Mark) -> bool:
        """Whether the step has been taken; what came again counts once."""
        found = [m for m in self.messages() if m.sent == mark.is_sent and m.text.startswith(mark.beginning)]
        return len(found if mark.is_sent else set(found)) >= mark.times

    def go_on(self) -> None:
        """End the next wait for the request GO, which is sent here as one of the call's, once SIPp has come to it.

        What the test has seen elsewhere may be on its way to SIPp, which takes nothing else before that. The headers of GO are
        those of what came last, so that SIPp can still answer that.
        """
        mark = next(self._holds)
        what = f"SIPp {self.directory.name} gets to {mark}"
        wait_until(lambda: self._has_come_to(mark), self.timeout, lambda: f"{what}:\n{self.report()}")
        messages = self.messages()
        call = messages[-2:][0].header("Call-ID")  # not the last, which may be half written
        last = next((m for m in reversed(messages) if not m.sent and m.header("Content-Length") and m.method != "GO"), None)
        headers = [f"Via: SIP/2.0/UDP {HOST};branch=z9hG4bKgo", f"From: <sip:go@{HOST}>;tag=go", f"To: <sip:sipp@{HOST}>"]
        headers.append("CSeq: 1 GO")
        if last is not None:
            headers = [f"{name}: {last.header(name)}" for name in ("Via", "From", "To", "CSeq")]
        lines = [f"GO sip:sipp@{HOST} SIP/2.0", *headers, f"Call-ID: {call}", f"Number: {len(messages)}", "Content-Length: 0"]
        text = "\r\n".join([*lines, "", ""])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), (HOST, self.port))

    def received(self) -> list[Message]:
        """What came from the other side."""
        return [message for message in self.messages() if not message.sent]

    def statuses(self, method: str = "INVITE") -> list[int]:
        """The status codes received for requests of ``method``, without repetitions of the same one in a row."""
        codes = [message.status for message in self.received() if message.status and message.method == method]
        return [code for index, code in enumerate(codes) if index == 0 or codes[index - 1] != code]

"""The Via header (RFC 3261 20.42, RFC 3581)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import NO_PARAMS, Params, parse_number, split_list, split_outside

MAGIC_COOKIE = "z9hG4bK"
#: What nearly every phone sends; all that is written in another way is parsed piece by piece.
_PLAIN = re.compile(
    r"SIP/2\.0/(UDP|TCP|TLS|WSS?) ([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?"
    r"(?:;(rport))?;branch=([^;=\"\s,<>]+)(?:;(rport))?\Z"
)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop: ``transport`` in upper case, ``host`` as written (IPv6 with brackets), parameters in order."""

    transport: str
    host: str
    port: int | None = None
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Via:
        """Parse one Via value; white space around slashes and semicolons is legal."""
        plain = _PLAIN.match(text)
        if plain is not None:
            transport, host, digits, before, branch, after = plain.groups()
            pairs: list[tuple[str, str | None]] = [("branch", branch)]
            if before:
                pairs.insert(0, _RPORT)
            if after:
                pairs.append(_RPORT)
            port = int(digits) if digits else None
            if port is None or port < 65536:
                return cls(transport, host, port, Params(pairs))
        return cls._parse_any(text)

    @classmethod
    def _parse_any(cls, text: str) -> Via:
        head, semicolon, tail = text.partition(";")
        words = head.split()
        if len(words) == 2 and words[0][:8].upper() == "SIP/2.0/":
            transport, sent_by = words[0][8:], words[1]
        else:
            transport, sent_by = _split_loose(head)
        port: int | None = None
        host = sent_by
        if ":" in sent_by and not sent_by.endswith("]"):
            host, _, digits = sent_by.rpartition(":")
            port = parse_number(digits.strip(), 65535, "Via port")
            host = host.rstrip()
        if not host or not transport or "," in host or "/" in transport or (":" in host and host[0] != "["):
            raise SipParseError("bad sent-by", header="Via")
        return cls(transport.upper(), host, port, Params.parse(tail) if semicolon else NO_PARAMS)

    @classmethod
    def parse_first(cls, text: str) -> Via:
        """Parse the first of possibly several comma separated values; the others are not looked at."""
        if "," in text:
            text = split_outside(text, ",")[0]
        return cls.parse(text)

    @classmethod
    def parse_list(cls, values: Iterable[str]) -> tuple[Via, ...]:
        """Parse every hop, topmost first."""
        return tuple(cls.parse(part) for value in values for part in split_list(value))

    @property
    def branch(self) -> str:
        """The branch parameter, empty when there is none."""
        for name, value in self.params:
            if name == "branch":
                return value or ""
        return ""

    @property
    def is_rfc3261(self) -> bool:
        """True when the branch is a globally unique transaction id (RFC 3261 8.1.1.7)."""
        return is_unique_branch(self.branch)

    @property
    def sent_by(self) -> str:
        """Host in lower case and the port as written: what transaction matching compares (RFC 3261 17.2.3)."""
        return self.host.lower() if self.port is None else f"{self.host.lower()}:{self.port}"

    @property
    def received(self) -> str | None:
        """The received parameter."""
        return self.params.get("received")

    @property
    def rport(self) -> int | None:
        """The port filled in by the next hop (RFC 3581), None when absent or still empty."""
        value = self.params.get("rport")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else None

    @property
    def wants_rport(self) -> bool:
        """True when the sender asked for symmetric responses."""
        return self.params.has("rport")

    def answered(self, source_host: str, source_port: int, with_rport: bool) -> str:
        """Return the value for a response: rport and received first, then the rest, as Asterisk writes it.

        ``received`` is added when rport is (RFC 3581 4) or when the source is not the sent-by host (RFC 3261 18.2.1).
        """
        text = (
            f"SIP/2.0/{self.transport} {self.host}" if self.port is None else f"SIP/2.0/{self.transport} {self.host}:{self.port}"
        )
        if with_rport:
            text += f";rport={source_port};received={source_host}"
        elif self.host.strip("[]").lower() != source_host.lower():
            text += f";received={source_host}"
        for name, value in self.params:
            if name != "rport" and name != "received":
                text += f";{name}" if value is None else f";{name}={value}"
        return text

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{self.params}"


_RPORT = ("rport", None)


def is_unique_branch(branch: str) -> bool:
    """Whether a branch begins with the magic cookie, in any case, and goes on (RFC 3261 8.1.1.7)."""
    return len(branch) > 7 and branch[:7].lower() == "z9hg4bk"


def _split_loose(head: str) -> tuple[str, str]:
    """Split ``SIP / 2.0 / UDP host : port``."""
    parts = head.split("/", 2)
    if len(parts) != 3 or parts[0].strip().upper() != "SIP" or parts[1].strip() != "2.0":
        raise SipParseError("protocol is not SIP/2.0", header="Via")
    words = parts[2].split(None, 1)
    if len(words) != 2:
        raise SipParseError("no sent-by", header="Via")
    sent_by = "".join(words[1].split())
    if len(words[1].split()) > 1 and ":" not in sent_by:
        raise SipParseError("bad sent-by", header="Via")
    return words[0], sent_by

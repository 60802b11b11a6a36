"""SIP as a phone of a test reads it: text of its own, which shares no code with the server."""

from __future__ import annotations

import hashlib
import re


class Message:
    """A request or a response. Names of headers are looked up in any case; compact forms are not used by the server."""

    __slots__ = ("body", "headers", "method", "start_line", "status", "text", "uri")

    def __init__(self, text: str) -> None:
        self.text = text
        head, _, self.body = text.partition("\r\n\r\n")
        self.start_line, *lines = head.split("\r\n")
        self.headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.strip().lower(), []).append(value.strip())
        first = self.start_line.split(" ", 2)
        self.status = int(first[1]) if first[0] == "SIP/2.0" else 0
        self.method = self["CSeq"].partition(" ")[2] if self.status else first[0]
        self.uri = "" if self.status else first[1]

    def __getitem__(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        values = self.headers.get(name.lower())
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return self.headers.get(name.lower(), [])

    @property
    def sequence(self) -> int:
        """The number of CSeq."""
        return int(self["CSeq"].partition(" ")[0])

    @property
    def contact(self) -> str:
        """The URI of Contact."""
        return re.sub(r"^[^<]*<|>.*$", "", self["Contact"])

    @property
    def media(self) -> tuple[str, int] | None:
        """Where the other side wants audio; None where the message has no description of it."""
        host, port = re.search(r"^c=IN IP4 (\S+)", self.body, re.M), re.search(r"^m=audio (\d+)", self.body, re.M)
        return (host[1], int(port[1])) if host is not None and port is not None and port[1] != "0" else None

    def __repr__(self) -> str:
        return f"<{self.status or ''} {self.method}>"


def authorization(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """The value of Authorization for a challenge (RFC 7616, RFC 8760), with qop=auth."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.partition("Digest ")[2]))
    algorithm = fields.get("algorithm", "MD5")
    name = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[algorithm]

    def digest(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    nonce, realm = fields["nonce"], fields["realm"]
    first = digest(f"{user}:{realm}:{password}")
    response = digest(f"{first}:{nonce}:00000001:c:auth:{digest(f'{method}:{uri}')}")
    opaque = f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", '
        f'algorithm={algorithm}{opaque}, qop=auth, nc=00000001, cnonce="c"'
    )

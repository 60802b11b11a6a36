"""The Identity header (RFC 8224 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from globstar.proto.stir.errors import BAD_IDENTITY_INFO, INVALID_IDENTITY_HEADER, UNSUPPORTED_CREDENTIAL, StirError
from globstar.proto.stir.passport import Passport, parse

_PARAM = re.compile(r';\s*([A-Za-z0-9\-.!%*_+`\'~]+)\s*(?:=\s*(<[^>]*>|"[^"]*"|[^;\s"]+))?\s*')


@dataclass(frozen=True, slots=True)
class IdentityHeader:
    """A token with where its certificate is."""

    token: str
    info: str
    algorithm: str = "ES256"
    extension: str = "shaken"

    @classmethod
    def parse(cls, text: str) -> IdentityHeader:
        """Read a header value; raises StirError: 436 without info, 437 for an algorithm not known, 438 for anything else."""
        token, semicolon, rest = text.strip().partition(";")
        token = token.strip()
        params: dict[str, str] = {}
        position, tail = 0, semicolon + rest
        while position < len(tail):
            found = _PARAM.match(tail, position)
            if found is None:
                raise StirError(INVALID_IDENTITY_HEADER, "the parameters of the header cannot be read")
            params.setdefault(found[1].lower(), (found[2] or "").strip('"'))
            position = found.end()
        if not token or any(character.isspace() for character in token):
            raise StirError(INVALID_IDENTITY_HEADER, "the header has no token")
        info = params.get("info", "")
        if not info.startswith("<") or not info.endswith(">") or len(info) < 3:
            raise StirError(BAD_IDENTITY_INFO, "the header has no info parameter")
        algorithm = params.get("alg", "ES256")
        if algorithm != "ES256":
            raise StirError(UNSUPPORTED_CREDENTIAL, f"the header's algorithm is {algorithm[:20]!r}, not ES256")
        return cls(token, info[1:-1], algorithm, params.get("ppt", ""))

    def passport(self) -> Passport:
        """The token's claims, which must agree with the header's parameters; raises StirError."""
        found = parse(self.token)
        if found.x5u != self.info:
            raise StirError(INVALID_IDENTITY_HEADER, "info is not the token's x5u")
        if self.extension not in ("", "shaken"):
            raise StirError(INVALID_IDENTITY_HEADER, "ppt is not the token's")
        return found

    def __str__(self) -> str:
        ppt = f";ppt={self.extension}" if self.extension else ""
        return f"{self.token};info=<{self.info}>;alg={self.algorithm}{ppt}"

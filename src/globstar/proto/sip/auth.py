"""Digest authentication, both sides (RFC 2617, RFC 7616, RFC 8760): MD5, SHA-256, SHA-512-256 with qop=auth."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from globstar.base.errors import LocalFault
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.digest import Challenge, Credentials
from globstar.proto.sip.message import Header, Message, Request, Response


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data, usedforsecurity=False).hexdigest()


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data, usedforsecurity=False).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"SHA-256": _sha256, "MD5": _md5}
if "sha512_256" in hashlib.algorithms_available:
    _HASHES = {"SHA-512-256": _sha512_256, **_HASHES}

SUPPORTED_ALGORITHMS = tuple(_HASHES)
"""Algorithms that this Python's OpenSSL offers, strongest first."""


def digest_hash(algorithm: str, text: str) -> str:
    """Return the lower-case hexadecimal hash of ``text``."""
    return _HASHES[algorithm](text.encode("utf-8", "surrogateescape"))


def make_ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return H(username:realm:password), what md5_cred and the other *_cred options hold."""
    return digest_hash(algorithm, f"{username}:{realm}:{password}")


def make_response(
    algorithm: str,
    ha1: str,
    method: str,
    uri: str,
    nonce: str,
    qop: str | None,
    nc: str | None,
    cnonce: str | None,
    body: bytes = b"",
) -> str:
    """Return the request digest (RFC 7616 3.4.1); without ``qop`` as in RFC 2069, with auth-int over ``body`` too."""
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        a2 += f":{_HASHES[algorithm](body)}"
    ha2 = digest_hash(algorithm, a2)
    if qop:
        return digest_hash(algorithm, f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")
    return digest_hash(algorithm, f"{ha1}:{nonce}:{ha2}")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A user's secret: a clear password, or one hash H(username:realm:password) per algorithm.

    ``algorithms`` may be answered with it as a client; None means all.
    """

    username: str
    password: str | None = None
    ha1: Mapping[str, str] | None = None
    algorithms: tuple[str, ...] | None = None

    def ha1_for(self, algorithm: str, realm: str) -> str | None:
        """Return the hash for ``algorithm``, None when only others are stored."""
        if self.ha1 is not None and algorithm in self.ha1:
            return self.ha1[algorithm].lower()
        if self.password is not None:
            return make_ha1(algorithm, self.username, realm, self.password)
        return None

    def __repr__(self) -> str:
        return f"Secret(username={self.username!r}, <redacted>)"


# -- server ------------------------------------------------------------------------------------------------------


_NONCE = "\0"
"""Stands for the nonce in a text that is made once."""


class Verdict(Enum):
    """Outcome of a check."""

    OK = "ok"
    MISSING = "no credentials"
    """No usable credentials for the realm: challenge."""
    STALE = "stale nonce"
    """The secret is right but the nonce is too old or used up: challenge with stale=true."""
    BAD = "wrong"
    """Wrong user, secret or algorithm, or a nonce that is not ours."""


class ServerAuthenticator:
    """Makes challenges and checks answers for one realm, without keeping a nonce per client.

    A nonce is ``time.random.signature``; nonce counts already seen are remembered for its lifetime only, in two
    generations of at most ``max_tracked`` nonces each, so memory is bounded. Within that bound a replay is refused.
    """

    def __init__(
        self,
        realm: str,
        key: bytes,
        getrandbits: Callable[[int], int],
        *,
        algorithms: Iterable[str] = ("MD5",),
        lifetime: float = 32.0,
        max_tracked: int = 10000,
    ) -> None:
        self.realm = realm
        self.algorithms = tuple(algorithms)
        self.lifetime = lifetime
        self._key = key
        self._getrandbits = getrandbits
        self._max_tracked = max_tracked
        self._opaque = f"{getrandbits(64):016x}"
        self._seen: dict[str, int] = {}
        self._seen_before: dict[str, int] = {}
        self._turned_at = 0.0
        unknown = [name for name in self.algorithms if name not in SUPPORTED_ALGORITHMS]
        if unknown or not self.algorithms:
            raise LocalFault(f"unsupported digest algorithms: {unknown}")
        self._decoy = Secret("", password=f"{getrandbits(128):032x}")
        #: what challenges say, with a place for the nonce, and the same with stale=true
        self._texts, self._stale_texts = (
            [str(Challenge(realm, _NONCE, algorithm, self._opaque, ("auth",), stale)) for algorithm in self.algorithms]
            for stale in (False, True)
        )

    def __repr__(self) -> str:
        return f"<ServerAuthenticator {self.realm!r} {','.join(self.algorithms)}>"

    def make_nonce(self, now: float) -> str:
        """Return a new nonce that says when it was made."""
        stamp = f"{int(now * 1000):x}.{self._getrandbits(48):012x}"
        return f"{stamp}.{self._sign(stamp)}"

    def _sign(self, stamp: str) -> str:
        return hmac.digest(self._key, f"{self.realm}:{stamp}".encode("utf-8", "surrogateescape"), "sha256").hex()[:32]

    def challenges(self, now: float, *, stale: bool = False) -> list[str]:
        """Return the header values, in the configured order of algorithms (RFC 8760 2.3)."""
        nonce = f'nonce="{self.make_nonce(now)}"'
        return [text.replace(f'nonce="{_NONCE}"', nonce, 1) for text in (self._stale_texts if stale else self._texts)]

    def challenge_headers(self, now: float, *, stale: bool = False, proxy: bool = False) -> list[Header]:
        """Return ``challenges`` as headers for a 401, or a 407 with ``proxy``."""
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        return [(name, value) for value in self.challenges(now, stale=stale)]

    def credentials(self, request: Request, *, proxy: bool = False) -> Credentials | None:
        """Return the credentials for our realm, or None. Those that cannot be read count as absent."""
        for value in request.get_all("Proxy-Authorization" if proxy else "Authorization"):
            try:
                credentials = Credentials.parse(value)
            except SipParseError:
                continue
            if credentials.realm == self.realm:
                return credentials
        return None

    def knows_nonce(self, request: Request) -> bool:
        """Whether the credentials for our realm have a nonce that was made here, however old."""
        credentials = self.credentials(request)
        return credentials is not None and self._nonce_time(credentials.nonce) is not None

    def verify(self, request: Request, secret: Secret | None, now: float, *, proxy: bool = False) -> Verdict:
        """Check a request. ``secret`` None means an unknown user: the same work is done and BAD is returned."""
        credentials = self.credentials(request, proxy=proxy)
        return Verdict.MISSING if credentials is None else self.check(credentials, request.method, secret, now)

    def check(self, credentials: Credentials, method: str, secret: Secret | None, now: float) -> Verdict:
        """Check credentials that were already found."""
        algorithm = (credentials.algorithm or "MD5").upper()
        if algorithm not in self.algorithms or credentials.qop not in (None, "auth"):
            return Verdict.BAD
        if credentials.qop is not None and not (credentials.cnonce and _nonce_count(credentials.nc)):
            return Verdict.BAD
        known = secret if secret is not None else self._decoy
        ha1 = known.ha1_for(algorithm, self.realm) or self._decoy.ha1_for(algorithm, self.realm) or ""
        expected = make_response(
            algorithm,
            ha1,
            method,
            credentials.uri,
            credentials.nonce,
            credentials.qop,
            credentials.nc,
            credentials.cnonce,
        )
        right = hmac.compare_digest(expected.encode(), credentials.response.lower().encode("utf-8", "replace"))
        made_at = self._nonce_time(credentials.nonce)
        if not right or secret is None or credentials.username != secret.username or made_at is None:
            return Verdict.BAD
        if not -1.0 <= now - made_at <= self.lifetime:
            return Verdict.STALE
        return Verdict.OK if self._count(credentials, now) else Verdict.STALE

    def _nonce_time(self, nonce: str) -> float | None:
        """Return when a nonce of ours was made, None for a forged one."""
        stamp, _, signature = nonce.rpartition(".")
        if not hmac.compare_digest(self._sign(stamp).encode(), signature.encode("utf-8", "replace")):
            return None
        return int(stamp.partition(".")[0], 16) / 1000

    def _count(self, credentials: Credentials, now: float) -> bool:
        """Remember the nonce count; False when it is not higher than before (RFC 7616 3.4)."""
        if now - self._turned_at > self.lifetime or len(self._seen) >= self._max_tracked:
            self._seen_before, self._seen, self._turned_at = self._seen, {}, now
        count = _nonce_count(credentials.nc) if credentials.qop is not None else 1
        nonce = credentials.nonce
        before = self._seen.get(nonce) or self._seen_before.get(nonce) or 0
        if count <= before:
            return False
        self._seen[nonce] = count
        return True


def _nonce_count(text: str | None) -> int:
    """Return nc as a number, 0 when it is not 8 hexadecimal digits."""
    if text is None or len(text) != 8:
        return 0
    try:
        return int(text, 16)
    except ValueError:
        return 0


# -- client ------------------------------------------------------------------------------------------------------


class CredentialSource(Protocol):
    """Finds the secret for a challenge."""

    def secret_for(self, realm: str) -> Secret | None:
        """Return the secret for ``realm``, None when there is none."""

    def count_for(self, realm: str, nonce: str) -> int:
        """Return how often ``nonce`` is used with this time (nc, RFC 7616 3.4)."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """One secret, for one realm or (realm empty or ``*``) for any, as outbound_auth has it."""

    secret: Secret
    realm: str = ""

    def secret_for(self, realm: str) -> Secret | None:
        """Return the secret when the realm fits."""
        return self.secret if self.realm in ("", "*", realm) else None

    def count_for(self, realm: str, nonce: str) -> int:
        """See CredentialSource: each nonce is used once."""
        return 1


class ClientAuthorizer:
    """Answers challenges for one request or session: each nonce once, a stale one again (RFC 3261 22.2)."""

    MAX_ROUNDS = 3

    def __init__(self, source: CredentialSource, getrandbits: Callable[[int], int], *, max_rounds: int = MAX_ROUNDS) -> None:
        self._source = source
        self._getrandbits = getrandbits
        self._max_rounds = max_rounds
        self._answered: set[str] = set()
        self._rounds = 0

    def authorize(self, request: Request, response: Response) -> list[Header] | None:
        """Return the headers that answer a 401 or 407, or None when it cannot be answered (again)."""
        if response.status not in (401, 407) or self._rounds >= self._max_rounds:
            return None
        self._rounds += 1
        out: list[Header] = []
        for asked, answer in (("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")):
            for challenge in strongest(self._answerable(read_challenges(response, asked))):
                secret = self._source.secret_for(challenge.realm)
                assert secret is not None  # else it is not answerable
                if self._answered and not challenge.stale and challenge.realm in self._answered:
                    return None  # the same realm refused what we said
                credentials = self._answer(challenge, secret, request)
                if credentials is None:
                    continue
                self._answered.add(challenge.realm)
                out.append((answer, str(credentials)))
        return out or None

    def _answerable(self, challenges: Iterable[Challenge]) -> Iterator[Challenge]:
        """Those for whose realm and algorithm there is a secret."""
        for challenge in challenges:
            secret = self._source.secret_for(challenge.realm)
            algorithm = challenge.algorithm.upper()
            if secret is None or algorithm not in SUPPORTED_ALGORITHMS:
                continue
            allowed = secret.algorithms is None or algorithm in secret.algorithms
            if allowed and secret.ha1_for(algorithm, challenge.realm) is not None:
                yield challenge

    def _answer(self, challenge: Challenge, secret: Secret, request: Request) -> Credentials | None:
        algorithm = challenge.algorithm.upper()
        ha1 = secret.ha1_for(algorithm, challenge.realm)
        if ha1 is None:
            return None
        qop = next((kind for kind in ("auth", "auth-int") if kind in challenge.qop), None)
        nc = f"{self._source.count_for(challenge.realm, challenge.nonce):08x}" if qop else None
        cnonce = f"{self._getrandbits(64):016x}" if qop else None
        uri = str(request.uri)
        digest = make_response(algorithm, ha1, request.method, uri, challenge.nonce, qop, nc, cnonce, request.body)
        return Credentials(
            secret.username,
            challenge.realm,
            challenge.nonce,
            uri,
            digest,
            challenge.algorithm,
            cnonce,
            challenge.opaque,
            qop,
            nc,
        )


def read_challenges(message: Message, name: str) -> list[Challenge]:
    """Return the readable Digest challenges of a response; other schemes are left out."""
    found: list[Challenge] = []
    for value in message.get_all(name):
        try:
            found.append(Challenge.parse(value))
        except SipParseError:
            continue
    return found


def strongest(challenges: Iterable[Challenge]) -> list[Challenge]:
    """Return one challenge per realm: the first of the strongest supported algorithm (RFC 8760 2.4)."""
    able = SUPPORTED_ALGORITHMS
    best: dict[str, Challenge] = {}
    for challenge in challenges:
        algorithm = challenge.algorithm.upper()
        if algorithm not in able or (challenge.qop and not {"auth", "auth-int"}.intersection(challenge.qop)):
            continue
        known = best.get(challenge.realm)
        if known is None or able.index(algorithm) < able.index(known.algorithm.upper()):
            best[challenge.realm] = challenge
    return list(best.values())

"""Digest authentication of requests that come in."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.proto.sip.auth import SUPPORTED_ALGORITHMS, ClientCredentials, Secret, ServerAuthenticator, Verdict
from globstar.proto.sip.message import Header, Request

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects import AuthObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_authenticator_digest")

#: Realms whose last nonce is remembered for one set of credentials.
MAX_REALMS = 64


class Authenticator:
    """Challenges and checks for all auth objects of one configuration.

    Strangers get the same challenge as everybody, and never come in.
    """

    def __init__(self, settings: PjsipSettings, getrandbits: Callable[[int], int], key: bytes | None = None) -> None:
        self._auths = settings.auths
        self._globals = settings.globals
        self._getrandbits = getrandbits
        self._key = key or os.urandom(32)
        self._servers: dict[str, ServerAuthenticator] = {}
        realm = settings.globals.default_realm
        self._stranger = self._make(realm, settings.globals.default_auth_algorithms_uas, 32)

    def _make(self, realm: str, algorithms: tuple[str, ...], lifetime: int) -> ServerAuthenticator:
        usable = tuple(name for name in algorithms if name in SUPPORTED_ALGORITHMS) or ("MD5",)
        return ServerAuthenticator(realm, self._key, self._getrandbits, algorithms=usable, lifetime=float(lifetime))

    def _server(self, auth: AuthObject) -> ServerAuthenticator:
        server = self._servers.get(auth.name)
        if server is None:
            algorithms = auth.supported_algorithms_uas or self._globals.default_auth_algorithms_uas
            realm = auth.realm or self._globals.default_realm
            server = self._servers[auth.name] = self._make(realm, algorithms, auth.nonce_lifetime)
        return server

    def forget(self, name: str) -> None:
        """An auth object is another one from now on."""
        self._servers.pop(name, None)

    def check_stranger(self, request: Request, now: float) -> tuple[Verdict, list[Header]]:
        """The headers of a 401 to a request that belongs to nobody, after the same work that a known name costs."""
        verdict = self._stranger.verify(request, None, now)
        return verdict, self._stranger.challenge_headers(now)

    def proves_address(self, request: Request) -> bool:
        """Whether the answer to a challenge, right or wrong, shows that its sender has received the challenge."""
        return any(
            server.knows_nonce(request) for server in {s.realm: s for s in (self._stranger, *self._servers.values())}.values()
        )

    def check(self, endpoint: EndpointObject, request: Request, now: float) -> tuple[Verdict, list[Header]]:
        """Whether ``request`` proves to be from ``endpoint``, and if not, the headers of the 401."""
        auths = [auth for auth in map(self._auths.get, endpoint.auth) if auth is not None]
        if not auths:
            # An auth that is not there lets nobody in.
            return Verdict.BAD, self._stranger.challenge_headers(now)
        worst = Verdict.MISSING
        for auth in auths:
            verdict = self._server(auth).verify(request, auth.secret, now)
            if verdict is Verdict.OK:
                return verdict, []
            if verdict is Verdict.STALE or worst is Verdict.MISSING:
                worst = verdict
        challenges: list[Header] = []
        for auth in auths:
            challenges += self._server(auth).challenge_headers(now, stale=worst is Verdict.STALE)
        return worst, challenges


class OutboundCredentials:
    """The secrets of outbound_auth: the one whose realm fits, else one without a realm.

    ``algorithms`` may be answered where an auth names none itself. Nonces that a server uses again are counted.
    """

    def __init__(self, auths: list[AuthObject], algorithms: tuple[str, ...]) -> None:
        self._sources = [
            ClientCredentials(replace(auth.secret, algorithms=auth.supported_algorithms_uac or algorithms), auth.realm)
            for auth in auths
        ]
        self._counts: dict[str, tuple[str, int]] = {}

    def secret_for(self, realm: str) -> Secret | None:
        """See CredentialSource."""
        exact = next((source.secret for source in self._sources if source.realm == realm), None)
        return exact or next((secret for s in self._sources if (secret := s.secret_for(realm)) is not None), None)

    def count_for(self, realm: str, nonce: str) -> int:
        """See CredentialSource: only the last nonce of a realm is remembered, and a bounded number of realms."""
        known, count = self._counts.get(realm, ("", 0))
        count = count + 1 if known == nonce else 1
        if len(self._counts) >= MAX_REALMS and realm not in self._counts:
            self._counts.clear()
        self._counts[realm] = (nonce, count)
        return count


def outbound_credentials(settings: PjsipSettings, endpoint: EndpointObject) -> OutboundCredentials | None:
    """What answers challenges of ``endpoint``; None without outbound_auth."""
    auths = [auth for auth in map(settings.auths.get, endpoint.outbound_auth) if auth is not None]
    return OutboundCredentials(auths, settings.globals.default_auth_algorithms_uac) if auths else None

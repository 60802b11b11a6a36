"""AMI over HTTP: ``rawman``, ``manager`` (HTML) and ``mxml``, and with HTTP Digest ``arawman``, ``amanager`` and ``amxml``.

A session is what a cookie names. Its events wait until the client asks for them with WaitEvent.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from globstar.base.log import Logger
from globstar.core.manager import failure
from globstar.core.security import SecurityEventType
from globstar.core.services import HttpRoute, HttpServer
from globstar.interfaces.ami.actions.login import is_in_use, permitted_user
from globstar.interfaces.ami.hub import ManagerHub
from globstar.interfaces.ami.session import Address, Session
from globstar.interfaces.ami.settings import ManagerUser
from globstar.interfaces.ami.web_text import to_html, to_xml
from globstar.interfaces.ami.wire import HEADER_LIMIT, Headers, answer_text
from globstar.proto.sip.auth import Secret, ServerAuthenticator, Verdict
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.digest import Credentials

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("manager")

COOKIE = "mansession_id"
REALM = "asterisk"
#: What waits for a client that does not ask: then the oldest go, and are counted.
MOST_EVENTS = 5000
MOST_EVENT_BYTES = 4 * 1024 * 1024
#: Sessions at a time; those that are not logged in are bounded by ``authlimit``.
MOST_SESSIONS = 1000
#: How long a session lasts that is not logged in (a challenge was asked for), seconds.
STRANGER_SECONDS = 10.0

_FORMS: dict[str, tuple[str, Callable[[str], str]]] = {
    "rawman": ("text/plain", lambda text: text),
    "manager": ("text/html", to_html),
    "mxml": ("text/xml", to_xml),
}


class _Collected:
    """Output of a web session: what is answered to the request that runs."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        """See Output."""
        self.data += data

    def close(self) -> None:
        """See Output; the cookie goes with the session."""

    def set_reading(self, is_wanted: bool) -> None:
        """See Output; requests of one session wait for one another."""

    def take(self) -> str:
        """What was written since the last call."""
        text = self.data.decode("utf-8", "surrogateescape")
        self.data.clear()
        return text


class WebSession(Session):
    """A session that a cookie names."""

    def __init__(self, hub: ManagerHub, *, local: Address, remote: Address, transport: str) -> None:
        self.collected = _Collected()
        super().__init__(hub, self.collected, local=local, remote=remote, transport=transport)
        self.key = secrets.token_hex(16)
        self.lock = asyncio.Lock()
        self.last_used = self.system.now()
        self.requests = 0
        self.dropped = 0
        #: who logged in with HTTP Digest, and from where
        self.nonce_user = ""
        self._events: deque[bytes] = deque()
        self._bytes = 0

    @property
    def has_events_waiting(self) -> bool:
        """See Session."""
        return bool(self._events)

    def longest_wait(self, seconds: int) -> int:
        """No longer than the session would last."""
        longest = max(1, self.hub.settings.general.httptimeout - 5)
        return longest if seconds < 0 else min(seconds, longest)

    def tell(self, data: bytes) -> None:
        """Keep an event until the client asks."""
        self._events.append(data)
        self._bytes += len(data)
        while len(self._events) > MOST_EVENTS or self._bytes > MOST_EVENT_BYTES:
            self._bytes -= len(self._events.popleft())
            self.dropped += 1
        self.event_told.set()

    def take_events(self) -> str:
        """What waited."""
        text = b"".join(self._events).decode("utf-8", "surrogateescape")
        self._events.clear()
        self._bytes = 0
        return text

    async def _at_rest(self) -> None:
        running = self._running
        while running is not None:
            await asyncio.wait([running])
            running = self._running

    async def act(self, headers: Headers) -> str:
        """Do an action; what is answered, with the events that wait if it is WaitEvent."""
        if self.lock.locked():
            self.event_told.set()  # a WaitEvent of this session that goes on gives way
        async with self.lock:
            self.requests += 1
            await self._at_rest()  # a request whose client did not wait may go on
            self.collected.take()
            self.perform(headers)
            await self._at_rest()
            text = self.collected.take()
            action = next((value for name, value in headers if name.lower() == "action"), "")
            if action.lower() == "waitevent" and text.startswith("Response: Success"):
                head, separator, rest = text.partition("\r\n\r\n")
                text = f"{head}{separator}{self.take_events()}{rest}"
            self.last_used = self.system.now()
            return text


class ManagerWeb:
    """The paths of AMI on the HTTP server, and the sessions behind their cookies."""

    def __init__(self, system: System, hub: ManagerHub) -> None:
        self.system = system
        self.hub = hub
        self.sessions: dict[str, WebSession] = {}
        self.digest = ServerAuthenticator(REALM, secrets.token_bytes(32), secrets.randbits, lifetime=300.0)
        self._routes: list[HttpRoute] = []
        self._timer: asyncio.TimerHandle | None = None

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self, server: HttpServer) -> None:
        """Answer on the paths."""
        for name, (_, form) in _FORMS.items():
            for path, handler in ((name, self._plain(name, form)), (f"a{name}", self._digested(name, form))):
                route = HttpRoute(path, handler, f"AMI as {name}" + (" with HTTP Digest" if path != name else ""))
                server.add_route(route)
                self._routes.append(route)

    def stop(self, server: HttpServer | None) -> None:
        """End every session and answer no more."""
        for route in self._routes:
            if server is not None:
                server.remove_route(route)
        self._routes.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for session in list(self.sessions.values()):
            self._forget(session)

    # -- sessions ------------------------------------------------------------------------------------------------------

    def _new(self, request: web.BaseRequest) -> WebSession | None:
        transport = request.transport
        local = transport.get_extra_info("sockname") if transport is not None else None
        remote = transport.get_extra_info("peername") if transport is not None else None
        kind = "TLS" if request.secure else "TCP"
        if self.hub.waiting >= self.hub.settings.general.authlimit or len(self.sessions) >= MOST_SESSIONS:
            logger.warning(f"a manager client at {request.remote} is refused: there are too many sessions over HTTP")
            return None
        session = WebSession(
            self.hub, local=_address(local), remote=(request.remote or _address(remote)[0], _address(remote)[1]), transport=kind
        )
        self.sessions[session.key] = session
        if self._timer is None:
            self._timer = self.system.loop.call_later(1.0, self._tidy)
        return session

    def _forget(self, session: WebSession) -> None:
        self.sessions.pop(session.key, None)
        session.ended()

    def _tidy(self) -> None:
        """End the sessions whose time is over; looked at every second while there are any."""
        self._timer = None
        now, timeout = self.system.now(), self.hub.settings.general.httptimeout
        for session in list(self.sessions.values()):
            patience = timeout if session.is_logged_in else STRANGER_SECONDS
            if not session.is_open or (now - session.last_used > patience and not session.lock.locked()):
                self._forget(session)
        if self.sessions:
            self._timer = self.system.loop.call_later(1.0, self._tidy)

    def session_of(self, cookie: str, host: str) -> WebSession | None:
        """The session that a cookie names, if it is not the cookie of somebody else."""
        session = self.sessions.get(cookie)
        return session if session is not None and session.remote[0] == host else None

    # -- requests ------------------------------------------------------------------------------------------------------

    def _plain(self, name: str, form: Callable[[str], str]) -> Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest, rest: str) -> web.StreamResponse:
            headers = await _headers(request)
            session = self.session_of(request.cookies.get(COOKIE, ""), request.remote or "")
            if session is None:
                session = self._new(request)
            if session is None:
                return _response(name, form(answer_text(failure("Too many sessions"), "")), 503)
            return await self._answer(session, headers, name, form)

        return handler

    async def _answer(self, session: WebSession, headers: Headers, name: str, form: Callable[[str], str]) -> web.Response:
        is_form_only = name == "manager" and not any(key.lower() == "action" for key, _ in headers)
        text = "" if is_form_only else await session.act(headers)
        response = _response(name, form(text), 200)
        if session.is_open:
            seconds = self.hub.settings.general.httptimeout
            response.headers["Set-Cookie"] = f'{COOKIE}="{session.key}"; Version=1; Max-Age={seconds}; HttpOnly; SameSite=Strict'
        else:
            self._forget(session)
            response.headers["Set-Cookie"] = f'{COOKIE}=""; Version=1; Max-Age=0'
        return response

    def _digested(self, name: str, form: Callable[[str], str]) -> Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest, rest: str) -> web.StreamResponse:
            headers = await _headers(request)
            credentials = _credentials(request)
            if credentials is None:
                return self._challenge(stale=False)
            session = next((one for one in self.sessions.values() if one.nonce_user == _owner(credentials, request)), None)
            is_new = session is None
            session = session or self._new(request)
            if session is None:
                return _response(name, form(answer_text(failure("Too many sessions"), "")), 503)
            verdict, user = await self._check(session, credentials, request.method)
            if verdict is not Verdict.OK or user is None:
                if is_new:
                    self._forget(session)
                return self._challenge(stale=verdict is Verdict.STALE)
            if not session.is_logged_in:
                if is_in_use(session, user):
                    self._forget(session)
                    return _response(name, form(answer_text(failure("Login already in use"), "")), 403)
                session.nonce_user = _owner(credentials, request)
                session.log_in(user, None)
            return await self._answer(session, headers, name, form)

        return handler

    async def _check(self, session: WebSession, credentials: Credentials, method: str) -> tuple[Verdict, ManagerUser | None]:
        """Whether the credentials are right; who guesses has to wait, as with the action Login."""
        now, source = self.system.now(), session.remote[0]
        wait = self.hub.guesses.wait(source, now)
        if wait:
            await asyncio.sleep(wait)
        user = permitted_user(session, credentials.username)
        secret = Secret(user.name, user.options.secret) if user is not None and user.options.secret else None
        verdict = self.digest.check(credentials, method, secret, self.system.now())
        if verdict is Verdict.BAD or user is None:
            self.hub.guesses.failed(source, self.system.now())
            if user is not None:
                logger.notice(f"{source} failed to authenticate as '{credentials.username}'")
                self.hub.report(session, SecurityEventType.INVALID_PASSWORD, credentials.username)
            return Verdict.BAD, None
        if verdict is Verdict.OK:
            self.hub.guesses.succeeded(source)
        return verdict, user

    def _challenge(self, *, stale: bool) -> web.Response:
        response = web.Response(status=401, text="<h1>Unauthorized</h1>\n", content_type="text/html")
        for value in self.digest.challenges(self.system.now(), stale=stale):
            response.headers.add("WWW-Authenticate", value)
        return response


def _owner(credentials: Credentials, request: web.BaseRequest) -> str:
    """What a session with HTTP Digest is known by: who, and from where."""
    return f"{credentials.username}\0{request.remote}"


def _credentials(request: web.BaseRequest) -> Credentials | None:
    """What the client proves itself with, if it is about this very path."""
    text = request.headers.get("Authorization", "")
    try:
        credentials = Credentials.parse(text)
    except SipParseError:
        return None
    if credentials.realm != REALM or credentials.uri.partition("?")[0] != request.rel_url.raw_path:
        return None
    return credentials


async def _headers(request: web.BaseRequest) -> Headers:
    """The parameters of the URL, then those of a form, as the lines of an action."""
    found = list(request.query.items())
    if request.method == "POST":
        found += [(name, value) for name, value in (await request.post()).items() if isinstance(value, str)]
    elif request.method not in ("GET", "HEAD"):
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD", "POST"])
    if len(found) > HEADER_LIMIT:
        raise web.HTTPRequestEntityTooLarge(HEADER_LIMIT, len(found))
    return found


def _response(name: str, text: str, status: int) -> web.Response:
    kind = _FORMS[name][0]
    body = text.encode("utf-8", "surrogateescape" if kind == "text/plain" else "replace")
    headers = {"Cache-Control": "no-cache, no-store", "Pragma": "SuppressEvents"}
    return web.Response(status=status, body=body, content_type=kind, headers=headers)


def _address(found: object) -> Address:
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) and len(found) > 1 else ("", 0)

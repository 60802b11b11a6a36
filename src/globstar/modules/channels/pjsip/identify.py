"""Whose request is this: by user name, address, header, digest user, or the anonymous endpoint."""

from __future__ import annotations

import ipaddress
import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.digest import Credentials
from globstar.proto.sip.message import Request

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects import IdentifyObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip")

#: Sources whose unidentified requests are counted at a time.
MAX_SOURCES = 4096


class Identifier:
    """Finds the endpoint of a request; made anew for each configuration."""

    def __init__(self, settings: PjsipSettings) -> None:
        self._endpoints = settings.endpoints
        self._aliases = settings.domain_aliases
        self._by_username = settings.by_auth_username
        self._identifies = [i for i in settings.identifies.values() if i.endpoint in settings.endpoints]
        #: networks that host names of match= stand for, filled in by the driver when they are resolved
        self.resolved: dict[str, list[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {}
        self._headers = [(i, _header_matcher(i.match_header)) for i in self._identifies if i.match_header]
        ways = {
            "username": self._by_user, "ip": self._by_address, "auth_username": self._by_digest, "header": self._by_header,
            "anonymous": self._anonymous,
        }  # fmt: skip
        order = [name for name in settings.globals.endpoint_identifier_order if name in ways]
        if self._headers and "header" not in order:
            order.append("header")
        self._ways = [ways[name] for name in order]

    def identify(self, request: Request, flow: Flow) -> EndpointObject | None:
        """The endpoint that sent ``request``, None for a stranger."""
        for way in self._ways:
            found = way(request, flow)
            if found is not None:
                return found
        return None

    def _named(self, user: str | None, domain: str, how: str) -> EndpointObject | None:
        if not user:
            return None
        endpoints = self._endpoints
        found = endpoints.get(f"{user}@{domain}")
        if found is None and self._aliases:
            alias = self._aliases.get(domain.lower())
            found = endpoints.get(f"{user}@{alias}") if alias else None
        if found is None:
            found = endpoints.get(user)
        return found if found is not None and how in found.identify_by else None

    def _by_user(self, request: Request, flow: Flow) -> EndpointObject | None:
        uri = request.from_.uri
        return self._named(uri.user, uri.host, "username")

    def _by_digest(self, request: Request, flow: Flow) -> EndpointObject | None:
        for value in request.get_all("Authorization"):
            try:
                credentials = Credentials.parse(value)
            except SipParseError:
                continue
            found = self._named(credentials.username, credentials.realm, "auth_username")
            if found is None:
                name = self._by_username.get(credentials.username.lower(), "")
                found = self._named(name, "", "auth_username")
            if found is not None:
                return found
        return None

    def _by_address(self, request: Request, flow: Flow) -> EndpointObject | None:
        if not self._identifies:
            return None
        try:
            address = ipaddress.ip_address(flow.host)
        except ValueError:
            return None
        for identify in self._identifies:
            endpoint = self._endpoints[identify.endpoint]
            if "ip" not in endpoint.identify_by:
                continue
            if any(address in net for net in identify.networks) or self._is_host(identify, address):
                return endpoint
        return None

    def _is_host(self, identify: IdentifyObject, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(address in self.resolved.get(host, ()) for host in identify.hosts)

    def _by_header(self, request: Request, flow: Flow) -> EndpointObject | None:
        for identify, (name, pattern) in self._headers:
            endpoint = self._endpoints[identify.endpoint]
            if "header" in endpoint.identify_by and any(pattern.search(value) for value in request.get_all(name)):
                return endpoint
        return None

    def _anonymous(self, request: Request, flow: Flow) -> EndpointObject | None:
        return self._endpoints.get(f"anonymous@{request.from_.uri.host}") or self._endpoints.get("anonymous")


def _header_matcher(text: str) -> tuple[str, re.Pattern[str]]:
    """``Name: value`` compares the whole value; ``Name: /expression/`` searches for a regular expression."""
    name, _, value = text.partition(":")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == "/":
        try:
            return name.strip(), re.compile(value[1:-1])
        except re.error as error:
            logger.warning(f"match_header '{text}': bad regular expression: {error}")
            return name.strip(), re.compile(r"(?!)")
    return name.strip(), re.compile(re.escape(value) + r"\Z")


class UnidentifiedRequests:
    """Counts requests of strangers by source, for a warning before it becomes an attack. Bounded; oldest go first."""

    def __init__(self) -> None:
        self.total = 0
        self._sources: OrderedDict[str, list[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sources)

    def count(self, host: str, now: float, period: float, threshold: int) -> bool:
        """Note a request; True when ``threshold`` requests came within ``period`` seconds, once."""
        self.total += 1
        times = self._sources.get(host)
        if times is None or now - times[0] > period:
            if len(self._sources) >= MAX_SOURCES:
                self._sources.popitem(last=False)
            self._sources[host] = times = [now, 0.0]
        times[1] += 1
        return threshold > 0 and times[1] == threshold

    def prune(self, now: float, period: float) -> None:
        """Forget sources that have been quiet."""
        for host in [host for host, times in self._sources.items() if now - times[0] > period]:
            del self._sources[host]

    def items(self) -> list[tuple[str, int]]:
        """Sources with their counts, for ``pjsip show unidentified_requests``."""
        return [(host, int(times[1])) for host, times in self._sources.items()]

"""Whose request is this: by user name, address, header, Request-URI, digest user, or the anonymous endpoint."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.base.regex import BadPattern, Regex, compile_regex
from globstar.modules.channels.pjsip.addresses import AddressIndex
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.digest import Credentials
from globstar.proto.sip.message import Request

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip")

#: Sources whose unidentified requests are counted at a time.
MAX_SOURCES = 4096
#: One way to find an endpoint.
Way = Callable[[Request, Flow], "EndpointObject | None"]

#: Ways that endpoint_identifier_order can name, in the order in which those that it does not name come after the others.
NAMES = ("ip", "username", "header", "request_uri", "auth_username", "anonymous")


class Identifier:
    """Finds the endpoint of a request; made anew for each configuration.

    ``unnamed`` are the ways of other features: they are asked before all that have a name.
    """

    def __init__(self, settings: PjsipSettings, unnamed: Iterable[Way] = ()) -> None:
        self._endpoints = settings.endpoints
        self._is_multi_domain = not settings.globals.disable_multi_domain
        self._aliases = settings.domain_aliases
        self._by_username = settings.by_auth_username
        self._cuts_options = settings.globals.ignore_uri_user_options
        identifies = [i for i in settings.identifies.values() if i.endpoint in settings.endpoints]
        self.addresses: AddressIndex[EndpointObject] = AddressIndex()
        for identify in identifies:
            endpoint = settings.endpoints[identify.endpoint]
            if "ip" in endpoint.identify_by:
                self.addresses.add(endpoint, identify.networks, identify.excluded)
        self._headers = _Matchers(
            (value, settings.endpoints[i.endpoint])
            for i in identifies
            for value in i.match_header
            if "header" in settings.endpoints[i.endpoint].identify_by
        )
        self._uris = [
            (_matcher(i.match_request_uri), settings.endpoints[i.endpoint])
            for i in identifies
            if i.match_request_uri and "request_uri" in settings.endpoints[i.endpoint].identify_by
        ]
        self._exact_uris = {
            i.match_request_uri: settings.endpoints[i.endpoint]
            for i in reversed(identifies)
            if i.match_request_uri
            and not _is_expression(i.match_request_uri)
            and "request_uri" in settings.endpoints[i.endpoint].identify_by
        }
        self._uris = [pair for pair in self._uris if not isinstance(pair[0], str)]
        asked = [name for name in settings.globals.endpoint_identifier_order if name in NAMES]
        #: the names of all ways in the order in which they are asked
        self.order = [*dict.fromkeys(asked), *(name for name in NAMES if name not in asked)]
        self.unnamed = list(unnamed)
        ways: dict[str, Way | None] = {
            "username": self._by_user,
            "ip": self._by_address if self.addresses or any(i.hosts for i in identifies) else None,
            "auth_username": self._by_digest,
            "header": self._by_header if self._headers else None,
            "request_uri": self._by_uri if self._uris or self._exact_uris else None,
            "anonymous": self._anonymous,
        }
        self._named_ways = [way for name in self.order if (way := ways[name]) is not None]
        self._ways = [*self.unnamed, *self._named_ways]

    def set_unnamed(self, unnamed: Iterable[Way]) -> None:
        """Take other unnamed ways from now on."""
        self.unnamed = list(unnamed)
        self._ways = [*self.unnamed, *self._named_ways]

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
        found = None
        if self._is_multi_domain:
            found = endpoints.get(f"{user}@{domain}")
            if found is None and self._aliases:
                alias = self._aliases.get(domain.lower())
                found = endpoints.get(f"{user}@{alias}") if alias else None
        if found is None:
            found = endpoints.get(user)
        return found if found is not None and how in found.identify_by else None

    def _by_user(self, request: Request, flow: Flow) -> EndpointObject | None:
        uri = request.from_.uri
        user = uri.user
        if user and self._cuts_options:
            user = user.partition(";")[0]
        return self._named(user, uri.host, "username")

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
        return self.addresses.find(flow.host, flow.port)

    def _by_header(self, request: Request, flow: Flow) -> EndpointObject | None:
        return self._headers.find(request)

    def _by_uri(self, request: Request, flow: Flow) -> EndpointObject | None:
        text = str(request.uri)
        found = self._exact_uris.get(text)
        if found is None:
            for pattern, endpoint in self._uris:
                if isinstance(pattern, Regex) and pattern.is_in(text):
                    return endpoint
        return found

    def _anonymous(self, request: Request, flow: Flow) -> EndpointObject | None:
        found = None
        if self._is_multi_domain:
            domain = request.from_.uri.host
            found = self._endpoints.get(f"anonymous@{domain}")
            if found is None and self._aliases:
                alias = self._aliases.get(domain.lower())
                found = self._endpoints.get(f"anonymous@{alias}") if alias else None
        return found or self._endpoints.get("anonymous")


class _Matchers:
    """``Name: value`` pairs that requests may carry: exact values in a table by header, expressions one after the other."""

    def __init__(self, pairs: Iterable[tuple[str, EndpointObject]]) -> None:
        self._exact: dict[str, dict[str, EndpointObject]] = {}
        self._patterns: dict[str, list[tuple[Regex, EndpointObject]]] = {}
        for text, endpoint in pairs:
            name, _, value = text.partition(":")
            name, matcher = name.strip(), _matcher(value.strip())
            if isinstance(matcher, str):
                self._exact.setdefault(name, {}).setdefault(matcher, endpoint)
            elif matcher is not None:
                self._patterns.setdefault(name, []).append((matcher, endpoint))

    def __bool__(self) -> bool:
        return bool(self._exact or self._patterns)

    def find(self, request: Request) -> EndpointObject | None:
        """The endpoint whose header ``request`` carries."""
        for name, table in self._exact.items():
            for value in request.get_all(name):
                found = table.get(value)
                if found is not None:
                    return found
        for name, patterns in self._patterns.items():
            for value in request.get_all(name):
                for pattern, endpoint in patterns:
                    if pattern.is_in(value):
                        return endpoint
        return None


def _is_expression(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == "/"


def _matcher(text: str) -> str | Regex | None:
    """``value`` is the whole value; ``/expression/`` is searched for. None for a bad one, which matches nothing."""
    if not _is_expression(text):
        return text
    try:
        return compile_regex(text[1:-1])
    except BadPattern as error:
        logger.warning(f"'{text}' is no regular expression and matches nothing: {error}")
        return None


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

"""Agreement on security mechanisms with the server of an endpoint (RFC 3329, ``security_negotiation=mediasec``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.grammar import split_list

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.message import Header, Response

#: mechanisms of one server that are kept
MAX_MECHANISMS = 16


class SecurityAgreement(Supplement):
    """Our INVITEs offer mechanisms in Security-Client and give back in Security-Verify what the server said it has."""

    module = "res_pjsip_rfc3329"

    def __init__(self, driver: object) -> None:
        super().__init__(driver)  # type: ignore[arg-type]
        #: by endpoint: the mechanisms of its server, as its last Security-Server headers said
        self._servers: dict[str, tuple[str, ...]] = {}

    def concerns(self, endpoint: EndpointObject) -> bool:
        """Those that want it."""
        return endpoint.security_negotiation == "mediasec"

    def configure(self, settings: PjsipSettings) -> None:
        """Endpoints that are gone need no memory."""
        self._servers = {name: known for name, known in self._servers.items() if name in settings.endpoints}

    def invite_headers(self, leg: Leg, headers: list[Header]) -> None:
        """Offer what the endpoint is configured with."""
        endpoint = leg.endpoint
        if endpoint.security_negotiation == "mediasec" and endpoint.security_mechanisms:
            headers.append(("Security-Client", ", ".join(endpoint.security_mechanisms)))
            headers += self._verify(endpoint)
            headers += [("Require", "mediasec"), ("Proxy-Require", "mediasec")]

    def response_received(self, leg: Leg, response: Response) -> None:
        """Note what the server has."""
        if leg.endpoint.security_negotiation == "mediasec":
            self._learn(leg.endpoint, response)

    def retry_headers(self, leg: Leg, response: Response) -> list[Header]:
        """A challenge, or 494: the next INVITE verifies what the server says it has (RFC 3329 2.3.1)."""
        if leg.endpoint.security_negotiation != "mediasec":
            return []
        self._learn(leg.endpoint, response)
        return self._verify(leg.endpoint)

    def _learn(self, endpoint: EndpointObject, response: Response) -> None:
        found = [item.strip() for value in response.get_all("Security-Server") for item in split_list(value)]
        if found:
            self._servers[endpoint.name] = tuple(found[:MAX_MECHANISMS])

    def _verify(self, endpoint: EndpointObject) -> list[Header]:
        return [("Security-Verify", mechanism) for mechanism in self._servers.get(endpoint.name, ())]

    def describe(self) -> dict[str, object]:
        """Whose servers are known."""
        return {"servers": dict(self._servers)}

"""Host names of ``match=``: looked up when the configuration is read and again from time to time (RFC 3263 for SRV)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.addresses import Match, read_match
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_endpoint_identifier_ip")

#: Seconds between two look-ups of the names of one configuration.
REFRESH = 300.0
#: SRV names of a SIP domain.
SERVICES = ("_sip._udp", "_sip._tcp", "_sips._tcp")
#: Most hosts that SRV records of one name may lead to.
MAX_TARGETS = 64


class NameLookup(Protocol):
    """Service ``sip name lookup``: asks the DNS; a test brings its own."""

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a host name; raises OSError if there are none."""

    async def targets(self, service: str) -> list[str]:
        """The hosts that SRV records of ``_sip._udp.example.com`` lead to; none if there are no such records."""


class DnsLookup:
    """The system's resolver for hosts, dnspython for SRV."""

    async def addresses(self, host: str) -> list[str]:
        """See NameLookup."""
        found = await asyncio.get_running_loop().getaddrinfo(host, 0)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def targets(self, service: str) -> list[str]:
        """See NameLookup."""
        import dns.asyncresolver
        import dns.exception

        try:
            answer = await dns.asyncresolver.resolve(service, "SRV", lifetime=5.0)
        except (dns.exception.DNSException, OSError) as error:
            logger.debug(1, f"no SRV records of {service}: {error}")
            return []
        return [str(record.target).rstrip(".") for record in answer][:MAX_TARGETS]


class EndpointIdentifierIp(Supplement):
    """Keeps the addresses behind the host names of identify objects up to date."""

    module = "res_pjsip_endpoint_identifier_ip"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._task: asyncio.Task[None] | None = None
        #: what each name was found to be, kept when a later look-up fails
        self.found: dict[tuple[str, int, bool], tuple[Match, ...]] = {}

    def configure(self, settings: PjsipSettings) -> None:
        """Look up the names of a new configuration."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        wanted = {
            (host, port, identify.srv_lookups and not port)
            for identify in settings.identifies.values()
            for host, port in identify.hosts
        }
        self.found = {key: matches for key, matches in self.found.items() if key in wanted}
        if wanted:
            self._task = self.driver.tasks.start(self._keep(settings, sorted(wanted)), name="resolve match")

    async def _keep(self, settings: PjsipSettings, wanted: list[tuple[str, int, bool]]) -> None:
        self._apply(settings)
        while True:
            for key in wanted:
                await self._look_up(key)
            self._apply(settings)
            await asyncio.sleep(REFRESH)

    async def _look_up(self, key: tuple[str, int, bool]) -> None:
        lookup: NameLookup = self.driver.system.services.get("sip name lookup") or DnsLookup()
        host, port, with_srv = key
        hosts = [host]
        if with_srv:
            for service in SERVICES:
                hosts += await lookup.targets(f"{service}.{host}")
        texts: list[str] = []
        for name in dict.fromkeys(hosts):
            try:
                texts += await lookup.addresses(name)
            except OSError as error:
                if not with_srv:
                    logger.warning(f"identify: the host name '{name}' cannot be resolved: {error}")
        if texts:
            self.found[key] = tuple(Match(read_match(text).network, port) for text in dict.fromkeys(texts))
        elif with_srv:
            logger.warning(f"identify: neither '{host}' nor its SRV records lead to an address")

    def _apply(self, settings: PjsipSettings) -> None:
        """Put what was found into the driver's table; names that were never found match nobody."""
        index = self.driver.identifier.addresses
        for identify in settings.identifies.values():
            endpoint = settings.endpoints.get(identify.endpoint)
            if endpoint is None or "ip" not in endpoint.identify_by:
                continue
            for host, port in identify.hosts:
                matches = self.found.get((host, port, identify.srv_lookups and not port), ())
                index.put(f"{identify.name}/{host}:{port}", endpoint, matches, identify.excluded)

    def describe(self) -> dict[str, object]:
        """The names with their addresses."""
        return {host: ", ".join(map(str, matches)) for (host, _, _), matches in self.found.items()}

"""Floods and scanners: token buckets by source, and a list of sources whose messages are ignored before they are read.

A source is an IPv4 address or an IPv6 /64, as a single customer gets one. Who has proved to be an endpoint is left alone for a
while, so that nobody who forges a phone's address can lock that phone out. Every look costs the same however many sources there
are, and all tables are bounded.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.acl import Network
from globstar.modules.channels.pjsip.defence_object import DefenceObject

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver

logger = Logger("res_pjsip_defence")

#: Entries of the tables that only speed things up.
_CACHE = 4096
_FOREVER = float("inf")


class Offence(Enum):
    """What counts against a source; the value is the option with the number that is too many."""

    WRONG_PASSWORD = "failures"
    UNKNOWN_ACCOUNT = "unknown"
    MALFORMED = "malformed"


class _Bucket:
    """Tokens of one source or network, and what counted against it lately."""

    __slots__ = ("at", "offences", "refused", "since", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens = tokens
        self.at = now
        self.refused = 0
        self.since = now
        self.offences: dict[Offence, int] | None = None

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Use up one token; False when there is none."""
        tokens = min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if tokens < 1.0:
            self.tokens = tokens
            return False
        self.tokens = tokens - 1.0
        return True


@dataclass(slots=True)
class Dropped:
    """A source that is ignored ``until`` a time (monotonic seconds)."""

    until: float
    reason: str
    ignored: int = 0


class Defence:
    """Decides by source, and counts. ``now`` is monotonic seconds."""

    def __init__(self, options: DefenceObject) -> None:
        self.counters = dict.fromkeys(
            ("ignored", "over the limit of an address", "over the limit of a network", "scanners", "sources dropped"), 0
        )
        self._dropped: OrderedDict[str, Dropped] = OrderedDict()
        self._sources: OrderedDict[str, _Bucket] = OrderedDict()
        self._networks: OrderedDict[str, _Bucket] = OrderedDict()
        self._proved: OrderedDict[str, float] = OrderedDict()
        self._keys: dict[str, tuple[str, str]] = {}
        self._agents: dict[str, bool] = {}
        self.configure(options)

    def configure(self, options: DefenceObject, trusted: tuple[Network, ...] = ()) -> None:
        """Take over options; ``trusted`` are networks of peers that the configuration names, never limited either."""
        self.options = options
        self._allowed = (*options.allow, *trusted)
        self._scanners = tuple(agent.lower() for agent in options.scanners)
        self._agents.clear()
        self._proved = OrderedDict((host, until) for host, until in self._proved.items() if until != _FOREVER)

    # -- every message -----------------------------------------------------------------------------------------------

    def admits(self, host: str, now: float) -> bool:
        """Whether a message from ``host`` is to be read at all."""
        proved = self._proved.get(host)
        if proved is not None:
            if proved > now:
                return True
            del self._proved[host]
        source, network = self._keys.get(host) or self._key(host)
        if self._dropped and self._is_ignored(source, now):
            return False
        options = self.options
        bucket = self._sources.get(source)
        if bucket is None:
            if self._is_allowed(host):
                self._remember(host, _FOREVER)
                return True
            bucket = self._watch(self._sources, source, options.burst, now)
        else:
            self._sources.move_to_end(source)
        if options.rate and not bucket.take(options.rate, options.burst, now):
            self.counters["over the limit of an address"] += 1
            self._flooded(source, bucket, now)
            return False
        if options.network_rate:
            wide = self._networks.get(network)
            if wide is None:
                wide = self._watch(self._networks, network, options.network_burst, now)
            else:
                self._networks.move_to_end(network)
            if not wide.take(options.network_rate, options.network_burst, now):
                self.counters["over the limit of a network"] += 1
                return False
        return True

    def _is_ignored(self, source: str, now: float) -> bool:
        dropped = self._dropped.get(source)
        if dropped is None:
            return False
        if dropped.until <= now:
            del self._dropped[source]
            return False
        dropped.ignored += 1
        self.counters["ignored"] += 1
        return True

    def is_dropped(self, host: str, now: float) -> bool:
        """Whether ``host`` is ignored; for connections, whose rate is not limited, as they can be slowed down."""
        if not self._dropped or self._proved.get(host, 0.0) > now:
            return False
        return self._is_ignored((self._keys.get(host) or self._key(host))[0], now)

    def _flooded(self, source: str, bucket: _Bucket, now: float) -> None:
        """Who goes on far above the limit is not worth a look at its bucket any more."""
        if now - bucket.since > self.options.window:
            bucket.since, bucket.refused, bucket.offences = now, 0, None
        bucket.refused += 1
        if bucket.refused >= 10 * self.options.burst:
            self._drop(source, now, self.options.drop_time, "flood")

    def _watch(self, table: OrderedDict[str, _Bucket], key: str, burst: float, now: float) -> _Bucket:
        if len(table) >= self.options.max_sources:
            table.popitem(last=False)
        bucket = table[key] = _Bucket(burst, now)
        return bucket

    def _key(self, host: str) -> tuple[str, str]:
        """The names under which a source and its network are counted."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            key = (host, host)
        else:
            if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
                address = address.ipv4_mapped
            if address.version == 4:
                key = (str(address), f"{str(address).rpartition('.')[0]}.0/24")
            else:
                key = tuple(str(ipaddress.ip_network((address, length), strict=False)) for length in (64, 48))  # type: ignore[assignment]
        if len(self._keys) >= _CACHE:
            self._keys.clear()
        self._keys[host] = key
        return key

    def _is_allowed(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return any(address in net for net in self._allowed)

    # -- what was found out ------------------------------------------------------------------------------------------

    def is_scanner(self, user_agent: str) -> bool:
        """Whether a User-Agent is that of a scanner."""
        known = self._agents.get(user_agent)
        if known is None:
            if len(self._agents) >= _CACHE:
                self._agents.clear()
            known = self._agents[user_agent] = bool(self._scanners) and user_agent.lower().startswith(self._scanners)
        return known

    def proved(self, host: str, now: float) -> None:
        """A request from ``host`` has proved to be an endpoint's."""
        if self.options.trust_time and self._proved.get(host) != _FOREVER:
            self._remember(host, now + self.options.trust_time)

    def _remember(self, host: str, until: float) -> None:
        proved = self._proved
        if host not in proved and len(proved) >= self.options.max_sources:
            proved.popitem(last=False)
        proved[host] = until
        proved.move_to_end(host)

    def is_trusted(self, host: str, now: float) -> bool:
        """Whether ``host`` is left alone."""
        return self._proved.get(host, 0.0) > now or self._is_allowed(host)

    def offended(self, host: str, offence: Offence, now: float) -> str:
        """Count something against ``host``; returns the source when that makes it be dropped, else nothing."""
        limit: int = getattr(self.options, offence.value)
        if not limit or self._proved.get(host, 0.0) > now:
            return ""
        source = self._key(host)[0]
        bucket = self._sources.get(source)
        if bucket is None:
            if self._is_allowed(host):
                return ""
            bucket = self._watch(self._sources, source, self.options.burst, now)
        if bucket.offences is None or now - bucket.since > self.options.window:
            bucket.since, bucket.refused, bucket.offences = now, 0, {}
        count = bucket.offences[offence] = bucket.offences.get(offence, 0) + 1
        if count < limit:
            return ""
        self._drop(source, now, self.options.drop_time, offence.name.lower().replace("_", " "))
        return source

    def drop_scanner(self, host: str, now: float) -> str:
        """Drop who shows itself to be a scanner; returns the source, nothing for one that is left alone."""
        if self.is_trusted(host, now):
            return ""
        self.counters["scanners"] += 1
        source = self._key(host)[0]
        self._drop(source, now, self.options.drop_time, "scanner")
        return source

    def _drop(self, source: str, now: float, seconds: float, reason: str) -> None:
        if len(self._dropped) >= self.options.max_sources:
            self._dropped.popitem(last=False)
        self._dropped[source] = Dropped(now + seconds, reason)
        self._sources.pop(source, None)
        self.counters["sources dropped"] += 1

    # -- by hand -----------------------------------------------------------------------------------------------------

    def drop(self, host: str, now: float, seconds: float = 0.0) -> str:
        """Ignore an address from now on, trusted or not; raises ValueError for what is no address."""
        ipaddress.ip_address(host)
        self._proved.pop(host, None)
        source = self._key(host)[0]
        self._drop(source, now, seconds or self.options.drop_time, "by hand")
        return source

    def allow(self, host: str, now: float) -> str:
        """Listen to an address again and leave it alone for ``trust_time``; raises ValueError for what is no address."""
        ipaddress.ip_address(host)
        source = self._key(host)[0]
        self._dropped.pop(source, None)
        self._sources.pop(source, None)
        self._remember(host, now + (self.options.trust_time or self.options.drop_time))
        return source

    def flush(self) -> int:
        """Listen to everybody again; returns how many were ignored."""
        count = len(self._dropped)
        self._dropped.clear()
        self._sources.clear()
        self._networks.clear()
        return count

    def dropped(self, now: float) -> list[tuple[str, Dropped]]:
        """Who is ignored now; those whose time is over are forgotten."""
        for source in [source for source, entry in self._dropped.items() if entry.until <= now]:
            del self._dropped[source]
        return list(self._dropped.items())

    def describe(self, now: float) -> dict[str, object]:
        """Sizes and counters for the CLI."""
        return {
            "sources ignored now": len(self.dropped(now)),
            "sources watched": len(self._sources),
            "sources left alone": len(self._proved),
            **self.counters,
        }


def offended(driver: PjsipDriver, host: str, offence: Offence) -> None:
    """Count something against a source, and tell when it is ignored from now on."""
    defence = driver.defence
    if defence is not None:
        source = defence.offended(host, offence, driver.system.now())
        if source:
            why = offence.name.lower().replace("_", " ")
            logger.notice(f"'{source}' is ignored for {defence.options.drop_time} s: too often {why}")

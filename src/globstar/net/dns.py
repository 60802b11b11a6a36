"""Name look-ups: DNS records with their life times kept, failures too, and the names that only the system knows."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner

if TYPE_CHECKING:
    import dns.resolver

logger = Logger("net.dns")

#: Records kept; when full, those that end first go.
MAX_RECORDS = 4096
#: Bounds of the life of an answer, seconds.
MIN_LIFE, MAX_LIFE = 1.0, 86400.0
#: Life of "there is no such record" where its zone does not say, and of a server's failure.
NEGATIVE_LIFE, FAILURE_LIFE = 60.0, 5.0
#: Life of what the system's own resolver says, which tells no time.
SYSTEM_LIFE = 60.0
#: How long nothing is asked about a host after no name server has answered in time, seconds.
REST = 10.0
#: How long one question may take in all, and how long one server has, seconds.
LIFETIME, TRY = 5.0, 2.0

#: Kinds of questions that are not called as their records.
_KINDS = {"ENUM": "NAPTR"}
_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """Whom to ask.

    ``nameservers`` as ``address`` or ``address@port``; none means those of ``resolv``. Files: empty means the system's own."""

    nameservers: tuple[str, ...] = ()
    resolv: str = ""
    hosts: str = ""
    #: ask no name server: addresses come from the system's resolver, and there are no other records
    system_only: bool = False


@dataclass(slots=True)
class _Entry:
    records: tuple[Any, ...]
    expires: float


@dataclass(slots=True)
class DnsCounters:
    """What a resolver has done."""

    queries: int = 0
    hits: int = 0
    negative: int = 0
    failures: int = 0
    evicted: int = 0


@dataclass(slots=True)
class _Hosts:
    """The names of a hosts file, for each family."""

    names: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str) -> _Hosts:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                address, *names = line.partition("#")[0].split()[:64] or [""]
                kind = "AAAA" if ":" in address else "A"
                for name in names:
                    key = (kind, name.lower().rstrip("."))
                    found[key] = (*found.get(key, ()), address)
        return cls(found)


class Resolver:
    """Answers questions for records: A, AAAA and TXT as text, NAPTR and SRV as tuples of their fields.

    (order, preference, flags, service, replacement) with flags and service in upper case, and (priority, weight, port, target);
    names without the last dot. The kind ``ENUM`` stands for NAPTR records with (order, preference, flags, service, regexp,
    replacement) as they are. No record at all is an empty answer, as is a failure (which is forgotten soon).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, options: DnsOptions | None = None) -> None:
        self._loop = loop
        self._options = options or DnsOptions()
        self._cache: dict[tuple[str, str], _Entry] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._tasks = TaskOwner("net/dns")
        self._resolver: Any = None
        self._hosts: _Hosts | None = None
        self._silent: dict[str, float] = {}
        self.counters = DnsCounters()

    def __len__(self) -> int:
        return len(self._cache)

    def cached(self, kind: str, name: str) -> tuple[Any, ...] | None:
        """What is known at once; None where it must be asked for."""
        entry = self._cache.get((kind, name.lower()))
        if entry is None or entry.expires <= self._loop.time():
            return None
        self.counters.hits += 1
        return entry.records

    async def query(self, kind: str, name: str) -> tuple[Any, ...]:
        """The records; several who ask the same at a time wait for one answer."""
        key = (kind, name.lower().rstrip("."))
        known = self.cached(*key)
        if known is not None:
            return known
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = self._tasks.start(self._ask(*key), name=f"{kind} {name}")
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        await asyncio.wait((task,))
        entry = self._cache.get(key)
        return entry.records if entry is not None else ()

    def forget(self) -> None:
        """Ask anew from now on."""
        self._cache.clear()

    async def close(self) -> None:
        """End all questions."""
        await self._tasks.close()

    async def _ask(self, kind: str, name: str) -> None:
        if self._options.system_only:
            if kind in _FAMILIES:
                await self._ask_system(kind, name)
            else:
                self._keep(kind, name, (), NEGATIVE_LIFE)
            return
        if self._hosts is None:
            self._hosts = await asyncio.to_thread(self._read_hosts)
        local = self._hosts.names.get((kind, name))
        if local is not None:
            self._keep(kind, name, local, SYSTEM_LIFE)
            return
        is_answered = "." in name and await self._ask_dns(kind, name)
        if not is_answered and kind in _FAMILIES:
            await self._ask_system(kind, name)

    def _read_hosts(self) -> _Hosts:
        try:
            return _Hosts.read(self._options.hosts or "/etc/hosts")
        except OSError as error:
            logger.warning(f"no names are read from a hosts file: {error}")
            return _Hosts()

    async def _ask_dns(self, kind: str, name: str) -> bool:
        """Ask the name servers; False when they give no answer at all."""
        host = _host_of(name)
        if self._silent.get(host, 0.0) > self._loop.time():
            self._keep(kind, name, (), FAILURE_LIFE)
            return False
        if self._resolver is None:
            self._resolver = await asyncio.to_thread(_make_resolver, self._options)
        import dns.exception
        import dns.resolver

        self.counters.queries += 1
        try:
            answer = await self._resolver.resolve(name, _KINDS.get(kind, kind), lifetime=LIFETIME, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as nothing:
            self.counters.negative += 1
            self._keep(kind, name, (), _negative_life(nothing))
            return True
        except (dns.exception.DNSException, OSError, ValueError) as error:
            self.counters.failures += 1
            logger.debug(1, f"no answer for {kind} of {name}: {error}")
            self._keep(kind, name, (), FAILURE_LIFE)
            if isinstance(error, dns.exception.Timeout):  # one look-up asks several questions; it need not wait for each
                if len(self._silent) >= MAX_RECORDS:
                    self._silent.clear()
                self._silent[host] = self._loop.time() + REST
            return False
        self._keep(kind, name, tuple(_VALUES[kind](record) for record in answer), float(answer.rrset.ttl))
        return True

    async def _ask_system(self, kind: str, name: str) -> None:
        """The names that are in no DNS: containers, mDNS, search domains."""
        try:
            found = await self._loop.getaddrinfo(name, 0, family=_FAMILIES[kind], type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            self._keep(kind, name, (), FAILURE_LIFE)
            return
        self._keep(kind, name, tuple(dict.fromkeys(str(entry[4][0]) for entry in found)), SYSTEM_LIFE)

    def _keep(self, kind: str, name: str, records: tuple[Any, ...], life: float) -> None:
        if len(self._cache) >= MAX_RECORDS:
            oldest = sorted(self._cache, key=lambda key: self._cache[key].expires)[: MAX_RECORDS // 8]
            for key in oldest:
                del self._cache[key]
            self.counters.evicted += len(oldest)
        self._cache[kind, name] = _Entry(records, self._loop.time() + min(max(life, MIN_LIFE), MAX_LIFE))


def _make_resolver(options: DnsOptions) -> Any:
    import dns.asyncresolver
    import dns.nameserver
    import dns.resolver

    if options.nameservers:
        resolver = dns.asyncresolver.Resolver(configure=False)
        servers: list[dns.nameserver.Nameserver] = []
        for text in options.nameservers:
            address, _, port = text.partition("@")
            servers.append(dns.nameserver.Do53Nameserver(address, int(port or 53)))
        resolver.nameservers = servers
    else:
        try:
            resolver = dns.asyncresolver.Resolver(filename=options.resolv or "/etc/resolv.conf")
        except dns.resolver.NoResolverConfiguration:
            resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.timeout, resolver.lifetime = TRY, LIFETIME
    resolver.cache = None
    return resolver


def _negative_life(nothing: Any) -> float:
    """RFC 2308 5: the lesser of the SOA's TTL and its minimum."""
    import dns.rdatatype

    try:
        responses = [nothing.response()] if hasattr(nothing, "response") and callable(nothing.response) else []
    except (KeyError, TypeError, AttributeError):
        responses = []
    found = nothing.kwargs.get("responses") or {}
    responses += list(found.values())
    if nothing.kwargs.get("response") is not None:
        responses.append(nothing.kwargs["response"])
    for response in responses:
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA:
                return float(min(rrset.ttl, rrset[0].minimum))
    return NEGATIVE_LIFE


def _host_of(name: str) -> str:
    """The host that a name of services is about: ``_sip._udp.example.org`` is about example.org."""
    while name.startswith("_"):
        name = name.partition(".")[2]
    return name


def _name(name: Any) -> str:
    return str(name).rstrip(".").lower()


def order_services(
    records: list[tuple[int, int, int, str]], chance: random.Random | None = None
) -> list[tuple[int, int, int, str]]:
    """SRV records in the order in which RFC 2782 tries them: by priority, within one by chance as the weights say."""
    chance = chance or random.SystemRandom()
    ordered: list[tuple[int, int, int, str]] = []
    rest = sorted(records, key=lambda record: (record[0], record[1] != 0))
    while rest:
        group = [record for record in rest if record[0] == rest[0][0]]
        total = sum(weight for _, weight, _, _ in group)
        mark = chance.randint(0, total)
        running = 0
        for record in group:
            running += record[1]
            if running >= mark:
                ordered.append(record)
                rest.remove(record)
                break
    return ordered


_VALUES: dict[str, Callable[[Any], Any]] = {
    "A": lambda record: record.address,
    "AAAA": lambda record: record.address,
    "SRV": lambda record: (record.priority, record.weight, record.port, _name(record.target)),
    "NAPTR": lambda record: (
        record.order,
        record.preference,
        record.flags.decode("ascii", "replace").upper(),
        record.service.decode("ascii", "replace").upper(),
        _name(record.replacement) if not record.regexp else "",
    ),
    "ENUM": lambda record: (
        record.order,
        record.preference,
        record.flags.decode("ascii", "replace"),
        record.service.decode("ascii", "replace"),
        record.regexp.decode("utf-8", "replace"),
        _name(record.replacement),
    ),
    "TXT": lambda record: b"".join(record.strings).decode("utf-8", "replace"),
}

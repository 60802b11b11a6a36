"""The transports of pjsip.conf at work: bound, chosen for a destination, and fed with what SIP wants to send."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.modules.channels.pjsip.network import Carrier, Network, Receiver
from globstar.modules.channels.pjsip.objects import TransportObject
from globstar.net.flow import Address
from globstar.net.tls import TlsError
from globstar.proto.sip.flow import DEFAULT_PORTS, Flow, Transport
from globstar.proto.sip.uri import SipUri

logger = Logger("res_pjsip")

#: How long a resolved name is used again, seconds.
NAME_LIFE = 60.0
#: Bounds of the tables of names and of local addresses; when full they start anew.
MAX_NAMES = 1024
#: Messages that wait for one name to be resolved.
WAITING_PER_NAME = 64


@dataclass(slots=True, eq=False)
class BoundTransport:
    """One transport object with its socket."""

    name: str
    config: TransportObject
    transport: Transport
    carrier: Carrier
    #: bound to all addresses, so that ours depends on who asks
    is_any: bool = False
    contacts: dict[str, str] = field(default_factory=dict)

    def is_local(self, host: str) -> bool:
        """Whether ``host`` lies in local_net, so that it is told our own address; all do where no external one is set."""
        nets = self.config.local_net
        if not nets:
            return False
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in net for net in nets)


class Transports:
    """All bound transports of the driver."""

    def __init__(self, network: Network, receiver: Receiver, clock: Callable[[], float]) -> None:
        self._network = network
        self._receiver = receiver
        self._clock = clock
        self._bound: dict[str, BoundTransport] = {}
        self._by_transport: dict[int, BoundTransport] = {}
        self._local: dict[str, str] = {}
        self._names: dict[tuple[str, int], tuple[Address, float]] = {}
        self._waiting: dict[tuple[str, int], deque[tuple[Flow, bytes]]] = {}
        self._tasks = TaskOwner("sip/names")

    def __iter__(self) -> Iterator[BoundTransport]:
        return iter(sorted(self._bound.values(), key=lambda bound: bound.name))

    def __len__(self) -> int:
        return len(self._bound)

    def get(self, name: str) -> BoundTransport | None:
        """The transport called ``name``."""
        return self._bound.get(name)

    def of(self, transport: Transport) -> BoundTransport | None:
        """What was bound for a SIP transport."""
        return self._by_transport.get(id(transport))

    # -- life --------------------------------------------------------------------------------------------------------

    async def open(self, name: str, config: TransportObject) -> None:
        """Bind one transport; a failure is logged and the others go on."""
        protocol = config.protocol.upper()
        if protocol == "FLOW":
            return
        bind = config.bind
        port = bind.port or DEFAULT_PORTS[protocol]
        transport = Transport(
            protocol, bind.host, port, reliable=protocol != "UDP", secure=protocol in ("TLS", "WSS"), label=name
        )
        try:
            carrier = await self._network.open(transport, (bind.host, port), self._receiver, config)
        except TlsError as error:
            logger.error(f"transport '{name}' is left out: {error}")
            return
        except OSError as error:
            logger.error(f"transport '{name}' cannot listen on {bind.host}:{port} ({config.protocol}): {error}")
            return
        bound = BoundTransport(name, config, transport, carrier, ipaddress.ip_address(bind.host).is_unspecified)
        self._bound[name] = bound
        self._by_transport[id(transport)] = bound
        if bound.is_any or config.external_signaling_address:
            transport.advertise = lambda remote: self._advertised(bound, remote)
            any_host = "2001:db8::1" if ":" in bind.host else "192.0.2.1"
            transport.host = self.local_address(transport, any_host)
        logger.debug(1, f"transport '{name}' listens on {bind.host}:{port} ({config.protocol})")

    async def reconfigure(self, name: str, config: TransportObject) -> None:
        """Take over other options of a bound transport; its connections go on, new ones use what its files hold now."""
        bound = self._bound[name]
        try:
            await bound.carrier.reconfigure(config)
        except (OSError, TlsError) as error:
            logger.error(f"transport '{name}' goes on with what it had: {error}")
            return
        bound.config = config

    async def close(self, name: str) -> None:
        """Give one transport back."""
        bound = self._bound.pop(name, None)
        if bound is not None:
            self._by_transport.pop(id(bound.transport), None)
            await bound.carrier.close()

    async def close_all(self) -> None:
        """Give all back."""
        await self._tasks.close()
        for name in list(self._bound):
            await self.close(name)

    # -- addresses ---------------------------------------------------------------------------------------------------

    def local_address(self, transport: Transport, remote: str) -> str:
        """Our own address towards ``remote``, whatever is told to others."""
        bound = self._by_transport.get(id(transport))
        if bound is None or not bound.is_any:
            return bound.config.bind.host if bound is not None else transport.host
        found = self._local.get(remote)
        if found is None:
            if len(self._local) >= MAX_NAMES:
                self._local.clear()
            loopback = "::1" if ":" in bound.config.bind.host else "127.0.0.1"
            found = (self._network.local_address_for((remote, 5060)) if _is_numeric(remote) else None) or loopback
            self._local[remote] = found
        return found

    def _advertised(self, bound: BoundTransport, remote: str) -> tuple[str, int]:
        config, port = bound.config, bound.transport.port
        if config.external_signaling_address and not bound.is_local(remote):
            return config.external_signaling_address, config.external_signaling_port or port
        return self.local_address(bound.transport, remote), port

    def contact(self, transport: Transport, user: str, remote: str) -> str:
        """Our Contact header towards ``remote``."""
        bound = self._by_transport.get(id(transport))
        if bound is None or transport.advertise is not None:
            return f"<{transport.contact_uri(user or None, remote)}>"
        known = bound.contacts.get(user)
        if known is None:
            if len(bound.contacts) >= MAX_NAMES:
                bound.contacts.clear()
            known = bound.contacts[user] = f"<{transport.contact_uri(user or None, remote)}>"
        return known

    def media_address(self, transport: Transport, remote: str) -> str:
        """The address that SDP towards ``remote`` names."""
        bound = self.of(transport)
        if bound is not None and bound.config.external_media_address and not bound.is_local(remote):
            return bound.config.external_media_address
        return self.local_address(transport, remote)

    def ipv6_address(self, remote: str) -> str:
        """Our IPv6 address for media of a call that is signalled over IPv4 (rtp_ipv6); "" when we have none."""
        target = remote if ":" in remote else "2001:db8::1"
        found = self._network.local_address_for((target, 5060)) or ""
        return found if ":" in found else ""

    def bind_address(self, transport: Transport) -> str:
        """Where RTP is bound for calls over ``transport``: the transport's own address, or all."""
        bound = self.of(transport)
        return bound.config.bind.host if bound is not None else "0.0.0.0"

    # -- sending -----------------------------------------------------------------------------------------------------

    def choose(self, name: str, uri: SipUri) -> Transport | None:
        """The transport for a request to ``uri``: the one named, or the first that speaks what the URI asks for."""
        if name:
            bound = self._bound.get(name)
            return bound.transport if bound is not None else None
        wanted = uri.transport or ("TLS" if uri.is_secure else "UDP")
        wants_v6 = ":" in uri.bare_host
        candidates = [bound for bound in self._bound.values() if bound.transport.name == wanted]
        for bound in candidates:
            if (":" in bound.config.bind.host) == wants_v6:
                return bound.transport
        return candidates[0].transport if candidates else None

    def flow_to(self, name: str, uri: SipUri) -> Flow | None:
        """The way to ``uri``; None without a fitting transport."""
        transport = self.choose(name, uri)
        if transport is None:
            return None
        return Flow(transport, uri.bare_host, uri.port or DEFAULT_PORTS[transport.name])

    def send(self, flow: Flow, data: bytes) -> None:
        """Send a message, after its host name is resolved."""
        bound = self._by_transport.get(id(flow.transport))
        if bound is None:
            self._receiver.send_failed(flow, "the transport is gone")
        elif flow.connection is not None or _is_numeric(flow.host):
            bound.carrier.send(flow, data, (flow.host, flow.port))
        else:
            self._send_to_name(bound, flow, data)

    def _send_to_name(self, bound: BoundTransport, flow: Flow, data: bytes) -> None:
        key = (flow.host, flow.port)
        known = self._names.get(key)
        now = self._clock()
        if known is not None and known[1] > now:
            bound.carrier.send(flow, data, known[0])
            return
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = deque()
            self._tasks.start(self._resolve(key), name=f"resolve {flow.host}")
        if len(waiting) >= WAITING_PER_NAME:
            self._receiver.send_failed(flow, "too many messages wait for the name")
        else:
            waiting.append((flow, data))

    async def _resolve(self, key: tuple[str, int]) -> None:
        address = await self._network.resolve(*key)
        waiting = self._waiting.pop(key, ())
        if address is None:
            logger.warning(f"the host name '{key[0]}' cannot be resolved")
        else:
            if len(self._names) >= MAX_NAMES:
                self._names.clear()
            now = self._clock()
            self._names[key] = (address, now + NAME_LIFE)
        for flow, data in waiting:
            bound = self.of(flow.transport)
            if address is None or bound is None:
                self._receiver.send_failed(flow, "host name not found")
            else:
                bound.carrier.send(flow, data, address)

    def disconnect(self, flow: Flow) -> None:
        """Close the connection of ``flow``."""
        bound = self.of(flow.transport)
        if bound is not None:
            bound.carrier.disconnect(flow)


def _is_numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()

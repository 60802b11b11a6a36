"""The transports of pjsip.conf at work: bound, chosen for a destination, and fed with what SIP wants to send."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.names import Names
from globstar.modules.channels.pjsip.network import Carrier, Network, Receiver
from globstar.modules.channels.pjsip.objects import TransportObject
from globstar.modules.channels.pjsip.peer_hosts import is_numeric
from globstar.net.tls import TlsError
from globstar.proto.sip.flow import DEFAULT_PORTS, Flow, Transport
from globstar.proto.sip.locate import Lookup, Target
from globstar.proto.sip.routing import response_target
from globstar.proto.sip.uri import SipUri

logger = Logger("res_pjsip")

#: Bound of the table of local addresses and of Contact headers; when full it starts anew.
MAX_NAMES = 1024


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

    def __init__(
        self, network: Network, receiver: Receiver, clock: Callable[[], float], getrandbits: Callable[[int], int]
    ) -> None:
        self._network = network
        self._receiver = receiver
        self._bound: dict[str, BoundTransport] = {}
        self._by_transport: dict[int, BoundTransport] = {}
        self._local: dict[str, str | None] = {}
        self.names = Names(network, clock, getrandbits)

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
        if bound.is_any:
            transport.host = self.local_address(transport, "2001:db8::1" if ":" in bind.host else "192.0.2.1")
        self._advertise(bound)
        logger.debug(1, f"transport '{name}' listens on {bind.host}:{port} ({config.protocol})")

    def _advertise(self, bound: BoundTransport) -> None:
        """Set whether peers are told another address than the one that is bound."""
        config = bound.config
        for external in (config.external_signaling_address, config.external_media_address):
            if external and not is_numeric(external):
                self.names.address(external, "AAAA" if ":" in config.bind.host else "A")  # looked up before it is needed
        is_told = bound.is_any or config.external_signaling_address or config.external_signaling_hostname
        bound.transport.advertise = (lambda remote: self._advertised(bound, remote)) if is_told else None
        bound.contacts.clear()

    async def reconfigure(self, name: str, config: TransportObject) -> None:
        """Take over other options of a bound transport; its connections go on, new ones use what its files hold now."""
        bound = self._bound[name]
        try:
            await bound.carrier.reconfigure(config)
        except (OSError, TlsError) as error:
            logger.error(f"transport '{name}' goes on with what it had: {error}")
            return
        bound.config = config
        self._advertise(bound)

    async def close(self, name: str) -> None:
        """Give one transport back."""
        bound = self._bound.pop(name, None)
        if bound is not None:
            self._by_transport.pop(id(bound.transport), None)
            await bound.carrier.close()

    async def close_all(self) -> None:
        """Give all back."""
        await self.names.close()
        for name in list(self._bound):
            await self.close(name)
        await self._network.close()

    # -- addresses ---------------------------------------------------------------------------------------------------

    def local_address(self, transport: Transport, remote: str) -> str:
        """Our own address towards ``remote``, whatever is told to others."""
        bound = self._by_transport.get(id(transport))
        if bound is None or not bound.is_any:
            return bound.config.bind.host if bound is not None else transport.host
        if not is_numeric(remote):
            known = self.names.address(remote, "AAAA" if ":" in bound.config.bind.host else "A")
            if known is None:
                return transport.host
            remote = known
        return self._source(remote) or ("::1" if ":" in bound.config.bind.host else "127.0.0.1")

    def _advertised(self, bound: BoundTransport, remote: str) -> tuple[str, int]:
        config, port = bound.config, bound.transport.port
        if (config.external_signaling_address or config.external_signaling_hostname) and not bound.is_local(remote):
            told = config.external_signaling_hostname or self._external(bound, config.external_signaling_address, remote)
            return told, config.external_signaling_port or port
        return self.local_address(bound.transport, remote), port

    def _external(self, bound: BoundTransport, told: str, remote: str) -> str:
        """An external address; a host name is followed as its address changes, and ours is told while it has none."""
        if is_numeric(told):
            return told
        kind = "AAAA" if ":" in bound.config.bind.host else "A"
        return self.names.address(told, kind) or self.local_address(bound.transport, remote)

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

    def media_address(self, transport: Transport, remote: str, own: str = "") -> str:
        """The address that SDP towards ``remote`` names: ``own`` of the endpoint (a name is followed), else the transport's."""
        if own and is_numeric(own):
            return own
        bound = self.of(transport)
        if own and bound is not None:
            return self._external(bound, own, remote)
        if bound is not None and bound.config.external_media_address and not bound.is_local(remote):
            return self._external(bound, bound.config.external_media_address, remote)
        return self.local_address(transport, remote)

    def address_of_family(self, remote: str, *, is_ipv6: bool) -> str:
        """Our address for media of the other family than signalling has (rtp_ipv6); "" when we have none."""
        target = remote if (":" in remote) == is_ipv6 else "2001:db8::1" if is_ipv6 else "192.0.2.1"
        found = self._network.local_address_for((target, 5060)) or ""
        return found if (":" in found) == is_ipv6 else ""

    def bind_address(self, transport: Transport) -> str:
        """Where RTP is bound for calls over ``transport``: the transport's own address, or all."""
        bound = self._by_transport.get(id(transport))
        return bound.config.bind.host if bound is not None else "0.0.0.0"

    # -- sending -----------------------------------------------------------------------------------------------------

    def _pick(self, protocol: str, name: str, address: str) -> BoundTransport | None:
        """The transport for a numeric address: the one named, else the one that the kernel would send from, or any that can."""
        wants_v6 = ":" in address
        if name:
            bound = self._bound.get(name)
            return bound if bound is not None and (":" in bound.config.bind.host) == wants_v6 else None
        candidates = [
            bound
            for bound in self._bound.values()
            if bound.transport.name == protocol and (":" in bound.config.bind.host) == wants_v6
        ]
        if len(candidates) > 1:
            source = self._source(address)
            for bound in candidates:
                if bound.config.bind.host == source:
                    return bound
            for bound in candidates:
                if bound.is_any:
                    return bound
        return candidates[0] if candidates else None

    def _source(self, remote: str) -> str | None:
        """Which address of ours the kernel would send from."""
        if remote not in self._local:
            if len(self._local) >= MAX_NAMES:
                self._local.clear()
            self._local[remote] = self._network.local_address_for((remote, 5060))
        return self._local[remote]

    def flow_to(self, name: str, uri: SipUri) -> Flow | None:
        """The way to ``uri`` over the transport called ``name``, or any that fits; None without a fitting one."""
        named = self._bound.get(name)
        if name and named is None:
            return None
        protocol = named.transport.name if named is not None else _protocol_of(uri)
        host = (uri.params.get("maddr") or uri.host).strip("[]")
        if is_numeric(host):
            bound = self._pick(protocol or ("TLS" if uri.is_secure else "UDP"), name, host)
            return Flow(bound.transport, host, uri.port or DEFAULT_PORTS[bound.transport.name]) if bound is not None else None
        usable: dict[str, tuple[int, ...]] = {}
        for bound in [named] if named is not None else self._bound.values():
            families = usable.get(bound.transport.name, ())
            family = 6 if ":" in bound.config.bind.host else 4
            if family not in families:
                usable[bound.transport.name] = tuple(sorted((*families, family)))
        if protocol and protocol not in usable:
            return None
        ordered = tuple((wanted, usable[wanted]) for wanted in ("UDP", "TCP", "TLS", "WS", "WSS") if wanted in usable)
        lookup = Lookup(host, uri.port or 0, protocol, uri.is_secure, ordered, name)
        likely = protocol or ("TLS" if uri.is_secure else "UDP")
        guess = named or next((bound for bound in self._bound.values() if bound.transport.name == likely), None)
        if guess is None:  # DNS may still lead to another protocol
            guess = next(iter(self._bound.values()), None)
        if guess is None:
            return None
        return Flow(guess.transport, host, uri.port or DEFAULT_PORTS[guess.transport.name], lookup)

    def find_targets(self, flow: Flow, found: Callable[[list[Flow]], None]) -> None:
        """Call ``found`` with the flows to try for one with a Lookup (RFC 3263)."""
        lookup = flow.connection
        assert isinstance(lookup, Lookup)

        def located(targets: list[Target]) -> None:
            flows = []
            for target in targets:
                bound = self._pick(target.protocol, lookup.via, target.host)
                if bound is not None:
                    flows.append(Flow(bound.transport, target.host, target.port, None, lookup.host))
            found(flows)

        self.names.find(lookup, located)

    def target_failed(self, flow: Flow) -> None:
        """A request had to go elsewhere."""
        self.names.target_failed(Target(flow.transport.name, flow.host, flow.port))

    def larger(self, flow: Flow) -> Flow:
        """The way of a request that is too large for UDP: TCP where there is such a transport (RFC 3261 18.1.1)."""
        bound = self._pick("TCP", "", flow.host)
        return Flow(bound.transport, flow.host, flow.port, None, flow.name) if bound is not None else flow

    def send(self, flow: Flow, data: bytes) -> None:
        """Send a message; a host name that has no address yet is looked up before."""
        bound = self._by_transport.get(id(flow.transport))
        if bound is None:
            self._receiver.send_failed(flow, "the transport is gone")
        elif (flow.connection is None and not is_numeric(flow.host)) or type(flow.connection) is Lookup:
            self._send_to_name(bound, flow, data)
        else:
            if flow.connection is not None and data.startswith(b"SIP/2.0 ") and not is_alive(flow):
                flow = response_target(data, flow)  # RFC 3261 18.2.2: the connection is gone, the server may still be there
            bound.carrier.send(flow, data, (flow.host, flow.port))

    def _send_to_name(self, bound: BoundTransport, flow: Flow, data: bytes) -> None:
        """A message outside of transactions."""
        named = flow
        if not isinstance(flow.connection, Lookup):
            family = 6 if ":" in bound.config.bind.host else 4
            protocol = bound.transport.name
            named = flow._replace(connection=Lookup(flow.host, flow.port, protocol, False, ((protocol, (family,)),), bound.name))

        def found(flows: list[Flow]) -> None:
            if flows:
                self.send(flows[0], data)
            else:
                self._receiver.send_failed(flow, "host name not found")

        self.find_targets(named, found)

    def keep_alive(self) -> None:
        """Send a keep-alive on every connection."""
        for bound in self._bound.values():
            bound.carrier.keep_alive()

    def disconnect(self, flow: Flow, *, at_once: bool = False) -> None:
        """Close the connection of ``flow``; ``at_once`` without sending what waits."""
        bound = self.of(flow.transport)
        if bound is not None:
            bound.carrier.disconnect(flow, at_once=at_once)


def is_alive(flow: Flow) -> bool:
    """Whether the connection of a flow stands; a flow without one is always usable."""
    return bool(getattr(flow.connection, "is_open", True))


def _protocol_of(uri: SipUri) -> str:
    """The protocol that a URI asks for; empty where it leaves that open (RFC 3263 4.1)."""
    wanted = uri.transport
    if not uri.is_secure or wanted is None:
        return wanted or ""
    return {"TCP": "TLS", "WS": "WSS"}.get(wanted, wanted)

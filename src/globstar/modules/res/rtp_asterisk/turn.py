"""``turnaddr`` of rtp.conf: ``host[:port]``, or a URI of RFC 7065."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.config.values import host_and_port
from globstar.media.turn import TurnTransport

#: Ports of TURN, and of TURN over TLS (RFC 8656 section 18.13).
PORT, TLS_PORT = 3478, 5349


@dataclass(frozen=True, slots=True)
class TurnAddress:
    """A server as it is named; ``transports`` are the ways that are tried, in order."""

    host: str
    port: int
    transports: tuple[TurnTransport, ...]


def read_turn(text: str, port: int = 0) -> TurnAddress | None:
    """Read ``turnaddr``; ``port`` is that of an address without one (0: the usual one). None for none; raises ValueError.

    A bare address is tried over UDP, then over TCP. ``turn:host[:port][?transport=udp|tcp]`` and ``turns:host[:port]`` name
    the way.
    """
    return _read(text.strip(), port) if text.strip() else None


def _read(text: str, port: int) -> TurnAddress:
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("turn", "turns") or rest.isdigit():  # the last: a host of that name, and its port
        return TurnAddress(*host_and_port(port or PORT)(text), (TurnTransport.UDP, TurnTransport.TCP))
    is_tls = scheme.lower() == "turns"
    place, _, query = rest.partition("?")
    name, _, value = query.partition("=")
    if query and (name.lower() != "transport" or value.lower() not in ("udp", "tcp")):
        raise ValueError(f"'?{query}' is unknown; known are ?transport=udp and ?transport=tcp")
    if is_tls and value.lower() == "udp":
        raise ValueError("TURN over DTLS is not spoken; turns: is TLS over TCP")
    if is_tls:
        ways: tuple[TurnTransport, ...] = (TurnTransport.TLS,)
    else:
        ways = (TurnTransport.TCP,) if value.lower() == "tcp" else (TurnTransport.UDP,)
    return TurnAddress(*host_and_port(port or (TLS_PORT if is_tls else PORT))(place.removeprefix("//")), ways)

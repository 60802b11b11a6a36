"""Where responses go when the way they should take is gone (RFC 3261 18.2.2)."""

from __future__ import annotations

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import DEFAULT_PORTS, Flow
from globstar.proto.sip.headers.via import Via


def response_target(response: bytes, flow: Flow) -> Flow:
    """The flow for a response whose connection has ended: a new one to the sender's address and the port of sent-by.

    ``response`` is as we write it. Where its Via cannot be read the flow stays, without its connection.
    """
    head = response.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name in ("Via", "v"):
            try:
                via = Via.parse_first(value.strip())
            except SipParseError:
                break
            return Flow(flow.transport, flow.host, via.port or DEFAULT_PORTS.get(via.transport, 5060))
    return Flow(flow.transport, flow.host, flow.port)

"""A DNS server on loopback for tests: a zone in a dictionary, answered over UDP."""

from __future__ import annotations

import asyncio
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """``zone`` maps (kind, name) to the texts of records; a name without any is NXDOMAIN, with the SOA of example."""

    def __init__(self, *, ttl: int = 300, negative_ttl: int = 30) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.ttl, self.negative_ttl = ttl, negative_ttl
        self.asked: list[tuple[str, str]] = []
        #: rcode of every answer, or None to stay silent
        self.fault: str | None = ""
        self.address = ("", 0)
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> NameServer:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._transport = transport
        self.address = transport.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()

    @property
    def text(self) -> str:
        """As ``nameserver`` of resolver_unbound.conf."""
        return f"{self.address[0]}@{self.address[1]}"

    def datagram_received(self, data: bytes, source: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((kind, name))
        if self.fault is None or self._transport is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((kind, name))
        if self.fault:
            answer.set_rcode(dns.rcode.from_text(self.fault))
        elif records:
            answer.answer.append(dns.rrset.from_text_list(question.name, self.ttl, "IN", kind, records))
        else:
            soa = f"ns.example. root.example. 1 2 3 4 {self.negative_ttl}"
            answer.authority.append(dns.rrset.from_text("example.", 9999, "IN", "SOA", soa))
            if not any(known == name for _, known in self.zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), source)

"""A name server whose zone follows from the names: where a scenario's parties listen stands in what is asked for.

``pA.test`` has SRV records for port A over UDP and TCP; ``pA-pB.test`` for A first and B when that fails; ``nA.test`` has NAPTR
records that prefer TCP and lead to ``pA.test``; ``host.test`` is the loopback address.
"""

from __future__ import annotations

import asyncio
import re
import threading

from tests.support.loopback import HOST, LEAST
from tests.support.name_server import NameServer

_SERVICE = re.compile(r"_sip\._(udp|tcp)\.((?:p\d+-?)+)\.test\Z")


class Zone(dict[tuple[str, str], list[str]]):
    """Records made from the question."""

    def get(self, key: tuple[str, str], default: list[str] | None = None) -> list[str] | None:  # type: ignore[override]
        kind, name = key
        service = _SERVICE.match(name)
        if kind == "SRV" and service is not None:
            ports = [part.removeprefix("p") for part in service[2].split("-") if part]
            return [f"{10 * (index + 1)} 0 {port} host.test." for index, port in enumerate(ports)]
        if kind == "NAPTR" and re.fullmatch(r"n\d+\.test", name):
            target = f"p{name.removeprefix('n')}."
            return [f'20 1 "S" "SIP+D2U" "" _sip._udp.{target}', f'10 1 "S" "SIP+D2T" "" _sip._tcp.{target}']
        if kind == "A" and name == "host.test":
            return [HOST]
        return default


class Names:
    """The server in a thread of its own; ``text`` is its place in resolver_unbound.conf."""

    def __init__(self) -> None:
        self.text = ""
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="asyncio_names")
        self._thread.start()
        assert self._ready.wait(LEAST)

    async def _serve(self) -> None:
        server = NameServer()
        server.zone = Zone()
        async with server:
            self.text = server.text
            self._ready.set()
            await self._done.wait()

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(LEAST)
        self._loop.close()

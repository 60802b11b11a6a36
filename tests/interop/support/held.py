"""What a running server holds, by its CLI: to be the same before and after."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.core.calllog import MOST_CALLS
from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess

#: By how many there may be more. Connections of the CLI itself are being closed while it looks: not what calls hold. Of the log
#: the lines of the last calls are kept, and it is a matter of chance how many of these calls are of a kind with two lines more.
_MAY_DIFFER = {"_asyncio.Future": 2, "_asyncio.Task": 2, "base.log.Record": 2 * MOST_CALLS}


@dataclass(frozen=True, slots=True)
class Held:
    """What the server holds; ``blocks`` are pieces of Python's memory."""

    resources: dict[str, int]
    objects: dict[str, int]
    blocks: int

    def more_than(self, other: Held) -> dict[str, tuple[int, int]]:
        """What there is more of than in ``other``, with both counts."""
        pairs = [(self.resources, other.resources), (self.objects, other.objects)]
        return {
            name: (then.get(name, 0), count)
            for now, then in pairs
            for name, count in now.items()
            if count > then.get(name, 0) + _MAY_DIFFER.get(name, 0)
        }


def numbers(output: str) -> dict[str, int]:
    """``name   count`` lines."""
    return {words[0]: int(words[1]) for words in (line.split() for line in output.splitlines()) if len(words) == 2}


def held(server: GlobstarProcess) -> Held:
    objects = numbers(server.cli("core show objects"))  # a full garbage collection comes first
    resources = numbers(server.cli("core show resources"))
    assert resources.pop("threads") < 12  # a pool of bounded size, filled as it is needed
    return Held(resources, objects, resources.pop("blocks"))


def held_at_rest(server: GlobstarProcess) -> Held:
    """What is held once no transaction stands any more, as a finished one may for 64*T1 (RFC 3261 17.2.2, Timer J)."""
    found = held(server)

    def is_over() -> bool:
        nonlocal found
        found = held(server)
        return not any(".transaction." in name for name in found.objects)

    wait_until(is_over, 60, lambda: f"no transaction is left: {found.objects}", interval=0.5)
    return found

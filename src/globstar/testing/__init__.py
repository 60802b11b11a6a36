"""Testing of dialplans and call flows: a real configuration directory in virtual time, with simulated phones.

The pytest plugin is ``globstar.testing.plugin``; see docs/testing.md. Without pytest::

    from globstar.testing import Office, run_virtual

    async def main() -> None:
        async with Office("etc") as office:
            alice, bob = await office.phone("alice"), await office.phone("bob")
            ...

    run_virtual(main())
"""

from __future__ import annotations

from globstar.testing.messages import Message
from globstar.testing.office import Office
from globstar.testing.phone import Phone, PhoneCall
from globstar.testing.switch import LogCapture, running_system
from globstar.testing.virtual_loop import Deadlock, VirtualTimeLoop, run_virtual

__all__ = [
    "Deadlock",
    "LogCapture",
    "Message",
    "Office",
    "Phone",
    "PhoneCall",
    "VirtualTimeLoop",
    "run_virtual",
    "running_system",
]

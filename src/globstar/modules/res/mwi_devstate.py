"""MWI Device State Subscriptions: mailboxes as devices ``MWI:100@default``, whose lamps say that messages wait."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.devicestate import DeviceState
from globstar.core.system import System

_PREFIX = "MWI"
_SERVICE = "mwi device states"


def load(system: System) -> None:
    """Answer for such devices, and tell when they change."""
    states, mailboxes = system.device_states, system.mailboxes

    def state(mailbox: str) -> DeviceState:
        return DeviceState.INUSE if mailboxes.state(mailbox).new else DeviceState.NOT_INUSE

    def names(mailbox: str) -> Iterator[str]:
        yield f"{_PREFIX}:{mailbox}"
        short = f"{_PREFIX}:{mailbox.removesuffix('@default')}"  # hints may leave that away
        if mailbox.endswith("@default") and states.hints.of_device(short.lower()):
            yield short

    def counted(event: events.MessageWaiting) -> None:
        for name in names(event.mailbox):
            states.changed(name)

    def changed(mailbox: str) -> None:
        for name in names(mailbox):
            states.look_now(name)

    states.add_provider(_PREFIX, state, mailboxes.known)
    stops = (
        system.bus.subscribe(events.MessageWaiting, counted),  # the first count is told too
        mailboxes.listen(lambda mailbox, _state, _source: changed(mailbox)),
    )

    def stop() -> None:
        for one in stops:
            one()

    system.services[_SERVICE] = stop


def unload(system: System) -> None:
    """Answer no more."""
    system.device_states.remove_provider(_PREFIX)
    system.services.pop(_SERVICE)()

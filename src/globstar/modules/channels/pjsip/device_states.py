"""The state of an endpoint as a device, by its contacts and channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from globstar.core.channel import ChannelState
from globstar.core.devicestate import DeviceState, aggregate
from globstar.core.services import EndpointReport

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver


class EndpointReports:
    """Service ``endpoints``."""

    def __init__(self, driver: PjsipDriver) -> None:
        self._driver = driver

    def reports(self) -> Iterator[EndpointReport]:
        """See Endpoints."""
        driver = self._driver
        for name, endpoint in driver.settings.endpoints.items():
            is_online = any(contact.is_usable for aor in endpoint.aors for contact in driver.contacts.contacts(aor))
            yield EndpointReport("PJSIP", name, is_online, len(driver.legs_of(name)))


_STATES = {
    ChannelState.DOWN: DeviceState.NOT_INUSE,
    ChannelState.RINGING: DeviceState.RINGING,
    ChannelState.BUSY: DeviceState.BUSY,
}


def state_of(driver: PjsipDriver, name: str) -> DeviceState:
    """The state of an endpoint: unavailable without a contact, else what its channels make it."""
    endpoint = driver.settings.endpoints.get(name)
    if endpoint is None:
        return DeviceState.INVALID
    legs = driver.legs_of(name)
    if not legs:
        reachable = any(contact.is_usable for aor in endpoint.aors for contact in driver.contacts.contacts(aor))
        return DeviceState.NOT_INUSE if reachable else DeviceState.UNAVAILABLE
    if endpoint.device_state_busy_at and len(legs) >= endpoint.device_state_busy_at:
        return DeviceState.BUSY
    states: list[ChannelState] = []  # few, while an endpoint may have hundreds of channels
    last: ChannelState | None = None
    for leg in legs:
        channel = leg.channel
        if channel is not None and channel.state is not last:
            last = channel.state
            if last not in states:
                states.append(last)
    if not states:
        return DeviceState.NOT_INUSE
    if all(leg.channel.is_held for leg in legs if leg.channel is not None):
        return DeviceState.ONHOLD
    return aggregate([_STATES.get(state, DeviceState.INUSE) for state in states])

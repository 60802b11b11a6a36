"""The state of an endpoint as a device, by its contacts and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.channel import ChannelState
from globstar.core.devicestate import DeviceState, aggregate

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver

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
    channels = [leg.channel for leg in legs if leg.channel is not None]
    if channels and all(channel.is_held for channel in channels):
        return DeviceState.ONHOLD
    states: list[ChannelState] = []  # few, while an endpoint may have hundreds of channels
    for channel in channels:
        if channel.state not in states:
            states.append(channel.state)
    return aggregate([_STATES.get(state, DeviceState.INUSE) for state in states]) if states else DeviceState.NOT_INUSE

"""Local channels: two halves back to back, one for the caller, one that runs the dialplan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import FormatCapabilities, slin
from globstar.core.frame import Control, Frame, FrameType, digit_begin, digit_end
from globstar.core.frame import control as control_frame
from globstar.core.party import Connected, Redirecting
from globstar.core.pbx import exists
from globstar.core.tech import ChannelTech, DialRequest, RequestFailed

logger = Logger("chan_local")


@dataclass(slots=True)
class LocalPair:
    """The two halves: ``owner`` (;1) belongs to whoever asked for it, ``channel`` (;2) runs the dialplan."""

    owner: Channel
    channel: Channel
    context: str
    extension: str
    no_optimisation: bool
    #: the second half runs its dialplan; before that its end is no matter of the first
    is_called: bool = False
    #: frames that came to a half are counted, to find out whether media flows
    frames: int = 0

    def other(self, channel: Channel) -> Channel:
        """The opposite half."""
        return self.channel if channel is self.owner else self.owner


class LocalTech(ChannelTech):
    """``Local/exten[@context][/options]``: options n (no optimisation), j (jitter buffer), m (music passes through)."""

    name = "Local"
    description = "Local Proxy Channel Driver"

    def request(self, request: DialRequest) -> Channel:
        """Make both halves; the dialplan starts when the first is called."""
        place, _, options = request.destination.partition("/")
        extension, _, context = place.partition("@")
        context = context or "default"
        requestor = request.requestor
        system = request.system
        formats = request.capabilities.copy() if request.capabilities else FormatCapabilities([slin])
        base = system.next_channel_name(f"Local/{extension}@{context}")
        language = requestor.language if requestor is not None else ""
        owner = Channel(
            system, self, f"{base};1", context=context, extension=extension, unique_id=request.unique_id,
            linked_id=request.linked_id, native_formats=formats, language=language, is_outgoing=True,
        )  # fmt: skip
        second = request.second_unique_id or (f"{request.unique_id};2" if request.unique_id else "")
        channel = Channel(
            system, self, f"{base};2", state=ChannelState.RING, context=context, extension=extension,
            unique_id=second, linked_id=owner.linked_id, native_formats=formats.copy(), language=language,
        )  # fmt: skip
        pair = LocalPair(owner, channel, context, extension, "n" in options)
        owner.private = channel.private = pair
        for half in (owner, channel):
            system.announce_channel(half)
        return owner

    def call(self, channel: Channel, destination: str, timeout: float) -> None:
        """Start the dialplan on the second half, which becomes a copy of what the first is told about the call."""
        pair = _pair(channel)
        second = pair.channel
        second.caller.id = channel.connected.id.copy()
        second.caller.ani = channel.connected.ani.copy()
        second.connected.id = channel.caller.id.copy()
        second.dialed = channel.dialed
        second.redirecting = channel.redirecting
        second.account_code = second.account_code or channel.account_code
        second.peer_account = channel.peer_account
        second.language = channel.language
        second.music_class = channel.music_class
        second.hangup_handlers = []
        for name, value in channel.variables:
            second.set_variable(name, value)
        second.data.update({key: value for key, value in channel.data.items() if key.startswith("inherit:")})
        system = channel.system
        second.call_id = second.call_id or channel.call_id
        if not exists(second, pair.context, pair.extension):
            logger.notice(f"No such extension {pair.extension}@{pair.context} for {channel.name}")
            second.hangup()
            raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"no such extension {pair.extension}@{pair.context}")
        system.bus.publish(events.LocalBridged(channel, second, pair.context, pair.extension, not pair.no_optimisation))
        pair.is_called = True
        system.start_pbx(second)

    def answer(self, channel: Channel) -> None:
        """The second half answers: the first is told."""
        pair = _pair(channel)
        if channel is pair.channel:
            pair.owner.deliver(control_frame(Control.ANSWER))

    def hangup(self, channel: Channel) -> None:
        """Either half going takes the other along."""
        pair = _pair(channel)
        other = pair.other(channel)
        if other.is_hung_up or (channel is pair.channel and not pair.is_called):
            return
        status = channel.variables.own("DIALSTATUS")
        if channel is pair.channel and status:
            other.set_variable("CHANLOCALSTATUS", status)
        other.queue_hangup(channel.hangup_cause)
        if other.is_outgoing is False and "pbx" not in other.data:
            other.hangup(channel.hangup_cause)

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        """What one half is told, the other reports."""
        pair = _pair(channel)
        other = pair.other(channel)
        if other.is_hung_up:
            return True
        if condition is Control.CONNECTED_LINE and isinstance(data, Connected):
            if channel is pair.channel:
                other.deliver(control_frame(condition, data))
            else:
                other.set_caller_id(
                    data.id.number.text if data.id.number.valid else None,
                    data.id.name.text if data.id.name.valid else None,
                )
            return True
        if condition is Control.REDIRECTING and isinstance(data, Redirecting):
            other.deliver(control_frame(condition, data))
            return True
        other.deliver(control_frame(condition, data))
        return True

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        """Digits pass to the other half as events."""
        _pair(channel).other(channel).deliver(digit_begin(digit))
        return True

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """See :meth:`send_digit_begin`."""
        _pair(channel).other(channel).deliver(digit_end(digit, duration_ms))
        return True

    def send_text(self, channel: Channel, text: str, content_type: str = "text/plain") -> bool:
        """Text passes as a TEXT frame."""
        _pair(channel).other(channel).deliver(Frame(FrameType.TEXT, 0, text))
        return True

    def write(self, channel: Channel, frame: Frame) -> None:
        """Media written to one half comes out of the other."""
        other = _pair(channel).other(channel)
        if not other.is_hung_up:
            other.deliver(frame)

    def device_state(self, resource: str) -> str | None:
        """INUSE while a call is on the way there, INVALID if there is no such extension."""
        return None

    def describe(self, channel: Channel) -> dict[str, str]:
        """Where the dialplan half goes."""
        pair = _pair(channel)
        return {"Local": f"{pair.extension}@{pair.context}", "Optimise": "no" if pair.no_optimisation else "yes"}


def _pair(channel: Channel) -> LocalPair:
    pair = channel.private
    assert isinstance(pair, LocalPair)
    return pair

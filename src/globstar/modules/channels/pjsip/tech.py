"""The channel technology PJSIP."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Any

from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.devicestate import DeviceState
from globstar.core.format import MediaType
from globstar.core.frame import ChannelOption, Control, Frame
from globstar.core.rtp_media import RtpMedia, RtpVoice
from globstar.core.streams import CallStream, StreamTopology
from globstar.core.tech import ChannelTech, DialRequest, NativeMedia, RequestFailed
from globstar.core.testevents import tell_state
from globstar.media.source import address_text
from globstar.modules.channels.pjsip import (
    channel_items,
    connected,
    direct,
    dtmf,
    hold,
    line_settings,
    outgoing,
    refer,
    t38,
    texts,
)
from globstar.modules.channels.pjsip.causes import tech_cause_of
from globstar.modules.channels.pjsip.leg import Leg
from globstar.modules.channels.pjsip.morestreams import follow, offer_shown
from globstar.modules.channels.pjsip.option_tags import HISTORY
from globstar.modules.channels.pjsip.supplements import media_control
from globstar.proto.sip.flow import bracket
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver


class PjsipTech(ChannelTech):
    """``PJSIP/endpoint``, ``PJSIP/user@endpoint``, ``PJSIP/endpoint/sip:uri``; ``SIP/...`` is the same."""

    name = "PJSIP"
    aliases = ("SIP",)
    description = "PJSIP Channel Driver"
    has_text_types = True

    def __init__(self) -> None:
        self.driver: PjsipDriver | None = None

    # -- calls -------------------------------------------------------------------------------------------------------

    def prepare(self, destination: str) -> Awaitable[None] | None:
        """Objects of a database are read again before a call."""
        dynamic = self.driver.dynamic if self.driver is not None else None
        return dynamic.refresh_destination(destination) if dynamic is not None else None

    def request(self, request: DialRequest) -> Channel:
        """See :func:`globstar.modules.channels.pjsip.outgoing.find_target` for what a destination may be."""
        if self.driver is None:
            raise RequestFailed(Cause.CHAN_NOT_IMPLEMENTED, "chan_pjsip is not loaded")
        return outgoing.request_channel(self.driver, request)

    def call(self, channel: Channel, destination: str, timeout: float) -> None:
        """Send the INVITE."""
        leg: Leg = channel.private
        outgoing.place(leg.driver, leg)

    def answer(self, channel: Channel) -> None:
        """Send the 200."""
        leg: Leg = channel.private
        leg.answer()

    def hangup(self, channel: Channel) -> None:
        """BYE, CANCEL or a refusal."""
        channel.tech_cause = channel.tech_cause or tech_cause_of(channel.hangup_cause)
        leg: Leg = channel.private
        leg.hang_up(channel.hangup_cause)

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        """Conditions become provisional responses before the answer, tones after it."""
        handler = _INDICATIONS.get(condition)
        return handler(channel.private, channel, data) if handler is not None else False

    def send_text(
        self, channel: Channel, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = ""
    ) -> bool:
        """MESSAGE."""
        return texts.send(channel.private, text, content_type, from_name=from_name, to_name=to_name)

    def transfer(self, channel: Channel, destination: str) -> bool:
        """302 before the answer, REFER after it."""
        return transfer(channel.private, channel, destination)

    # -- media -------------------------------------------------------------------------------------------------------

    def write(self, channel: Channel, frame: Frame) -> None:
        """RTP."""
        leg: Leg = channel.private
        leg.write(frame)

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        """RFC 4733 where it is agreed; INFO sends whole digits at their end; else a tone."""
        leg: Leg = channel.private
        mode = leg.dtmf_mode
        if mode == "none" or mode == "info" or (mode == "auto_info" and not _has_events(leg)):
            return True
        if mode == "inband" or leg.media.session is None:
            return False
        session = leg.media.session
        return session.send_digit_begin(digit) or not session.is_sending or (mode == "rfc4733" and not _is_up(leg))

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """See :meth:`send_digit_begin`."""
        leg: Leg = channel.private
        mode = leg.dtmf_mode
        if mode == "none":
            return True
        if mode == "info" or (mode == "auto_info" and not _has_events(leg)):
            dtmf.send_info_digit(leg, digit, duration_ms)
            return True
        if mode == "inband" or leg.media.session is None or not _has_events(leg):
            return False
        leg.media.session.send_digit_end(duration_ms or None)
        return True

    def native_media(self, channel: Channel) -> NativeMedia | None:
        """RTP packets may be relayed when both sides have agreed on one codec."""
        leg: Leg = channel.private
        media = leg.media
        view = media.relay_view()
        if view is None:
            return NativeMedia("rtp", reason="no media yet")
        if media.unrelayable:
            return NativeMedia("rtp", reason=media.unrelayable)
        against = direct.obstacle(leg)
        return NativeMedia("rtp", view, media.write_format, can_relay=True, can_direct=not against, direct_reason=against)

    def rtp_voice(self, channel: Channel) -> RtpVoice | None:
        """The audio, unless it goes directly to another endpoint or packets have to be cut anew."""
        leg: Leg = channel.private
        return leg.media.voice_view()

    def want_streams(self, channel: Channel, kind: MediaType, count: int) -> bool:
        """By re-INVITE, up to the endpoint's max_audio_streams and max_video_streams."""
        return offer_shown(channel.private, kind, count)

    def streams(self, channel: Channel) -> tuple[CallStream, ...]:
        """As offer and answer have agreed."""
        leg: Leg = channel.private
        return leg.media.streams()

    def native_bridge(self, channel: Channel, peer: Channel | None) -> None:
        """Direct media by re-INVITE or UPDATE."""
        leg: Leg = channel.private
        native = peer.tech.native_media(peer) if peer is not None else None
        if native is not None and isinstance(native.session, RtpMedia):
            direct.go(leg, native.session)
        else:
            direct.back(leg)

    # -- questions ---------------------------------------------------------------------------------------------------

    def query_option(self, channel: Channel, option: int) -> Any:
        """What the core asks of a channel."""
        leg: Leg = channel.private
        if option == ChannelOption.SECURE_SIGNALING:
            return leg.is_secure
        if option == ChannelOption.SECURE_MEDIA:
            return leg.media.is_secure
        if option == ChannelOption.DEVICE_NAME:
            return f"PJSIP/{leg.endpoint.name}"
        return None

    def device_state(self, resource: str) -> str | None:
        """From the endpoint's contacts and channels."""
        if self.driver is None:
            return DeviceState.INVALID.name
        return self.driver.device_state(resource.partition("/")[0].rpartition("@")[2]).name

    def channel_read(self, channel: Channel, item: str) -> str | None:
        """``CHANNEL(pjsip,...)``, ``CHANNEL(rtp,...)``, ``CHANNEL(rtcp,...)``, ``CHANNEL(endpoint)``."""
        return channel_items.read(channel.private, item)

    def channel_write(self, channel: Channel, item: str, value: str) -> bool:
        """``CHANNEL(digitdetect)``, ``CHANNEL(relaxdtmf)``, ``CHANNEL(faxdetect)``."""
        return line_settings.write(channel.private, channel, item.strip().lower(), value)

    def private_unique_id(self, channel: Channel) -> str:
        """Call-ID."""
        leg: Leg = channel.private
        if leg.session is not None:
            return leg.session.call_id
        return leg.request.call_id if leg.request is not None else ""

    def describe(self, channel: Channel) -> dict[str, str]:
        """For ``core show channel``."""
        leg: Leg = channel.private
        state = leg.session.state.value if leg.session is not None else "none"
        details = {"Endpoint": leg.endpoint.name, "SIP session": state, "Call-ID": self.private_unique_id(channel)}
        session = leg.media.session
        if session is not None and not session.is_closed:
            local, remote = session.local_address, session.remote_address
            details["RTP"] = f"{address_text(local)} <-> " + (address_text(remote) if remote else "nowhere yet")
        return details


def _is_up(leg: Leg) -> bool:
    return leg.channel is not None and leg.channel.state is ChannelState.UP


def _has_events(leg: Leg) -> bool:
    stream = leg.media.stream
    return stream is not None and stream.send_dtmf is not None


# -- indications: True when the endpoint was told, False to let it hear a tone ------------------------------------------


def _ringing(leg: Leg, channel: Channel, data: Any) -> bool:
    if channel.state is ChannelState.UP or leg.is_caller:
        return False
    channel.system.device_states.channel_changed(channel)
    if leg.endpoint.inband_progress:
        if not leg.early_sent:
            leg.provisional(183, with_sdp=True)
        return False
    if leg.early_sent and not leg.driver.settings.globals.allow_sending_180_after_183:
        leg.provisional(183, with_sdp=True)
        return False
    leg.provisional(180)
    return True


def _progress(leg: Leg, channel: Channel, data: Any) -> bool:
    if channel.state is not ChannelState.UP and not leg.is_caller and not leg.early_sent:
        channel.system.device_states.channel_changed(channel)
        leg.provisional(183, with_sdp=True)
    return True


def _refusal(status: int, cause: Cause) -> Any:
    def refuse(leg: Leg, channel: Channel, data: Any) -> bool:
        if channel.state is ChannelState.UP or leg.is_caller:
            return False
        channel.hangup_cause = cause
        leg.refuse(status, cause)
        # the channel shows that it is busy, and so does its device, before it shows that it ends
        loop = channel.system.loop
        loop.call_soon(loop.call_soon, partial(channel.queue_hangup, cause, tech_cause=status))
        return True

    return refuse


def _connected_line(leg: Leg, channel: Channel, data: Any) -> bool:
    connected.refresh_identity(leg)
    return True


def _redirecting(leg: Leg, channel: Channel, data: Any) -> bool:
    connected.redirected(leg, data)
    return True


def _source_update(leg: Leg, channel: Channel, data: Any) -> bool:
    for session in leg.media.audio_sessions():
        session.update_source()
    return True


def _source_change(leg: Leg, channel: Channel, data: Any) -> bool:
    for session in leg.media.audio_sessions():
        session.change_source()
    return True


def _flash(leg: Leg, channel: Channel, data: Any) -> bool:
    session = leg.session
    if session is not None and session.state is SessionState.CONFIRMED:
        session.send_request("INFO", body=b"Signal=!\r\nDuration=250\r\n", content_type="application/dtmf-relay")
    return True


def _advice_of_charge(leg: Leg, channel: Channel, data: Any) -> bool:
    for hook in leg.hooks.charge_advised:
        hook(leg, data)
    return True


def _nothing(leg: Leg, channel: Channel, data: Any) -> bool:
    """Conditions that SIP has no word for and that need no tone."""
    return True


def _held(leg: Leg, channel: Channel, data: Any) -> bool:
    return hold.indicate_hold(leg, is_held=True)


def _unheld(leg: Leg, channel: Channel, data: Any) -> bool:
    return hold.indicate_hold(leg, is_held=False)


def _fax(leg: Leg, channel: Channel, data: Any) -> bool:
    return t38.indicate(leg, data)


def _more_streams(leg: Leg, channel: Channel, data: Any) -> bool:
    """The other side has other streams than before: offer the same."""
    if isinstance(data, StreamTopology):
        follow(leg, data)
    return True


def _new_picture(leg: Leg, channel: Channel, data: Any) -> bool:
    is_asked = media_control.ask(leg, data if isinstance(data, int) else None)
    tell_state(channel.system, "AST_CONTROL_VIDUPDATE", channel, Result="success" if is_asked else "failure")
    return is_asked


_INDICATIONS = {
    Control.HOLD: _held,
    Control.UNHOLD: _unheld,
    Control.T38_PARAMETERS: _fax,
    Control.RINGING: _ringing,
    Control.PROGRESS: _progress,
    Control.PROCEEDING: _nothing,
    Control.BUSY: _refusal(486, Cause.USER_BUSY),
    Control.CONGESTION: _refusal(503, Cause.CONGESTION),
    Control.INCOMPLETE: _refusal(484, Cause.INVALID_NUMBER_FORMAT),
    Control.CONNECTED_LINE: _connected_line,
    Control.REDIRECTING: _redirecting,
    Control.SRCUPDATE: _source_update,
    Control.SRCCHANGE: _source_change,
    Control.FLASH: _flash,
    Control.VIDUPDATE: _new_picture,
    Control.STREAM_TOPOLOGY_REQUEST_CHANGE: _more_streams,
    Control.PVT_CAUSE_CODE: _nothing,
    Control.MASQUERADE_NOTIFY: _nothing,
    Control.UPDATE_RTP_PEER: _nothing,
    Control.AOC: _advice_of_charge,
    Control.END_OF_Q: _nothing,
    Control.STREAM_TOPOLOGY_SOURCE_CHANGED: _nothing,
}


def transfer(leg: Leg, channel: Channel, destination: str) -> bool:
    """Send the endpoint elsewhere: ``PJSIP/bob``, ``bob`` or a URI; the result comes as a TRANSFER frame."""
    text = destination.partition("/")[2] if destination.upper().startswith(("PJSIP/", "SIP/")) else destination
    if not text.lower().startswith(("sip:", "sips:", "tel:", "<")):
        try:
            text = str(outgoing.find_target(leg.driver, text).uri)
        except RequestFailed:
            text = f"sip:{text}@{bracket(leg.our_host)}"
    if leg.is_waiting:
        from globstar.core.frame import TransferResult, control
        from globstar.modules.channels.pjsip.causes import reason_header

        session = leg.session
        assert session is not None
        contact = text if text.startswith("<") else f"<{text}>"
        session.reject(302, headers=[("Contact", contact), reason_header(channel.hangup_cause), HISTORY])
        channel.deliver(control(Control.TRANSFER, TransferResult.SUCCESS))
        channel.hangup_cause, channel.tech_cause = Cause.REDIRECTED_TO_NEW_DESTINATION, 302
        channel.hangup_source = channel.hangup_source or channel.name
        channel.system.loop.call_soon(partial(channel.queue_hangup, Cause.REDIRECTED_TO_NEW_DESTINATION, is_noticed_later=True))
        return True
    return refer.send_refer(leg, text)

"""Direct media: the endpoints of a call exchange RTP themselves, told to by re-INVITE or UPDATE on both legs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.rtp_media import RtpMedia
from globstar.modules.channels.pjsip import media_options, refresh
from globstar.modules.channels.pjsip.audio import AudioStream
from globstar.modules.channels.pjsip.peer_hosts import numeric
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg

logger = Logger("chan_pjsip")


def obstacle(leg: Leg) -> str:
    """Why this leg's endpoint cannot be sent elsewhere; "" if it can."""
    endpoint, session, stream = leg.endpoint, leg.session, leg.media.stream
    if not endpoint.direct_media:
        return "direct_media=no"
    if session is None or session.state is not SessionState.CONFIRMED or stream is None:
        return "the call is not confirmed yet"
    if leg.media.wires is not None:
        return "its media are encrypted with keys of ours, or found by ICE"
    if leg.media.is_bundled:
        return "its streams share one transport"
    if leg.direct_refused:
        return "it has refused direct media"
    if stream.is_remote_hold or not stream.direction.can_send:
        return "it holds"
    remote = leg.media.session.remote_address if leg.media.session is not None else None
    if remote is None:
        return "its media address is not known yet"
    if endpoint.disable_direct_media_on_nat:
        stated = numeric(stream.remote_address) or remote[0]  # a name stands for what was found
        if stated != leg.remote_host:
            return f"its media address {stated} is not where its messages come from: there is NAT between"
        if stated != remote[0]:
            return f"its media come from {remote[0]} and not from {stated}: there is NAT between"
    return ""


def go(leg: Leg, other: RtpMedia) -> None:
    """Have the endpoint send to the endpoint of the other leg from now on."""
    remote = other.session.remote_address
    media = leg.media
    if remote is None:
        return
    media.direct = remote
    media.offer_only({name.partition("/")[0] for name in other.receive})
    for side in media.sides:
        view = other.sides.get(side.key)
        side.direct = view.session.remote_address if view is not None else None
        if view is not None and isinstance(side, AudioStream):
            side.offer_only({name.partition("/")[0] for name in view.receive})
    if media.session is not None:  # silence here says nothing any more
        media.session.set_options(replace(media.session.options, timeout=0, timeout_hold=0))
    sync(leg)


def back(leg: Leg) -> None:
    """Have the endpoint send to us again."""
    media = leg.media
    if media.direct is None:
        return
    _forget(leg)
    sync(leg)


def _forget(leg: Leg) -> None:
    media = leg.media
    media.direct = None
    for side in media.sides:
        side.direct = None
    if media.session is not None and not media.session.is_closed:
        media.session.set_options(media_options.session_options(leg.endpoint))


def sync(leg: Leg) -> None:
    """Tell the endpoint where its media go, if it does not know yet; when something is pending, afterwards.

    Where glare is to be avoided it is for the server at the other end of the leg to make the offer: our answer tells it.
    """
    session = leg.session
    if session is None or leg.channel is None or session.state is not SessionState.CONFIRMED:
        return
    if leg.media.direct is not None and leg.endpoint.direct_media_glare_mitigation == (
        "outgoing" if leg.is_caller else "incoming"
    ):
        return
    leg.direct_waits = not session.can_reinvite
    if not leg.direct_waits and leg.media.told_addresses() != leg.media.wanted_addresses():
        logger.debug(1, f"{leg}: media go {'to ' + str(leg.media.direct) if leg.media.direct else 'through us'}")
        refresh.ask(leg, refresh.Refresh(by_update=leg.endpoint.direct_media_method == "update"))


def refused(leg: Leg) -> None:
    """An offer of ours was refused: if it was for direct media, packets go on through us, and it is not tried again."""
    media = leg.media
    if media.direct is None or media.told_addresses() == media.wanted_addresses():
        return  # it was about something else: what is in force is what is wanted
    leg.direct_refused = True
    _forget(leg)
    channel = leg.channel
    if channel is not None and channel.bridge_member is not None:
        channel.bridge_member.bridge.media_changed(f"{channel.name} refused direct media", is_agreed=False)

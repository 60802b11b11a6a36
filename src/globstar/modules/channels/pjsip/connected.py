"""Who is at the other side of a leg, both ways: what the endpoint is told, and what a trusted endpoint tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from globstar.core.frame import Control, control
from globstar.core.party import Connected
from globstar.modules.channels.pjsip import refresh
from globstar.modules.channels.pjsip.diversion import redirecting_headers
from globstar.modules.channels.pjsip.identity import asserted_party
from globstar.modules.channels.pjsip.option_tags import HISTORY
from globstar.proto.sip.message import Header, Message
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg


def refresh_identity(leg: Leg) -> None:
    """The connected line changed: tell an endpoint that wants to know, with re-INVITE or UPDATE."""
    channel, session, endpoint = leg.channel, leg.session, leg.endpoint
    if channel is None or session is None or not endpoint.send_connected_line:
        return
    if not (endpoint.send_pai or endpoint.send_rpid):
        return
    if leg.told_party is not None and channel.connected.id == leg.told_party:
        return
    if leg.is_waiting:
        if endpoint.rpid_immediate:
            if leg.early_sent:
                leg.provisional(183, with_sdp=True)
            else:
                leg.provisional(180)
        return
    by_update = endpoint.connected_line_method == "update"
    refresh.ask(leg, refresh.Refresh(by_update=by_update, with_offer=not by_update, with_identity=True))


def take_party(leg: Leg, message: Message) -> None:
    """What a trusted peer says of who answers becomes the channel's caller id and a connected line update."""
    channel, endpoint = leg.channel, leg.endpoint
    if channel is None or not (endpoint.trust_id_inbound and endpoint.trust_connected_line):
        return
    party = asserted_party(message)
    if party is None or party == channel.caller.id:
        return
    party.tag = endpoint.callerid_tag
    channel.set_caller_id(party.number.text, party.name.text, party.number.text)
    channel.caller.id = party
    channel.deliver(control(Control.CONNECTED_LINE, Connected(id=party.copy(), ani=party.copy(), source=1)))


def redirected(leg: Leg, data: Any) -> None:
    """The call goes elsewhere: 181 with Diversion to a caller that still waits (RFC 5806)."""
    channel = leg.channel
    if channel is None or not leg.is_waiting:
        return
    headers: list[Header] = [HISTORY]
    redirecting = data if data else channel.redirecting
    to = redirecting.to.number
    target = SipUri("sip", to.text if to.valid else None, host=leg.our_host)
    headers += redirecting_headers(leg.endpoint, redirecting, leg.our_host, target)
    leg.provisional(181, headers=headers)

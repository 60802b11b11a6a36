"""Texts to an endpoint in its call: MESSAGE inside the dialog (RFC 3428), or real-time text where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.sip.grammar import quote
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg


#: The type of a text that is to be sent in the stream of real-time text (RFC 4103 section 10).
REAL_TIME = "text/t140"


def send(leg: Leg, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = "") -> bool:
    """Send a text, with other display names in From and To where given; False when the call is not answered.

    Real-time text needs a stream of it, and carries no names.
    """
    if content_type.lower() == REAL_TIME:
        return leg.media.type_text(text)
    session = leg.session
    dialog = session.dialog if session is not None else None
    if session is None or dialog is None or session.state is not SessionState.CONFIRMED:
        return False
    plain = dialog.local, dialog.remote
    dialog.local, dialog.remote = _named(dialog.local, from_name), _named(dialog.remote, to_name)
    try:
        session.send_request("MESSAGE", body=text.encode(), content_type=content_type)
    finally:
        dialog.local, dialog.remote = plain
    return True


def pass_on(leg: Leg, text: str) -> None:
    """A text of the party that this one talks to: the MESSAGE names both, as Asterisk's does."""
    channel = leg.channel
    if channel is not None:
        send(leg, text, from_name=channel.connected.id.name.text, to_name=channel.caller.id.name.text)


def _named(address: str, name: str) -> str:
    """The value of From or To with a display name."""
    return f"{quote(name)} {address[address.index('<') :]}" if name and "<" in address else address

"""Texts to an endpoint in its call: MESSAGE inside the dialog (RFC 3428)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.sip.grammar import quote
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg


def send(leg: Leg, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = "") -> bool:
    """Send a text, with other display names in From and To where given; False when the call is not answered."""
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

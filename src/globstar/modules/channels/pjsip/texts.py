"""Texts to an endpoint in its call: MESSAGE inside the dialog (RFC 3428)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.sip.grammar import quote
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg


def send(leg: Leg, text: str, content_type: str = "text/plain") -> bool:
    """Send a text; False when the call is not answered."""
    session = leg.session
    if session is None or session.state is not SessionState.CONFIRMED:
        return False
    session.send_request("MESSAGE", body=text.encode(), content_type=content_type)
    return True


def pass_on(leg: Leg, text: str) -> None:
    """A text of the party that this one talks to: the MESSAGE names both, as Asterisk's does."""
    channel, session = leg.channel, leg.session
    dialog = session.dialog if session is not None else None
    if channel is None or dialog is None:
        return
    plain = dialog.local, dialog.remote
    dialog.local = _named(dialog.local, channel.connected.id.name.text)
    dialog.remote = _named(dialog.remote, channel.caller.id.name.text)
    try:
        send(leg, text)
    finally:
        dialog.local, dialog.remote = plain


def _named(address: str, name: str) -> str:
    """The value of From or To with a display name."""
    return f"{quote(name)} {address[address.index('<') :]}" if name and "<" in address else address

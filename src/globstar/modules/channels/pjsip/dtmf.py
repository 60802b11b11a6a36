"""Digits by INFO: application/dtmf-relay and application/dtmf, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.frame import Control, control, digit_end
from globstar.modules.channels.pjsip import refresh
from globstar.modules.channels.pjsip.causes import reason_header
from globstar.proto.sdp import parse
from globstar.proto.sip.message import Header
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_dtmf_info")

DEFAULT_DURATION_MS = 100
#: the modes in which telephone-event (RFC 4733) is offered and taken
EVENT_MODES = frozenset(("rfc4733", "auto", "auto_info"))
_EVENTS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "16": "!"}
_DIGITS = "0123456789*#ABCDabcd!"


def parse_relay(text: str) -> tuple[str, int] | None:
    """Digit and length in ms of an application/dtmf-relay body; None if it has no digit."""
    digit, duration = "", DEFAULT_DURATION_MS
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals:
            continue
        name, value = name.strip().lower(), value.strip()
        if name == "signal":
            digit = value
        elif name == "duration" and value.isdecimal() and len(value) < 7:
            duration = int(value) or DEFAULT_DURATION_MS
    return _checked(digit, duration)


def _checked(text: str, duration: int) -> tuple[str, int] | None:
    digit = _EVENTS.get(text, text)
    if len(digit) != 1 or digit not in _DIGITS:
        return None
    return digit.upper(), duration


def info_received(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
    """INFO inside a call: a digit becomes frames, an empty one is a sign of life, others are refused (RFC 6086 4.2.2).

    Digits are taken whatever dtmf_mode says, as Asterisk does.
    """
    request = transaction.request
    kind = request.content_type
    channel = leg.channel
    if kind is None or not request.body:
        session.respond(transaction, 200)
        return
    name = kind.value.lower()
    body = request.body.decode("utf-8", "replace")
    if name == "application/dtmf-relay":
        digit = parse_relay(body)
    elif name == "application/dtmf":
        digit = _checked(body.strip(), DEFAULT_DURATION_MS)
    elif request.has("Info-Package"):
        session.respond(transaction, 469, headers=[("Recv-Info", "")])
        return
    else:
        session.respond(transaction, 415, headers=[("Accept", "application/dtmf-relay, application/dtmf")])
        return
    if digit is None:
        refused: list[Header] = []
        if not leg.endpoint.suppress_q850_reason_headers:
            refused.append(reason_header(channel.hangup_cause if channel is not None else 0))
        session.respond(transaction, 500, headers=refused)
        return
    session.respond(transaction, 200)
    if channel is None:
        return
    if digit[0] == "!":
        channel.deliver(control(Control.FLASH))
    else:
        channel.deliver(digit_end(*digit))  # an INFO comes when the digit is over: there is no beginning of it


def send_info_digit(leg: Leg, digit: str, duration_ms: int) -> bool:
    """Send a whole digit by INFO; False when there is no dialog to send it in."""
    session = leg.session
    if session is None or session.state is not SessionState.CONFIRMED:
        return False
    body = f"Signal={digit}\r\nDuration={duration_ms or DEFAULT_DURATION_MS}\r\n"
    session.send_request("INFO", body=body.encode(), content_type="application/dtmf-relay")
    return True


def set_mode(leg: Leg, mode: str) -> None:
    """How digits travel from now on. What the endpoint was told of it before, it is told anew."""
    media, session = leg.media, leg.session
    leg.dtmf_mode = mode
    wants = mode in EVENT_MODES
    if wants != media.wants_digits:
        media.wants_digits = wants
        if session is not None and session.state is SessionState.CONFIRMED:
            refresh.ask(leg, refresh.Refresh())
        elif not leg.is_caller and not leg.early_sent and not leg.was_answered and leg.request is not None and leg.request.body:
            media.answer_again(parse(leg.request.body))
    leg.watch_tones()

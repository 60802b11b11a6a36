"""REFER that we send: Transfer() asks the other side of an answered call to call somewhere else (RFC 3515)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.frame import Control, TransferResult, control
from globstar.proto.sip.message import Header, Response
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_refer")

EVENTS: Header = ("Allow-Events", "message-summary, presence, dialog, refer")
SIPFRAG = "message/sipfrag;version=2.0"


@dataclass(slots=True)
class Subscription:
    """A transfer of which the other side waits to hear."""

    target: str
    is_over: bool = False


def channel_ended(leg: Leg) -> None:
    """The channel is gone: nobody is told any more."""
    if leg.refer is not None:
        leg.refer.is_over = True


def send_refer(leg: Leg, destination: str) -> bool:
    """Ask the endpoint of an answered call to call elsewhere; its answer comes as NOTIFY."""
    session = leg.session
    if session is None or session.state is not SessionState.CONFIRMED or session.dialog is None:
        return False
    local = session.dialog.local.partition(";tag")[0]
    headers: list[Header] = [
        ("Event", "refer"),
        ("Expires", "600"),
        leg.supported(),
        ("Accept", SIPFRAG),
        EVENTS,
        ("Refer-To", destination),
        ("Referred-By", local),
    ]
    leg.refer = Subscription(destination)
    session.send_request("REFER", headers)
    return True


def _finish(leg: Leg, result: TransferResult) -> None:
    subscription, channel = leg.refer, leg.channel
    if subscription is None or subscription.is_over:
        return
    subscription.is_over = True
    if channel is not None:
        channel.deliver(control(Control.TRANSFER, result))


def response_received(leg: Leg, response: Response) -> None:
    """The answer to our REFER: a refusal is the end; after 2xx the NOTIFY decides."""
    if response.status >= 300:
        leg.refer_result = str(response.status)
        _finish(leg, TransferResult.FAILED)


def notify_received(leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
    """How far the transfer is that we asked for: a piece of SIP in a NOTIFY (RFC 3515 2.4.5)."""
    from globstar.modules.channels.pjsip.leg import ALLOW

    request = transaction.request
    event = (request.get("Event") or "").partition(";")[0].strip().lower()
    if event != "refer" or leg.refer is None:
        session.respond(transaction, 481 if event == "refer" else 489)
        return
    session.respond(transaction, 200, headers=[("Contact", session.contact), ALLOW, leg.supported()])
    line = request.body.decode("utf-8", "replace").partition("\n")[0].split()
    status = int(line[1]) if len(line) > 1 and line[1].isdecimal() and len(line[1]) == 3 else 0
    state = (request.get("Subscription-State") or "").lower()
    if status >= 200 or state.startswith("terminated"):
        leg.refer_result = str(status or "")
        _finish(leg, TransferResult.SUCCESS if 200 <= status < 300 else TransferResult.FAILED)

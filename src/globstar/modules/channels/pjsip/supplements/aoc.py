"""Advice of charge, passed between SIP and the core (3GPP TS 24.647)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.frame import Control, control
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto import aoc
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.message import Message, Request
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_aoc")

#: what waits for the answer of a call, at most
MAX_WAITING = 8


class AdviceOfChargeSupplement(Supplement):
    """What an endpoint says of charges becomes frames; endpoints with ``send_aoc`` get those of the core, by INFO."""

    module = "res_pjsip_aoc"

    def __init__(self, driver: object) -> None:
        super().__init__(driver)  # type: ignore[arg-type]
        self.received = 0
        self.sent = 0
        self.unreadable = 0

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """INFO with advice."""
        request = transaction.request
        if request.method != "INFO" or not _has_advice(request):
            return False
        session.respond(transaction, 200 if self._take(leg, request) else 400)
        return True

    def bye_received(self, leg: Leg, request: Request) -> None:
        """The last advice may come with the BYE."""
        if request.body and _has_advice(request):
            self._take(leg, request)

    def _take(self, leg: Leg, message: Message) -> bool:
        try:
            advice = aoc.parse(message.body)
        except aoc.AocError as error:
            self.unreadable += 1
            logger.notice(f"{leg}: advice of charge that cannot be read: {error}")
            return False
        self.received += 1
        channel = leg.channel
        if channel is not None:
            channel.system.bus.publish(events.ChargeAdvised(channel, advice))
            channel.deliver(control(Control.AOC, advice))
        return True

    def charge_advised(self, leg: Leg, advice: aoc.AdviceOfCharge) -> None:
        """Advice of the other side of the call: sent at once, or when the call is answered."""
        channel = leg.channel
        if not leg.endpoint.send_aoc or channel is None:
            return
        if leg.session is not None and leg.session.state is SessionState.CONFIRMED:
            self._send(leg.session, advice)
            return
        waiting: list[aoc.AdviceOfCharge] = channel.data.setdefault("pjsip advice of charge", [])
        if len(waiting) < MAX_WAITING:
            waiting.append(advice)

    def session_confirmed(self, leg: Leg, session: InviteSession) -> None:
        """The call is answered: what waited goes out."""
        if leg.channel is not None:
            for advice in leg.channel.data.pop("pjsip advice of charge", ()):
                self._send(session, advice)

    def _send(self, session: InviteSession, advice: aoc.AdviceOfCharge) -> None:
        self.sent += 1
        session.send_request("INFO", body=advice.to_xml(), content_type=aoc.CONTENT_TYPE)

    def describe(self) -> dict[str, object]:
        """Counters."""
        return {"received": self.received, "sent": self.sent, "unreadable": self.unreadable}


def _has_advice(message: Message) -> bool:
    kind = message.content_type
    return kind is not None and kind.value.lower() == aoc.CONTENT_TYPE

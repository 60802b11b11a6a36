"""REFER of the other side: blind and attended transfer, and what it is told of them (RFC 3515, 3891, 3892, 4488, 5589)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.attended import attended_transfer
from globstar.core.pbx import leads, leads_at_once
from globstar.core.transfer import TransferOutcome, transfer_others
from globstar.core.transferwatch import TransferWatch
from globstar.modules.channels.pjsip.leg import ALLOW, Leg
from globstar.modules.channels.pjsip.referral import LIFETIME, Referral
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.modules.channels.pjsip.transfer_handling import ARI_ONLY
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.replaces import Replaces
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.proto.sip.message import Header
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction
    from globstar.proto.sip.uri import SipUri

logger = Logger("res_pjsip_refer")

#: Where a party goes whose new partner is a call of another server (Replaces of a dialog that is not ours).
EXTERNAL_REPLACES = "external_replaces"
#: How long the phone that transferred may take to say BYE itself, seconds.
PATIENCE = 15.0

_STATUSES = {
    TransferOutcome.SUCCESS: 200,
    TransferOutcome.INVALID: 400,
    TransferOutcome.NOT_PERMITTED: 403,
    TransferOutcome.FAIL: 500,
}


@dataclass(slots=True)
class Transfer:
    """What a leg is about that sent REFER: its subscription, and the call's end, which is left to the phone for a while."""

    referral: Referral
    watch: TransferWatch | None = None
    session: InviteSession | None = None
    headers: list[Header] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None
    #: when the subscription ended
    ended_at: float = 0.0


class Refer(Supplement):
    """Transfers that phones ask for."""

    module = "res_pjsip_refer"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.transfers: dict[Leg, Transfer] = {}
        self._events: dict[Leg, int] = {}

    async def stop(self) -> None:
        """No timer outlives the driver."""
        for leg in list(self.transfers):
            self._close(leg)

    # -- REFER -------------------------------------------------------------------------------------------------------

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """REFER, and SUBSCRIBE to a transfer that goes on."""
        method = transaction.request.method
        if method == "REFER":
            self._refer_received(leg, session, transaction)
            return True
        transfer = self.transfers.get(leg)
        if method == "SUBSCRIBE" and transfer is not None and _event(transaction) == "refer":
            transfer.referral.subscribe_received(transaction)
            return True
        return False

    def _refer_received(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> None:
        request = transaction.request
        replaces: Replaces | None = None
        try:
            address = request.address("Refer-To") if len(request.get_all("Refer-To")) == 1 else None
            replaces = _replaces(address.uri) if address is not None else None
        except SipParseError:
            address = None
        channel = leg.channel
        if address is None or not (address.uri.is_sip or address.uri.scheme == "tel"):
            session.respond(transaction, 400, headers=leg.reason())
        elif not leg.endpoint.allow_transfer:
            session.respond(transaction, 603, headers=leg.reason())
        elif channel is None or session.dialog is None:
            session.respond(transaction, 481)
        elif leg in self.transfers and not self.transfers[leg].referral.is_over:
            session.respond(transaction, 491)
        else:
            self._close(leg)
            transfer = self._accept(leg, session, transaction)
            context = channel.variables.get("TRANSFER_CONTEXT") or leg.endpoint.context
            about = _About(context, str(address.uri), request.get("Referred-By") or "", replaces)
            if not self._transfer(leg, channel, transfer, address.uri, about):
                self._close(leg)

    def _accept(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> Transfer:
        """202, or 200 without a subscription where the phone wants none (RFC 4488)."""
        request = transaction.request
        assert session.dialog is not None
        wants_none = (request.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
        is_silent = wants_none and self.driver.settings.globals.norefersub
        first: Header = ("Refer-Sub", "false") if is_silent else ("Expires", str(LIFETIME))
        headers = [first, ("Contact", session.contact), ALLOW, leg.supported()]
        count = self._events.get(leg, 0)
        self._events[leg] = count + 1
        session.respond(transaction, 200 if is_silent else 202, headers=headers)
        referral = Referral(
            self.driver,
            session.dialog,
            event_id=str(request.cseq.number) if count else "",
            is_silent=is_silent,
            on_end=lambda: self._referral_ended(leg),
        )
        transfer = self.transfers[leg] = Transfer(referral)
        return transfer

    def _transfer(self, leg: Leg, channel: Channel, transfer: Transfer, uri: SipUri, about: _About) -> bool:
        """Carry it out; True unless it failed at once, and the call goes on as before."""
        replaces = about.replaces
        session = None
        if replaces is not None:
            session = self.driver.sip.find_session(replaces.call_id, replaces.to_tag, replaces.from_tag)
        second = session.user.channel if session is not None and isinstance(session.user, Leg) else None
        if ARI_ONLY in channel.data:
            return self._leave_to_application(leg, channel, transfer, uri, about, second)
        if session is not None:
            if second is None:
                transfer.referral.tell(603)
                return False
            logger.verbose(3, f"{channel.name}: attended transfer with {second.name}")
            outcome = attended_transfer(channel, second)
            transfer.referral.tell(_STATUSES[outcome])
            return outcome is TransferOutcome.SUCCESS
        extension = EXTERNAL_REPLACES if replaces is not None else leg.endpoint.user_of(uri) or "s"
        logger.verbose(3, f"{channel.name}: blind transfer to {extension}@{about.context}")
        is_there = channel.bridge_member is None or leads_at_once(channel, about.context, extension)
        if is_there is not None:
            return self._send_peer(leg, channel, transfer, about, extension, is_there)

        async def ask() -> None:
            is_there = await leads(channel, about.context, extension)
            if self.transfers.get(leg) is transfer and not self._send_peer(leg, channel, transfer, about, extension, is_there):
                self._close(leg)

        channel.system.start_call_task(channel, ask(), "transfer")
        return True

    def _send_peer(self, leg: Leg, channel: Channel, transfer: Transfer, about: _About, extension: str, is_there: bool) -> bool:
        """The blind transfer itself; True unless it failed, and the call goes on as before."""
        if not is_there:
            logger.notice(f"{channel.name} cannot transfer to {extension}@{about.context}: there is no such extension")
            transfer.referral.tell(404)
            return False

        def prepare(transferee: Channel) -> None:
            transferee.set_variable("SIPTRANSFER", "yes")
            if leg.endpoint.refer_blind_progress and not transfer.referral.is_silent:
                transfer.watch = TransferWatch(transferee, lambda status: self._progress(transfer, status))
            about.note(transferee)

        outcome = transfer_others(channel, about.context, extension, prepare=prepare)
        if outcome is not TransferOutcome.SUCCESS or not leg.endpoint.refer_blind_progress:
            transfer.referral.tell(_STATUSES[outcome])
        elif transfer.referral.is_silent:
            transfer.referral.close()
        return outcome is TransferOutcome.SUCCESS

    def _leave_to_application(
        self, leg: Leg, channel: Channel, transfer: Transfer, uri: SipUri, about: _About, other: Channel | None
    ) -> bool:
        """PJSIP_TRANSFER_HANDLING(ari-only): somebody else decides; 603 if nobody does."""
        request = events.TransferRequested(
            channel,
            about.target,
            leg.endpoint.user_of(uri),
            about.referred_by,
            lambda status: self._progress(transfer, status),
            other,
            str(about.replaces or ""),
        )
        channel.system.bus.publish(request)
        if not request.is_taken:
            transfer.referral.tell(603)
        return request.is_taken

    def _progress(self, transfer: Transfer, status: int) -> None:
        transfer.referral.tell(status)
        self.driver.output_pending()

    # -- the call of the phone that transferred -----------------------------------------------------------------------

    def session_kept(self, leg: Leg, session: InviteSession, headers: list[Header]) -> bool:
        """Its channel is gone. The phone says BYE when it has seen enough; we do if it does not."""
        transfer = self.transfers.get(leg)
        if transfer is None or session.state is not SessionState.CONFIRMED:
            return False
        referral = transfer.referral
        if referral.is_over and self.driver.system.now() - transfer.ended_at > PATIENCE:
            self._close(leg)
            return False
        transfer.session, transfer.headers = session, headers
        if referral.is_over:
            self._wait_for_bye(leg, transfer)
        return True

    def session_ended(self, leg: Leg, session: InviteSession) -> None:
        """BYE came: only the subscription goes on."""
        self._events.pop(leg, None)
        transfer = self.transfers.get(leg)
        if transfer is None:
            return
        transfer.session = None
        if transfer.referral.is_over:
            self._close(leg)
        else:
            transfer.referral.outlive()

    def _referral_ended(self, leg: Leg) -> None:
        transfer = self.transfers.get(leg)
        if transfer is None:
            return
        transfer.ended_at = self.driver.system.now()
        if transfer.watch is not None:
            transfer.watch.close()
        if leg.session is None:
            self._close(leg)
        elif transfer.session is not None:
            self._wait_for_bye(leg, transfer)

    def _wait_for_bye(self, leg: Leg, transfer: Transfer) -> None:
        if transfer.timer is None:
            transfer.timer = self.driver.system.loop.call_later(PATIENCE, self._say_bye, leg)

    def _say_bye(self, leg: Leg) -> None:
        transfer = self._close(leg)
        if transfer is not None and transfer.session is not None and transfer.session.state is SessionState.CONFIRMED:
            transfer.session.bye(transfer.headers)
            self.driver.output_pending()

    def _close(self, leg: Leg) -> Transfer | None:
        """Nothing is left to do for the transfer."""
        transfer = self.transfers.pop(leg, None)
        if transfer is not None:
            if transfer.timer is not None:
                transfer.timer.cancel()
            if transfer.watch is not None:
                transfer.watch.close()
            transfer.referral.close()
            dialog = transfer.referral.dialog
            if dialog.user is transfer.referral:
                self.driver.sip.remove_dialog(dialog)
        return transfer

    # -- calls that transfers make -----------------------------------------------------------------------------------

    def invite_headers(self, leg: Leg, headers: list[Header]) -> None:
        """A call that a transferred party makes says who referred it (RFC 3892)."""
        channel = leg.channel
        if channel is None:
            return
        referrer = channel.variables.get("SIPREFERREDBYHDR")
        if referrer:
            headers.append(("Referred-By", referrer))

    def describe(self) -> dict[str, object]:
        """How many transfers are under way."""
        return {"transfers": len(self.transfers)}


@dataclass(frozen=True, slots=True)
class _About:
    """What the dialplan learns of a transfer."""

    context: str
    target: str
    referred_by: str
    replaces: Replaces | None

    def note(self, channel: Channel) -> None:
        """Set the variables of the channel that is sent elsewhere, SIPTRANSFER apart."""
        channel.set_variable("SIPREFERRINGCONTEXT", self.context)
        if self.referred_by:
            channel.set_variable("__SIPREFERREDBYHDR", self.referred_by)
        if self.replaces is not None:
            channel.set_variable("SIPREPLACESHDR", str(self.replaces))
        channel.set_variable("SIPREFERTOHDR", self.target)


def _replaces(uri: SipUri) -> Replaces | None:
    """The Replaces header that the URI of Refer-To carries."""
    text = next((value for name, value in uri.headers if name.lower() == "replaces"), None)
    return Replaces.parse(text) if text else None


def _event(transaction: ServerTransaction) -> str:
    return (transaction.request.get("Event") or "").partition(";")[0].strip().lower()

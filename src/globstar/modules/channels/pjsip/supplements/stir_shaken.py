"""STIR/SHAKEN in calls: our INVITE gets an Identity header, one of the other side waits until its own are checked (RFC 8224)."""

from __future__ import annotations

from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.services import STIR_RESULTS, STIR_SUPPRESSED, IdentityVerdict, StirShaken
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.session_base import SessionState
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.message import Header, Request
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_stir_shaken")

#: Most calls that wait for a check; those beyond go on unchecked, as if their certificates could not be had.
MAX_WAITING = 1000


class StirShakenSupplement(Supplement):
    """Hooks the service of res_stir_shaken into calls; without that module nothing is signed or checked."""

    module = "res_pjsip_stir_shaken"
    priority = 10_000

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._verdicts: dict[Leg, IdentityVerdict] = {}
        self._waiting = 0
        self.counters = dict.fromkeys(("checked", "refused", "unchecked"), 0)

    def concerns(self, endpoint: EndpointObject) -> bool:
        """Those that want it."""
        return bool(endpoint.stir_shaken_profile) or endpoint.stir_shaken != "no"

    def _service(self, endpoint: EndpointObject, what: str) -> StirShaken | None:
        """The service, if it is to do something (``attest`` or ``verify``) for an endpoint's calls."""
        service: StirShaken | None = self.driver.system.services.get("stir shaken")
        if service is None:
            return None
        profile = endpoint.stir_shaken_profile
        if not profile and endpoint.stir_shaken not in ("yes", what):
            return None
        return service if (service.attests(profile) if what == "attest" else service.verifies(profile)) else None

    # -- calls that go out -------------------------------------------------------------------------------------------

    def invite_headers(self, leg: Leg, headers: list[Header]) -> None:
        """Sign the caller's number, and date the request."""
        endpoint = leg.endpoint
        if not (endpoint.stir_shaken_profile or endpoint.stir_shaken != "no"):
            return
        service = self._service(endpoint, "attest")
        channel = leg.channel
        if service is None or channel is None or channel.data.get(STIR_SUPPRESSED):
            return
        if any(name == "Identity" for name, _ in headers):
            return
        party = channel.connected.id
        number = party.number.text if party.number.valid else ""
        identity = service.sign(
            endpoint.stir_shaken_profile, number, SipUri.parse(leg.request_uri).user or "", leg.media.told_fingerprints()
        )
        if identity is None:
            return
        if not any(name == "Date" for name, _ in headers):
            headers.append(("Date", formatdate(self.driver.system.wall_time(), usegmt=True)))
        headers.append(("Identity", identity))

    # -- calls that come in ------------------------------------------------------------------------------------------

    def invite_received(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """Hold the call until its identities are checked."""
        endpoint = leg.endpoint
        if not (endpoint.stir_shaken_profile or endpoint.stir_shaken != "no"):
            return False
        service = self._service(endpoint, "verify")
        if service is None:
            return False
        if self._waiting >= MAX_WAITING:
            self.counters["unchecked"] += 1
            return False
        self._waiting += 1
        self.driver.tasks.start(self._check(service, leg, session, transaction.request), name="check identity")
        return True

    async def _check(self, service: StirShaken, leg: Leg, session: InviteSession, request: Request) -> None:
        try:
            callers, callees = _numbers(request)
            verdict = await service.verify(
                leg.endpoint.stir_shaken_profile, request.get_all("Identity"), callers, callees, _date(request)
            )
        finally:
            self._waiting -= 1
        self.counters["checked"] += 1
        if session.state is not SessionState.INCOMING or leg.resume is None:
            return  # the caller gave up meanwhile
        if verdict.refuse is not None:
            self.counters["refused"] += 1
            status, reason = verdict.refuse
            leg.media.close()
            session.reject(status, reason)
        else:
            self._verdicts[leg] = verdict
            try:
                leg.resume()
            finally:
                if leg.channel is None:
                    self._verdicts.pop(leg, None)
        self.driver.output_pending()

    def channel_created(self, leg: Leg, channel: Channel) -> None:
        """The dialplan sees what became of the identities."""
        verdict = self._verdicts.get(leg)
        if verdict is not None:
            channel.data[STIR_RESULTS] = verdict.results
            if verdict.told is None:
                del self._verdicts[leg]

    def response_headers(self, leg: Leg, status: int, headers: list[Header]) -> None:
        """Tell the caller's side in the next response that its identity was not believed (RFC 9410)."""
        verdict = self._verdicts.pop(leg, None) if self._verdicts else None
        if verdict is not None and verdict.told is not None:
            protocol, code, phrase = verdict.told
            headers.append(("Reason", f'{protocol};cause={code};text="{phrase}"'))

    def channel_ended(self, leg: Leg, channel: Channel) -> None:
        """The call is over before any response could tell."""
        self._verdicts.pop(leg, None)

    def describe(self) -> dict[str, object]:
        """Counters."""
        return {"waiting": self._waiting, **self.counters}


def _numbers(request: Request) -> tuple[list[str], list[str]]:
    """Who calls by P-Asserted-Identity and From, who is called by To and Request-URI."""
    callers = [request.from_.uri.user or ""]
    try:
        callers += [address.uri.user or "" for address in request.addresses("P-Asserted-Identity")]
    except SipParseError as error:
        logger.debug(1, f"P-Asserted-Identity cannot be read: {error}")
    return callers, [request.to.uri.user or "", request.uri.user or ""]


def _date(request: Request) -> float | None:
    """The Date header, UTC seconds; one that cannot be read is as old as can be."""
    text = request.get("Date")
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0

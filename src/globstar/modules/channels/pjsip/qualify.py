"""Asking contacts for signs of life with OPTIONS (qualify_frequency)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.contacts import Contact, ContactStatus
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Response
from globstar.proto.sip.user import RequestUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.objects import AorObject
    from globstar.proto.sip.transaction import ClientTransaction

logger = Logger("res_pjsip")


class _Question(RequestUser):
    """One OPTIONS that waits for its answer."""

    __slots__ = ("_asked_at", "_is_done", "_owner", "_timeout", "contact", "only_2xx")

    def __init__(self, owner: Qualifier, contact: Contact, aor: AorObject, now: float) -> None:
        self._owner = owner
        self.contact = contact
        self.only_2xx = aor.qualify_2xx_only
        self._asked_at = now
        self._is_done = False
        loop = asyncio.get_running_loop()
        self._timeout = loop.call_later(aor.qualify_timeout or 3.0, self._give_up)

    def _finish(self, round_trip: float | None) -> None:
        if not self._is_done:
            self._is_done = True
            self._timeout.cancel()
            self._owner.answered(self, round_trip)

    def _give_up(self) -> None:
        self._finish(None)

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self._is_done = True
        self._timeout.cancel()

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Any answer shows life, unless only 2xx counts."""
        if self.only_2xx and not response.is_success:
            self._finish(None)
        else:
            self._finish(self._owner.now() - self._asked_at)

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """No answer."""
        self._finish(None)


class Qualifier:
    """Sends OPTIONS to the contacts of aors with a qualify_frequency, each at its own pace."""

    def __init__(self, driver: PjsipDriver) -> None:
        self._driver = driver
        self._timers: dict[Contact, asyncio.TimerHandle] = {}
        self._questions: set[_Question] = set()

    def now(self) -> float:
        """Monotonic seconds."""
        return self._driver.system.now()

    def __len__(self) -> int:
        return len(self._timers)

    # -- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """(Re)start for all contacts there are; the first questions are spread over a frequency."""
        self.stop()
        for contact in self._driver.contacts.all():
            self._begin(contact, at_once=False)

    def stop(self) -> None:
        """Ask no more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for question in self._questions:
            question.cancel()
        self._questions.clear()

    def restart(self, aor: str) -> None:
        """Ask the contacts of an aor at once, and then at their pace."""
        for contact in self._driver.contacts.contacts(aor):
            self.contact_changed(contact, True)

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """A registration came or went."""
        timer = self._timers.pop(contact, None)
        if timer is not None:
            timer.cancel()
        if is_new:
            self._begin(contact, at_once=True)

    def _aor(self, contact: Contact) -> AorObject | None:
        aor = self._driver.settings.aors.get(contact.aor)
        return aor if aor is not None and aor.qualify_frequency else None

    def _begin(self, contact: Contact, *, at_once: bool) -> None:
        aor = self._aor(contact)
        if aor is None:
            return
        delay = 0.0
        if not at_once:
            delay = aor.qualify_frequency * (self._driver.rng.getrandbits(10) / 1024)
        self._timers[contact] = self._driver.system.loop.call_later(delay, self._due, contact)

    # -- asking ------------------------------------------------------------------------------------------------------

    def _due(self, contact: Contact) -> None:
        aor = self._aor(contact)
        self._timers.pop(contact, None)
        if aor is None or contact.status is ContactStatus.REMOVED:
            return
        self._timers[contact] = self._driver.system.loop.call_later(aor.qualify_frequency, self._due, contact)
        self.ask(contact)

    def ask(self, contact: Contact) -> bool:
        """Send one OPTIONS now; False when no transport leads there."""
        driver = self._driver
        aor = driver.settings.aors.get(contact.aor)
        endpoint = driver.settings.endpoints.get(contact.endpoint) or next(iter(driver.endpoints_of(contact.aor)), None)
        if aor is None or endpoint is None:
            return False
        from globstar.modules.channels.pjsip.authenticate import outbound_credentials
        from globstar.modules.channels.pjsip.outgoing import Target, route

        flow = route(driver, Target(endpoint, contact.parsed, contact))
        if flow is None:
            self._set_status(contact, ContactStatus.UNAVAILABLE, None)
            return False
        host = driver.transports.local_address(flow.transport, flow.host)
        user = endpoint.from_user or endpoint.name
        from globstar.proto.sip.uri import SipUri

        us = NameAddr(SipUri("sip", user, host=endpoint.from_domain or host))
        request = driver.sip.new_request(
            "OPTIONS", contact.parsed, from_=us, to=NameAddr(contact.parsed), routes=contact.routes,
            contact=f"<{flow.transport.contact_uri(endpoint.contact_user or user, flow.host)}>",
        )  # fmt: skip
        question = _Question(self, contact, aor, self.now())
        self._questions.add(question)
        driver.sip.send_request(request, flow, question, outbound_credentials(driver.settings, endpoint))
        return True

    def answered(self, question: _Question, round_trip: float | None) -> None:
        """A question is settled."""
        self._questions.discard(question)
        status = ContactStatus.AVAILABLE if round_trip is not None else ContactStatus.UNAVAILABLE
        if question.contact.status is not ContactStatus.REMOVED:
            self._set_status(question.contact, status, round_trip)

    def _set_status(self, contact: Contact, status: ContactStatus, round_trip: float | None) -> None:
        old, contact.status = contact.status, status
        contact.round_trip = round_trip
        if old is status:
            return
        if status is ContactStatus.AVAILABLE:
            logger.verbose(3, f"Contact {contact.aor}/{contact.uri} is now Reachable.  RTT: {(round_trip or 0) * 1000:.3f} msec")
        else:
            logger.verbose(3, f"Contact {contact.aor}/{contact.uri} is now Unreachable.  RTT: 0.000 msec")
        self._driver.aor_changed(contact.aor)

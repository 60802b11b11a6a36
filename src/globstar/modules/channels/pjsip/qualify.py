"""Asking contacts for signs of life with OPTIONS (qualify_frequency)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.contacts import Contact, ContactStatus
from globstar.modules.channels.pjsip.outgoing import Target, route
from globstar.modules.channels.pjsip.readers import proxy_routes
from globstar.modules.channels.pjsip.schedule import Schedule
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Response
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import RequestUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.objects import QualifyOptions
    from globstar.proto.sip.transaction import ClientTransaction

logger = Logger("res_pjsip")


class _Question(RequestUser):
    """One OPTIONS that waits for its answer."""

    __slots__ = ("_asked_at", "_owner", "contact", "generation", "is_done", "only_2xx")

    def __init__(self, owner: Qualifier, contact: Contact, options: QualifyOptions, now: float) -> None:
        self._owner = owner
        self.contact = contact
        self.generation = owner.generation
        self.only_2xx = options.qualify_2xx_only
        self._asked_at = now
        self.is_done = False

    def _finish(self, round_trip: float | None) -> None:
        if not self.is_done:
            self.is_done = True
            self._owner.answered(self, round_trip)

    def give_up(self) -> None:
        """It takes too long."""
        self._finish(None)

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
    """Sends OPTIONS to the contacts of aors with a qualify_frequency, each at its own pace. All share two timers."""

    def __init__(self, driver: PjsipDriver) -> None:
        self._driver = driver
        #: questions of an older one are not waited for any more
        self.generation = 0
        self._dates: Schedule[Contact] = Schedule(driver.system.loop, self._due)
        self._questions: Schedule[_Question] = Schedule(driver.system.loop, _Question.give_up)

    def now(self) -> float:
        """Monotonic seconds."""
        return self._driver.system.now()

    def __len__(self) -> int:
        return len(self._dates)

    def seconds_until(self, contact: Contact) -> float | None:
        """Seconds until a contact is asked next; None when it is not."""
        at = self._dates.date_of(contact)
        return None if at is None else max(at - self._driver.system.loop.time(), 0.0)

    # -- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """(Re)start for all contacts there are; the first questions are spread, see :meth:`_first_delay`."""
        self.stop()
        for contact in self._driver.contacts.all():
            options = self._options(contact)
            if options is not None:
                self._dates.set(contact, self._first_delay(options))

    def stop(self) -> None:
        """Ask no more."""
        self.generation += 1
        self._dates.clear()
        self._questions.clear()

    def _first_delay(self, options: QualifyOptions) -> float:
        """A random part of the frequency, or of max_initial_qualify_time when that is set and shorter."""
        longest = self._driver.settings.globals.max_initial_qualify_time or options.qualify_frequency
        return min(longest, options.qualify_frequency) * (self._driver.rng.getrandbits(10) / 1024)

    def restart(self, aor: str) -> None:
        """Ask the contacts of an aor at once, and then at their pace."""
        for contact in self._driver.contacts.contacts(aor):
            self.contact_changed(contact, True)

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """A registration came or went."""
        if is_new and self._options(contact) is not None:
            self._dates.set(contact, 0.0)
        else:
            self._dates.cancel(contact)

    def _options(self, contact: Contact) -> QualifyOptions | None:
        options = self._driver.contacts.qualify_options(contact)
        return options if options is not None and options.qualify_frequency else None

    # -- asking ------------------------------------------------------------------------------------------------------

    def _due(self, contact: Contact) -> None:
        options = self._options(contact)
        if options is None or contact.status is ContactStatus.REMOVED:
            return
        self._dates.set(contact, options.qualify_frequency)
        self.ask(contact)

    def ask(self, contact: Contact) -> bool:
        """Send one OPTIONS now; False when no transport leads there."""
        driver = self._driver
        options = driver.contacts.qualify_options(contact)
        endpoint = driver.settings.endpoints.get(contact.endpoint) or next(iter(driver.endpoints_of(contact.aor)), None)
        if options is None or endpoint is None:
            return False
        routes = contact.routes
        flow = route(driver, Target(endpoint, contact.parsed, contact))
        if options.outbound_proxy and contact.flow is None:
            try:
                routes = (*proxy_routes(options.outbound_proxy), *routes)
            except SipParseError as error:
                logger.warning(f"aor '{contact.aor}': outbound_proxy '{options.outbound_proxy}': {error}")
            else:
                flow = driver.transports.flow_to(endpoint.transport, routes[0].uri)
        if flow is None:
            self._set_status(contact, ContactStatus.UNAVAILABLE, None)
            return False
        host = driver.transports.local_address(flow.transport, flow.host)
        user = endpoint.from_user or endpoint.name
        us = NameAddr(SipUri("sip", user, host=endpoint.from_domain or host))
        request = driver.sip.new_request(
            "OPTIONS", contact.parsed, from_=us, to=NameAddr(contact.parsed), routes=routes,
            contact=f"<{flow.transport.contact_uri(endpoint.contact_user or user, flow.host)}>",
        )  # fmt: skip
        question = _Question(self, contact, options, self.now())
        self._questions.set(question, options.qualify_timeout or 3.0)
        credentials = outbound_credentials(driver.settings, endpoint) if options.authenticate_qualify else None
        driver.sip.send_request(request, flow, question, credentials)
        return True

    def answered(self, question: _Question, round_trip: float | None) -> None:
        """A question is settled."""
        self._questions.cancel(question)
        status = ContactStatus.AVAILABLE if round_trip is not None else ContactStatus.UNAVAILABLE
        if question.generation == self.generation and question.contact.status is not ContactStatus.REMOVED:
            self._set_status(question.contact, status, round_trip)

    def _set_status(self, contact: Contact, status: ContactStatus, round_trip: float | None) -> None:
        old, contact.status = contact.status, status
        contact.round_trip = round_trip
        if old is status:
            return
        word = "Reachable" if status is ContactStatus.AVAILABLE else "Unreachable"
        logger.verbose(3, f"Contact {contact.aor}/{contact.uri} is now {word}.  RTT: {(round_trip or 0) * 1000:.3f} msec")
        for hook in self._driver.hooks.contact_status_changed:
            hook(contact)
        self._driver.aor_changed(contact.aor)

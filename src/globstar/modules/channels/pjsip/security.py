"""Security events of the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.security import SecurityEventType, address_text, is_wanted, report
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.digest import Credentials

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.proto.sip.message import Request
    from globstar.proto.sip.transaction import ServerTransaction

#: How an account is called that does not exist.
UNKNOWN = "<unknown>"


class SecurityReports:
    """Reports events about requests; costs a look at two lists when nobody hears."""

    def __init__(self, driver: PjsipDriver) -> None:
        self._driver = driver

    def report(self, kind: SecurityEventType, transaction: ServerTransaction, account: str, **extra: str) -> None:
        """An event about a request of ``account``; ``extra`` are the kind's own fields."""
        system = self._driver.system
        if not is_wanted(system):
            return
        flow = transaction.flow
        transport = flow.transport
        local = self._driver.transports.local_address(transport, flow.host)
        report(
            system,
            kind,
            service="PJSIP",
            account=account,
            session=transaction.request.call_id,
            local=address_text(transport.name, local, transport.port),
            remote=address_text(transport.name, flow.host, flow.port),
            session_time=None,
            **extra,
        )

    def stranger(self, transaction: ServerTransaction) -> None:
        """A request whose From names nobody."""
        if is_wanted(self._driver.system):
            user = transaction.request.from_.uri.user or ""
            self.report(SecurityEventType.INVALID_ACCOUNT_ID, transaction, user)

    def challenged(self, transaction: ServerTransaction, account: str) -> None:
        """A request was asked who it is."""
        self.report(SecurityEventType.CHALLENGE_SENT, transaction, account, Challenge="")

    def failed(self, transaction: ServerTransaction, account: str) -> None:
        """A request gave the wrong answer to a challenge."""
        if is_wanted(self._driver.system):
            credentials = _credentials(transaction.request)
            self.report(
                SecurityEventType.CHALLENGE_RESPONSE_FAILED,
                transaction,
                account,
                Challenge=credentials.nonce if credentials is not None else "",
                Response=credentials.response if credentials is not None else "",
                ExpectedResponse="",
            )

    def succeeded(self, transaction: ServerTransaction, account: str) -> None:
        """A request has proved who it is."""
        self.report(SecurityEventType.SUCCESSFUL_AUTH, transaction, account, UsingPassword="1")


def _credentials(request: Request) -> Credentials | None:
    for value in request.get_all("Authorization"):
        try:
            return Credentials.parse(value)
        except SipParseError:
            continue
    return None

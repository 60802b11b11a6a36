"""Requests outside of dialogs other than INVITE and REGISTER: OPTIONS, SUBSCRIBE, PUBLISH, NOTIFY, REFER."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.switches import SwitchWaits, asking
from globstar.proto.sip.message import Header, Request
from globstar.proto.sip.settings import ALL_METHODS

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip")

ACCEPT = (
    "application/sdp, application/simple-message-summary, application/pidf+xml, application/xpidf+xml, "
    "application/cpim-pidf+xml, application/dialog-info+xml, application/simple-message-summary, application/pidf+xml, "
    "application/dialog-info+xml, message/sipfrag;version=2.0"
)

#: What we know of extensions.
SUPPORTED: Header = ("Supported", "100rel, timer, replaces, norefersub")
#: What a 200 to OPTIONS says (RFC 3261 11.2).
OPTIONS_HEADERS: list[Header] = [
    ("Accept", ACCEPT),
    ("Allow", ", ".join(ALL_METHODS)),
    SUPPORTED,
    ("Accept-Encoding", "identity"),
    ("Accept-Language", "en"),
]


#: Extensions of calls that a request may require, and those of other requests.
CALL_EXTENSIONS = frozenset(("100rel", "timer", "replaces", "norefersub", "histinfo"))
_EXTENSIONS = CALL_EXTENSIONS | {"path", "outbound", "gruu", "eventlist"}


def not_understood(request: Request, extensions: frozenset[str] = _EXTENSIONS) -> list[Header]:
    """The headers of a 420 for a request that requires what we do not know (RFC 3261 8.2.2.3); empty when we know it all."""
    if not request.has("Require"):
        return []
    unknown = [option for option in request.tokens("Require") if option not in extensions]
    return [("Unsupported", ", ".join(unknown)), SUPPORTED] if unknown else []


def hold_for_plan(driver: PjsipDriver, transaction: ServerTransaction, waits: SwitchWaits, treat: Callable[[], None]) -> None:
    """The dialplan has to ask elsewhere whether it has an extension: ``treat`` the request when it knows."""

    async def wait() -> None:
        await waits.fetch()
        try:
            driver.sip.resume(transaction, treat)
        finally:
            driver.drain()

    driver.tasks.start(wait(), name="an extension of a switch")


def answer_options(driver: PjsipDriver, endpoint: EndpointObject, transaction: ServerTransaction) -> None:
    """OPTIONS: 200 for the server itself and for extensions that exist, else 404."""
    uri = transaction.request.uri
    if not uri.is_sip:
        transaction.respond(416)
        return
    plan = driver.system.plan
    try:
        is_there = not uri.user or asking(lambda: plan.exists(endpoint.context, endpoint.user_of(uri), 1, endpoint.caller_number))
    except SwitchWaits as waits:
        hold_for_plan(driver, transaction, waits, lambda: answer_options(driver, endpoint, transaction))
        return
    if not is_there:
        transaction.respond(404)
        return
    transaction.respond(200, headers=OPTIONS_HEADERS)


def answer_other(transaction: ServerTransaction) -> None:
    """SUBSCRIBE and PUBLISH to packages that nobody offers, and what makes no sense outside a dialog."""
    method = transaction.request.method
    if method in ("SUBSCRIBE", "PUBLISH"):
        transaction.respond(489)
    elif method in ("BYE", "PRACK", "UPDATE", "INFO", "NOTIFY"):
        transaction.respond(481)
    else:
        transaction.respond(501)

"""Who forwarded a call: Diversion (RFC 5806) and History-Info (RFC 7044), mapped to one another as RFC 7544 says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.party import PartyId, Redirecting, RedirectingReason
from globstar.modules.channels.pjsip.identity import PROHIBITED, is_restricted, party_of_address
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import Params
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.headers.history import HistoryEntry
from globstar.proto.sip.headers.identity import Diversion
from globstar.proto.sip.message import Header, Message, Response
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

#: Reasons of redirection: SIP's word by Asterisk's code (RFC 5806 and compat/other_enums.tsv).
REDIRECTING_REASONS = {
    0: "unknown", 1: "user-busy", 2: "no-answer", 3: "unavailable", 4: "unconditional", 5: "time-of-day",
    6: "do-not-disturb", 7: "deflection", 8: "follow-me", 9: "out-of-service", 10: "away", 11: "cf_dte", 12: "send_to_vm",
}  # fmt: skip
_REASON_CODES = {name: code for code, name in REDIRECTING_REASONS.items()} | {"no_answer": 2, "cfb": 1, "cfnr": 2, "cfu": 4}
#: The cause parameter of History-Info by reason (RFC 7544, table 1); what has none is 404.
_CAUSES = {"user-busy": 486, "no-answer": 408, "unavailable": 503, "unconditional": 302, "deflection": 480}
_REASONS = {str(cause): reason for reason, cause in _CAUSES.items()} | {"487": "deflection"}
#: Entries that are looked at; a longer list tells of a loop.
MAX_ENTRIES = 32


def reason_of(text: str) -> RedirectingReason:
    """The code of a reason, and its words where the code does not say them."""
    code = _REASON_CODES.get(text.lower())
    return RedirectingReason(code) if code is not None else RedirectingReason(0, text)


def _word(reason: RedirectingReason) -> str:
    return reason.text or REDIRECTING_REASONS.get(reason.code, "unknown")


def _address(party: PartyId, host: str, params: Params) -> NameAddr:
    name = party.name.text if party.name.valid else ""
    return NameAddr(SipUri("sip", party.number.text, host=host), name, params)


def _is_known(party: PartyId) -> bool:
    return party.number.valid and bool(party.number.text)


def _has_origin(redirecting: Redirecting) -> bool:
    """Whether somebody else forwarded the call before the last one did."""
    return _is_known(redirecting.orig) and redirecting.orig.number.text != redirecting.from_.number.text


# -- Diversion -----------------------------------------------------------------------------------------------------


def diversion_headers(redirecting: Redirecting, host: str) -> list[Header]:
    """Diversion of the last who forwarded the call and, behind it, of the first; counters where there were more."""
    if not _is_known(redirecting.from_):
        return []
    first = _has_origin(redirecting)
    counter = redirecting.count - first
    headers = [_diversion(redirecting.from_, redirecting.reason, counter, host)]
    if first:
        headers.append(_diversion(redirecting.orig, redirecting.orig_reason, 1, host))
    return headers


def _diversion(party: PartyId, reason: RedirectingReason, counter: int, host: str) -> Header:
    params = [("reason", _word(reason))]
    if counter > 1:
        params.append(("counter", str(counter)))
    if is_restricted(party):
        params.append(("privacy", "full"))
    return "Diversion", str(_address(party, host, Params(params)))


def take_diversion(message: Message, redirecting: Redirecting) -> bool:
    """Note who forwarded a call that comes in; False when nobody did."""
    try:
        diversions = message.values("Diversion", Diversion.parse_list)[:MAX_ENTRIES]
    except SipParseError:
        return False  # an unreadable Diversion is none
    if not diversions:
        return False
    latest, first = diversions[0], diversions[-1]
    redirecting.from_ = _party(latest)
    redirecting.orig = _party(first)
    redirecting.reason = reason_of(latest.reason)
    redirecting.orig_reason = reason_of(first.reason)
    redirecting.count = sum(diversion.counter for diversion in diversions)
    return True


def take_forwarding(response: Response, redirecting: Redirecting) -> Redirecting:
    """Note who forwards a call of ours, as a 181 tells it; the result is what the caller's phone is told of it.

    Without Diversion and History-Info it is whom we called, and the caller's phone is told no name, as Asterisk does.
    """
    if take_diversion(response, redirecting) or take_history(response, redirecting):
        return redirecting
    redirecting.from_ = party_of_address(response.to, 0)
    return Redirecting()


def _party(diversion: Diversion) -> PartyId:
    return party_of_address(diversion.address, PROHIBITED if diversion.privacy not in ("off", "") else 0)


# -- History-Info --------------------------------------------------------------------------------------------------


def history_headers(redirecting: Redirecting, host: str, target: SipUri) -> list[Header]:
    """History-Info of a forwarded call to ``target``: who was called first, who forwarded, where the call goes."""
    if not _is_known(redirecting.from_):
        return []
    chain: list[tuple[PartyId, RedirectingReason | None]] = []
    if _has_origin(redirecting):
        chain = [(redirecting.orig, None), (redirecting.from_, redirecting.orig_reason)]
    else:
        chain = [(redirecting.from_, None)]
    values: list[str] = []
    index = "1"
    for party, reason in chain:
        uri = SipUri("sip", party.number.text, host=host)
        values.append(str(_entry(uri, party, reason, index)))
        index += ".1"
    plain = SipUri(target.scheme, target.user, host=target.host, port=target.port)
    values.append(str(_entry(plain, None, redirecting.reason, index)))
    return [("History-Info", ", ".join(values))]


def _entry(uri: SipUri, party: PartyId | None, reason: RedirectingReason | None, index: str) -> HistoryEntry:
    params = [("index", index)]
    if reason is not None:
        uri = uri.with_params(Params([("cause", str(_CAUSES.get(_word(reason), 404)))]))
        params.append(("mp", index.rpartition(".")[0]))
    name = party.name.text if party is not None and party.name.valid else ""
    entry = HistoryEntry(NameAddr(uri, name, Params(params)))
    return entry.with_privacy() if party is not None and is_restricted(party) else entry


def take_history(message: Message, redirecting: Redirecting) -> bool:
    """Note from History-Info who forwarded a call that comes in; False when nobody did."""
    try:
        entries = message.values("History-Info", HistoryEntry.parse_list)[:MAX_ENTRIES]
    except SipParseError:
        return False  # an unreadable History-Info is none
    by_index = {entry.index: entry for entry in entries}
    forwards: list[tuple[HistoryEntry, HistoryEntry]] = []
    for place, entry in enumerate(entries):
        if entry.cause and place:
            forwards.append((by_index.get(entry.mapped_from, entries[place - 1]), entry))
    if not forwards:
        return False
    (first, first_target), (latest, target) = forwards[0], forwards[-1]
    redirecting.from_ = _known(latest)
    redirecting.to = _known(target)
    redirecting.orig = _known(first)
    redirecting.reason = reason_of(_REASONS.get(target.cause, "unknown"))
    redirecting.orig_reason = reason_of(_REASONS.get(first_target.cause, "unknown"))
    redirecting.count = len(forwards)
    return True


def _known(entry: HistoryEntry) -> PartyId:
    return party_of_address(entry.address, PROHIBITED if entry.is_private else 0)


def redirecting_headers(endpoint: EndpointObject, redirecting: Redirecting, host: str, target: SipUri) -> list[Header]:
    """What an endpoint is told of who forwarded a call."""
    headers = diversion_headers(redirecting, host) if endpoint.send_diversion else []
    if endpoint.send_history_info:
        headers += history_headers(redirecting, host, target)
    return headers

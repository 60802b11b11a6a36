"""The registrar: REGISTER requests bind contacts to aors (RFC 3261 10.3, RFC 3327)."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.security import SecurityEventType
from globstar.modules.channels.pjsip.contacts import Contact, ContactStatus, ContactStore
from globstar.modules.channels.pjsip.flows import instance_of, keeps_flow, outbound_refusal
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.headers.digest import Credentials
from globstar.proto.sip.message import Header, Request

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects import AorObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_registrar")

#: Longest contact URI that is stored.
MAX_URI = 255


@dataclass(frozen=True, slots=True)
class _Change:
    """What one Contact of a request does: ``found`` is the binding that it is about, ``expires`` 0 removes it."""

    found: Contact | None
    uri: str
    expires: int
    instance: str
    reg_id: int


_NOT_SUPPORTED, _FAILED_ACL = SecurityEventType.REQUEST_NOT_SUPPORTED, SecurityEventType.FAILED_ACL


def _report(
    driver: PjsipDriver, endpoint: EndpointObject, transaction: ServerTransaction, kind: SecurityEventType, **extra: str
) -> None:
    driver.security.report(kind, transaction, endpoint.name, **extra)


def register(driver: PjsipDriver, endpoint: EndpointObject, transaction: ServerTransaction) -> None:
    """Answer a REGISTER of an endpoint that has proved who it is."""
    request = transaction.request
    aor = find_aor(driver.settings, endpoint, request)
    if aor is None:
        logger.warning(f"AOR '{request.to.uri.user or ''}' not found for endpoint '{endpoint.name}'")
        _report(driver, endpoint, transaction, _NOT_SUPPORTED, RequestType="registrar_requested_aor_not_found")
        transaction.respond(404)
        return
    if not aor.max_contacts:
        logger.warning(f"AOR '{aor.name}' has no room for registrations (max_contacts is 0)")
        what = "registrar_attempt_without_registration_permitted"
        _report(driver, endpoint, transaction, _NOT_SUPPORTED, RequestType=what)
        transaction.respond(403)
        return
    path = request.get_all("Path")
    if path and aor.support_path and "path" not in request.tokens("Supported"):
        transaction.respond(420)
        return
    wanted = _wanted(request)
    if wanted is None:
        _report(driver, endpoint, transaction, _FAILED_ACL, ACLName="registrar_invalid_contacts_provided")
        transaction.respond(400)
        return
    if any(not address.uri.is_sip for address in wanted):
        transaction.respond(416)
        return
    if any(len(str(address.uri)) > MAX_URI for address in wanted):
        transaction.respond(400)
        return
    status = outbound_refusal(aor, request, wanted, path)
    if status:
        transaction.respond(status)
        return
    store = driver.contacts
    if request.is_star_contact:
        for contact in list(store.registered(aor.name)):
            logger.verbose(3, f"Removed contact '{contact.uri}' from AOR '{aor.name}' due to request")
            store.remove(contact)
    elif wanted and not _bind(driver, endpoint, aor, transaction, wanted, path):
        what = "registrar_attempt_exceeds_maximum_configured_contacts"
        _report(driver, endpoint, transaction, _FAILED_ACL, ACLName=what)
        transaction.respond(403)
        return
    transaction.respond(200, headers=_answer(driver, store, aor, request, path))


def find_aor(settings: PjsipSettings, endpoint: EndpointObject, request: Request) -> AorObject | None:
    """The endpoint's aor that To names: as user@domain, as user@ what the domain is an alias of, or as user; with
    identify_by=auth_username also the one that the digest's user name names.
    """
    uri = request.to.uri
    names = _names(settings, endpoint.user_of(uri), uri.host)
    if "auth_username" in endpoint.identify_by:
        for value in request.get_all("Authorization"):
            try:
                credentials = Credentials.parse(value)
            except SipParseError:
                continue
            names += _names(settings, credentials.username, credentials.realm)
    for name in names:
        if name in endpoint.aors:
            return settings.aors.get(name)
    return None


def _names(settings: PjsipSettings, user: str, domain: str) -> list[str]:
    alias = settings.domain_aliases.get(domain.lower())
    return [f"{user}@{domain}", *([f"{user}@{alias}"] if alias else ()), user]


def _wanted(request: Request) -> tuple[NameAddr, ...] | None:
    """The contacts of the request; None when they make no sense together."""
    values = request.get_all("Contact")
    stars = sum(value.strip() == "*" for value in values)
    if stars:
        return () if stars == len(values) == 1 and request.expires == 0 else None
    try:
        return request.contacts
    except SipParseError:
        return None


def _expiry(aor: AorObject, request: Request, address: NameAddr) -> int:
    """The granted life: asked for by the contact's parameter, else by the header, kept within bounds; 0 removes."""
    asked = address.expires if address.expires is not None else request.expires
    if asked is None:
        asked = aor.default_expiration
    if asked == 0:
        return 0
    return min(max(asked, aor.minimum_expiration), aor.maximum_expiration)


def _bind(
    driver: PjsipDriver,
    endpoint: EndpointObject,
    aor: AorObject,
    transaction: ServerTransaction,
    wanted: tuple[NameAddr, ...],
    path: list[str],
) -> bool:
    """Add, refresh and remove; False when there would be too many, and then nothing is changed."""
    store = driver.contacts
    request, flow = transaction.request, transaction.flow
    now = driver.system.wall_time()
    known = [contact for contact in store.registered(aor.name) if (contact.expires_wall or 0) > now]
    changes: list[_Change] = []
    for address in wanted:
        uri = address.uri
        if endpoint.rewrite_contact or flow.transport.name in ("WS", "WSS"):  # browsers know no address of theirs (RFC 7118 5)
            uri = driver.rewritten(uri, flow)
        instance, reg_id = instance_of(address) if aor.support_outbound or aor.support_gruu else ("", 0)
        found = next((c for c in known if c.parsed.is_equivalent(uri)), None)
        if found is None and reg_id and aor.support_outbound:
            # RFC 5626 6: instance and flow number make the binding, whatever its URI is.
            found = next((c for c in known if c.reg_id == reg_id and c.instance == instance), None)
        changes.append(_Change(found, str(uri), _expiry(aor, request, address), instance, reg_id))
    removed = [c.found for c in changes if c.found is not None and not c.expires]
    kept = [contact for contact in known if contact not in removed]
    added = sum(c.found is None and c.expires > 0 for c in changes)
    surplus = len(kept) + added - aor.max_contacts
    displaced: list[Contact] = []
    if surplus > 0:
        refreshed = [c.found for c in changes if c.found is not None and c.expires]
        candidates = [contact for contact in reversed(kept) if contact not in refreshed]
        if aor.remove_unavailable and not aor.remove_existing:
            candidates = [contact for contact in candidates if contact.status is ContactStatus.UNAVAILABLE]
        elif aor.remove_unavailable:
            candidates.sort(key=lambda contact: contact.status is not ContactStatus.UNAVAILABLE)
        elif not aor.remove_existing:
            candidates = []
        if len(candidates) < surplus:
            logger.warning(
                f"Registration attempt from endpoint '{endpoint.name}' to AOR '{aor.name}' will exceed "
                f"max contacts of {aor.max_contacts}"
            )
            return False
        displaced = candidates[:surplus]
    via = request.via
    is_stream = flow.connection is not None
    for change in changes:
        found, expires = change.found, change.expires
        if found is not None and (not expires or found.uri != change.uri):
            why = "due to request" if not expires else "as its phone is reached elsewhere now"
            logger.verbose(3, f"Removed contact '{found.uri}' from AOR '{aor.name}' {why}")
            store.remove(found)
            found = None
        if not expires:
            continue
        contact = found or Contact(aor.name, change.uri)
        contact.expires_wall = now + expires
        contact.path = tuple(path) if aor.support_path else ()
        contact.user_agent = request.get("User-Agent") or ""
        contact.call_id = request.call_id
        contact.via_address, contact.via_port = via.host, via.port or 5060
        contact.endpoint = endpoint.name
        contact.transport = flow.transport.label
        contact.instance, contact.reg_id = change.instance, change.reg_id
        # It ends with its connection where that is the only way to it.
        contact.prune_on_boot = is_stream and (
            endpoint.rewrite_contact or flow.transport.name in ("WS", "WSS") or keeps_flow(aor, contact)
        )
        contact.flow = flow if contact.prune_on_boot or keeps_flow(aor, contact) else None
        if found is None:
            logger.verbose(3, f"Added contact '{change.uri}' to AOR '{aor.name}' with expiration of {expires} seconds")
            store.add(contact)
        else:
            logger.debug(1, f"Refreshed contact '{found.uri}' on AOR '{aor.name}' with new expiration of {expires} seconds")
            store.save(contact)
            for hook in driver.hooks.contact_refreshed:
                hook(contact)
    for contact in displaced:
        logger.verbose(3, f"Removed contact '{contact.uri}' from AOR '{aor.name}' due to remove_existing")
        store.remove(contact)
    driver.contact_expiry_changed()
    return True


def _answer(driver: PjsipDriver, store: ContactStore, aor: AorObject, request: Request, path: list[str]) -> list[Header]:
    """The headers of the 200: date, every binding with what is left of it, and what the aor supports."""
    now = driver.system.wall_time()
    headers: list[Header] = [("Date", formatdate(now, usegmt=True))]
    hooks = driver.hooks.contact_params
    for contact in store.registered(aor.name):
        left = round((contact.expires_wall or 0) - now)
        if left > 0:
            params = "".join(hook(aor, contact, request) for hook in hooks) if contact.instance else ""
            if contact.reg_id:  # RFC 5626 6: as it was registered
                params += f";reg-id={contact.reg_id}"
                if ";+sip.instance=" not in params:
                    params += f';+sip.instance="<{contact.instance}>"'
            headers.append(("Contact", f"<{contact.uri}>;expires={left}{params}"))
    asked = request.expires
    if asked is not None:
        granted = min(max(asked, aor.minimum_expiration), aor.maximum_expiration) if asked else 0
        headers.append(("Expires", str(granted)))
    if aor.support_path and path:
        headers += [("Path", value) for value in path]  # RFC 3327 5.3
    if aor.support_path and store.registered(aor.name):
        headers.append(("Supported", "path"))
    if aor.support_outbound and any(instance_of(address)[1] for address in request.contacts):
        headers.append(("Require", "outbound"))  # RFC 5626 6
    return headers

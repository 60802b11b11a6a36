"""Phones that are told apart by their instance and reached over the flow that they registered by (RFC 5626)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.objects import AorObject
    from globstar.proto.sip.message import Request

#: Longest instance id that is kept.
MAX_INSTANCE = 255


def instance_of(address: NameAddr) -> tuple[str, int]:
    """``+sip.instance`` of a Contact without quotes and brackets, and its reg-id (RFC 5626 4.1); "" and 0 without."""
    text = (address.params.unquoted("+sip.instance") or "").strip()
    if not (text.startswith("<") and text.endswith(">")) or len(text) > MAX_INSTANCE:
        return "", 0
    number = address.params.get("reg-id") or ""
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return text[1:-1], int(number) if is_number else 0


def keeps_flow(aor: AorObject, contact: Contact) -> bool:
    """Whether requests to a contact go over the flow that it registered by, and only there."""
    return aor.support_outbound and bool(contact.reg_id)


def outbound_refusal(aor: AorObject, request: Request, wanted: tuple[NameAddr, ...], path: list[str]) -> int:
    """The status that refuses a registration for its flows (RFC 5626 6), 0 when there is nothing to refuse."""
    if not aor.support_outbound:
        return 0
    flows = [address for address in wanted if instance_of(address)[1] and address.expires != 0 and request.expires != 0]
    if not flows:
        return 0
    if len(flows) > 1:
        return 400
    if len(request.vias) == 1:
        return 0
    try:
        first_hop = NameAddr.parse_list(path)[-1].uri if path else None
    except SipParseError:
        return 400
    if first_hop is None or not first_hop.params.has("ob"):
        return 439 if request.supports("outbound") else 0
    return 0

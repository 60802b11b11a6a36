"""application/x-as-feature-event+xml: do-not-disturb and call forwarding as phones and server tell each other (ECMA-323)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from globstar.modules.channels.pjsip.pubsub.bodies.extension import xml

CONTENT_TYPE = "application/x-as-feature-event+xml"
_NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

#: forwardingType by our name of the feature
FORWARDING = {"always": "forwardImmediate", "busy": "forwardBusy", "no answer": "forwardNoAns"}
_FEATURES = {kind.lower(): name for name, kind in FORWARDING.items()}


class BadRequest(ValueError):
    """A body that makes no sense."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a phone asks for: ``feature`` is dnd or a key of FORWARDING; no ``target`` keeps the one there is."""

    feature: str
    is_on: bool
    target: str = ""


def parse(body: bytes) -> Change:
    """Read SetDoNotDisturb or SetForwarding."""
    if b"<!" in body:
        raise BadRequest("declarations are not taken")
    try:
        root = ET.fromstring(body)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadRequest(str(error)) from None
    fields = {_local(element.tag): (element.text or "").strip() for element in root}
    name = _local(root.tag)
    if name == "SetDoNotDisturb":
        return Change("dnd", _flag(fields.get("doNotDisturbOn", "")))
    if name == "SetForwarding":
        feature = _FEATURES.get(fields.get("forwardingType", "").lower())
        if feature is None:
            raise BadRequest(f"forwardingType '{fields.get('forwardingType', '')}'")
        return Change(feature, _flag(fields.get("activateForward", "")), fields.get("forwardDN", ""))
    raise BadRequest(f"element '{name}'")


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _flag(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise BadRequest(f"'{text}' is neither true nor false")


def render_dnd(device: str, is_on: bool) -> bytes:
    """DoNotDisturbEvent."""
    return (
        f'{_HEAD}<DoNotDisturbEvent xmlns="{_NAMESPACE}">\n <device>{xml(device)}</device>\n'
        f" <doNotDisturbOn>{str(is_on).lower()}</doNotDisturbOn>\n</DoNotDisturbEvent>\n"
    ).encode()


def render_forwarding(device: str, feature: str, target: str) -> bytes:
    """ForwardingEvent; an empty ``target`` is no forwarding."""
    return (
        f'{_HEAD}<ForwardingEvent xmlns="{_NAMESPACE}">\n <device>{xml(device)}</device>\n'
        f" <forwardingType>{FORWARDING[feature]}</forwardingType>\n <forwardStatus>{str(bool(target)).lower()}</forwardStatus>\n"
        f" <forwardTo>{xml(target)}</forwardTo>\n</ForwardingEvent>\n"
    ).encode()

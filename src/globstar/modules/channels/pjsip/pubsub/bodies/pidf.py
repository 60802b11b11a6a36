"""application/pidf+xml (RFC 3863) with the data model and RPID (RFC 4479, 4480), and its draft under cpim-pidf+xml."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.bodies.extension import ExtensionBody, words, xml

CONTENT_TYPE = "application/pidf+xml"
CPIM_TYPE = "application/cpim-pidf+xml"
MODULE = "res_pjsip_pidf_body_generator"

_NAMESPACES = (
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
    'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
)
_ON_THE_PHONE = " <dm:person>\n  <rpid:activities>\n   <rpid:on-the-phone />\n  </rpid:activities>\n </dm:person>\n"


def render(body: ExtensionBody) -> bytes:
    """Presence of an extension."""
    said = words(body)
    person = _ON_THE_PHONE if said.is_busy else " <dm:person />\n"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<presence entity="{xml(body.local)}" {_NAMESPACES}>\n'
        f" <note>{said.note}</note>\n"
        f' <tuple id="{xml(body.extension)}">\n'
        f"  <status>\n   <basic>{'open' if said.is_open else 'closed'}</basic>\n  </status>\n"
        f'  <contact priority="1">{xml(body.remote)}</contact>\n'
        f" </tuple>\n{person}</presence>\n"
    ).encode()

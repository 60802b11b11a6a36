"""application/xpidf+xml: presence as Windows Messenger and older phones know it."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.bodies.extension import ExtensionBody, words, xml

CONTENT_TYPE = "application/xpidf+xml"
MODULE = "res_pjsip_xpidf_body_generator"


def render(body: ExtensionBody) -> bytes:
    """Presence of an extension."""
    said = words(body)
    if not said.is_open:
        status, detail = "closed", "offline"
    elif said.is_busy:
        status, detail = "inuse", "onthephone"
    else:
        status, detail = "open", "online"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE presence PUBLIC "-//IETF//DTD RFCxxxx XPIDF 1.0//EN" "xpidf.dtd">\n'
        "<presence>\n"
        f' <presentity uri="{xml(body.local)};method=SUBSCRIBE" />\n'
        f' <atom id="{xml(body.extension)}">\n'
        f'  <address uri="{xml(body.remote)};user=ip" priority="0.80000">\n'
        f'   <status status="{status}" />\n   <msnsubstatus substatus="{detail}" />\n'
        "  </address>\n </atom>\n</presence>\n"
    ).encode()

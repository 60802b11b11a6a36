"""``application/media_control+xml``: a picture from scratch is asked for by INFO (RFC 5168)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from xml.sax.saxutils import escape

from globstar.base.errors import RemoteFault

CONTENT_TYPE = "application/media_control+xml"
MAX_BYTES = 8192
#: Streams that a document may name; the rest is not looked at.
MAX_STREAMS = 32


class MediaControlError(RemoteFault):
    """A document that cannot be read."""


def build_picture_request(streams: Iterable[str] = ()) -> bytes:
    """Ask for pictures from scratch of the streams of these names (labels of SDP), of all without any."""
    named = "".join(f"<stream_id>{escape(name)}</stream_id>" for name in streams)
    return (
        '<?xml version="1.0" encoding="utf-8" ?>\r\n<media_control><vc_primitive><to_encoder><picture_fast_update/>'
        f"</to_encoder>{named}</vc_primitive></media_control>\r\n"
    ).encode()


def parse_picture_request(document: bytes) -> tuple[str, ...] | None:
    """The names of the streams whose pictures are asked for: none for all streams. None when no picture is asked for.

    Raises:
        MediaControlError: no XML, or none that may be read.
    """
    if len(document) > MAX_BYTES or b"<!" in document:
        raise MediaControlError("the document is too long or has a DTD")
    try:
        root = ET.fromstring(document.strip())
    except (ET.ParseError, ValueError, LookupError) as error:
        raise MediaControlError(f"no XML: {error}") from None
    named: list[str] = []
    is_asked = False
    for primitive in root.iter():
        if _name(primitive) != "vc_primitive" or not any(_name(part) == "picture_fast_update" for part in primitive.iter()):
            continue
        streams = [(part.text or "").strip() for part in primitive if _name(part) == "stream_id"]
        if not any(streams):
            return ()
        is_asked = True
        named += filter(None, streams)
    return tuple(dict.fromkeys(named))[:MAX_STREAMS] if is_asked else None


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]

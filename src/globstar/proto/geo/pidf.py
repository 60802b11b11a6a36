"""PIDF-LO: a location as XML (RFC 4119, RFC 5139, RFC 5491)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from globstar.proto.geo.profile import CIVIC_CODES, Location, Pairs, Profile
from globstar.proto.geo.shapes import GML, GS, GeoError, from_gml, to_gml

CONTENT_TYPE = "application/pidf+xml"
MAX_BYTES = 32768
PIDF = "urn:ietf:params:xml:ns:pidf"
GEOPRIV = "urn:ietf:params:xml:ns:pidf:geopriv10"
BASIC = "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy"
CIVIC = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model"
CONFIDENCE = "urn:ietf:params:xml:ns:geopriv:conf"
_PREFIXES = {"": PIDF, "gp": GEOPRIV, "gbp": BASIC, "ca": CIVIC, "dm": DATA_MODEL, "con": CONFIDENCE, "gml": GML, "gs": GS}
_RULES = ("retransmission-allowed", "retention-expiry", "ruleset-reference", "note-well")


def to_pidf(profile: Profile, entity: str) -> bytes:
    """The document of an effective profile whose location is no URI; raises GeoError."""
    location = profile.location
    location.check()
    if location.format == "URI":
        raise GeoError("a location by reference has no document")
    for prefix, uri in _PREFIXES.items():
        ET.register_namespace(prefix, uri)
    root = ET.Element(f"{{{PIDF}}}presence", {"entity": entity})
    identity = {"id": profile.pidf_element_id or "location"}
    if profile.pidf_element == "tuple":
        holder = ET.SubElement(root, f"{{{PIDF}}}tuple", identity)
        geopriv = ET.SubElement(ET.SubElement(holder, f"{{{PIDF}}}status"), f"{{{GEOPRIV}}}geopriv")
    else:
        holder = ET.SubElement(root, f"{{{DATA_MODEL}}}{profile.pidf_element}", identity)
        geopriv = ET.SubElement(holder, f"{{{GEOPRIV}}}geopriv")
    place = ET.SubElement(geopriv, f"{{{GEOPRIV}}}location-info")
    if location.format == "GML":
        to_gml(dict(location.info), place)
    else:
        _civic(location, place)
    if location.confidence:
        confidence = dict(location.confidence)
        attributes = {"pdf": confidence["pdf"]} if "pdf" in confidence else {}
        ET.SubElement(place, f"{{{CONFIDENCE}}}confidence", attributes).text = confidence.get("value", "unknown")
    rules = ET.SubElement(geopriv, f"{{{GEOPRIV}}}usage-rules")
    for name, value in profile.usage_rules:
        if name in _RULES:
            ET.SubElement(rules, f"{{{BASIC}}}{name}").text = value
    if location.method:
        ET.SubElement(geopriv, f"{{{GEOPRIV}}}method").text = location.method
    if profile.notes:
        ET.SubElement(geopriv, f"{{{GEOPRIV}}}note-well").text = profile.notes
    if profile.device_id and profile.pidf_element == "device":
        ET.SubElement(holder, f"{{{DATA_MODEL}}}deviceID").text = profile.device_id
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\r\n{text}'.encode()


def _civic(location: Location, place: ET.Element) -> None:
    info = dict(location.info)
    lang = info.pop("lang", "")
    attributes = {"{http://www.w3.org/XML/1998/namespace}lang": lang} if lang else {}
    civic = ET.SubElement(place, f"{{{CIVIC}}}civicAddress", attributes)
    for name, value in info.items():
        ET.SubElement(civic, f"{{{CIVIC}}}{name}").text = value


def from_pidf(document: bytes) -> Profile:
    """The first place of a document; raises GeoError. DTDs are refused, so entities cannot make it grow."""
    if len(document) > MAX_BYTES or b"<!" in document:
        raise GeoError("the document is too long or has a DTD")
    try:
        root = ET.fromstring(document)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise GeoError(f"no XML: {error}") from None
    for holder in root:
        kind = holder.tag.rpartition("}")[2]
        geopriv = holder.find(f".//{{{GEOPRIV}}}geopriv")
        if kind in ("tuple", "device", "person") and geopriv is not None:
            return _profile(kind, holder, geopriv)
    raise GeoError("the document has no place")


def _profile(kind: str, holder: ET.Element, geopriv: ET.Element) -> Profile:
    place = geopriv.find(f"{{{GEOPRIV}}}location-info")
    if place is None:
        raise GeoError("the document has no location-info")
    format = ""
    info: Pairs = ()
    confidence: Pairs = ()
    for child in place:
        name = child.tag.rpartition("}")[2]
        if name == "civicAddress":
            codes = ((item.tag.rpartition("}")[2], " ".join((item.text or "").split())) for item in child)
            format, info = "civicAddress", tuple(pair for pair in codes if pair[0] in CIVIC_CODES)
        elif name == "confidence":
            pdf = child.get("pdf")
            confidence = (("value", (child.text or "").strip()), *((("pdf", pdf),) if pdf else ()))
        elif not format:
            format, info = "GML", from_gml(child)
    rules = geopriv.find(f"{{{GEOPRIV}}}usage-rules")
    location = Location(format, info, _text(geopriv, f"{{{GEOPRIV}}}method"), "", confidence)
    location.check()
    return Profile(
        id="<incoming>",
        pidf_element=kind,
        pidf_element_id=holder.get("id", ""),
        device_id=_text(holder, f"{{{DATA_MODEL}}}deviceID"),
        location=location,
        usage_rules=tuple((item.tag.rpartition("}")[2], (item.text or "").strip()) for item in rules)
        if rules is not None
        else (),
        notes=_text(geopriv, f"{{{GEOPRIV}}}note-well"),
    )


def _text(parent: ET.Element, tag: str) -> str:
    return (parent.findtext(tag) or "").strip()

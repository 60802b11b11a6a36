"""Locations, profiles, shapes and PIDF-LO (RFC 4119, 5139, 5491, 6442)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.geo import BUILT_IN, SHAPES, GeoError, Location, Profile, from_pidf, parse_pairs, show_pairs, to_pidf

CIVIC = Location("civicAddress", (("country", "AT"), ("A3", "Wien & Umgebung"), ("HNO", "")), "Manual", "h", (("value", "80"),))
GML = {
    "Point": "shape=Point,crs=2d,pos=48.2 16.3",
    "Polygon": 'shape=Polygon,crs=2d,posList="1 1 1 2 2 2 1 1"',
    "Circle": "shape=Circle,crs=2d,pos=48.2 16.3,radius=30",
    "Ellipse": "shape=Ellipse,crs=2d,pos=1 2,semiMajorAxis=3,semiMinorAxis=2,orientation=45",
    "ArcBand": "shape=ArcBand,crs=2d,pos=1 2,innerRadius=1,outerRadius=2,startAngle=0,openingAngle=90",
    "Sphere": "shape=Sphere,crs=3d,pos=1 2 3,radius=5",
    "Ellipsoid": "shape=Ellipsoid,crs=3d,pos=1 2 3,semiMajorAxis=3,semiMinorAxis=2,verticalAxis=1,orientation=9",
    "Prism": 'shape=Prism,crs=3d,posList="1 1 0 1 2 0 2 2 0 1 1 0",height=9',
}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", ()),
        ("a=1", (("a", "1"),)),
        ('country=US, A1="New York, NY" ,b=', (("country", "US"), ("A1", "New York, NY"), ("b", ""))),
        ("URI=https://x/y?a=b", (("URI", "https://x/y?a=b"),)),
    ],
)
def test_pairs(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert parse_pairs(text) == pairs
    assert parse_pairs(show_pairs(pairs)) == pairs


@pytest.mark.parametrize("text", ["a", "=1", 'a="x', 'a="x"y', "a=1,,b=2"])
def test_what_are_no_pairs(text: str) -> None:
    with pytest.raises(GeoError):
        parse_pairs(text)


def test_every_shape_is_known() -> None:
    assert set(GML) == set(SHAPES)


@pytest.mark.parametrize("element", ["device", "tuple", "person"])
@pytest.mark.parametrize("text", GML.values())
def test_rfc5491_shapes_in_a_document_and_back(text: str, element: str) -> None:
    place = Location("GML", parse_pairs(text), "GPS")
    profile = Profile(id="p", pidf_element=element, pidf_element_id="i", location=place)
    found = from_pidf(to_pidf(profile, "pres:me@h"))
    assert dict(found.location.info) == dict(place.info)
    assert (found.location.method, found.pidf_element, found.pidf_element_id) == ("GPS", element, "i")


def test_rfc5139_civic_address_in_a_document_and_back() -> None:
    profile = Profile(
        location=CIVIC, usage_rules=(("retransmission-allowed", "no"),), notes="by hand", device_id="mac:1", pidf_element="device"
    )
    document = to_pidf(profile, "pres:me@h")
    assert b'entity="pres:me@h"' in document
    found = from_pidf(document)
    assert found.location.info == CIVIC.info
    assert found.location.confidence == (("value", "80"),)
    assert (found.usage_rules, found.notes, found.device_id) == (profile.usage_rules, "by hand", "mac:1")


@pytest.mark.parametrize(
    "location",
    [
        Location(), Location("Mystery", (("a", "b"),)), Location("URI", (("URL", "x"),)),
        Location("civicAddress", (("B1", "x"),)),
        Location("GML", (("shape", "Blob"),)), Location("GML", parse_pairs("shape=Point,pos=1")),
        Location("GML", parse_pairs("shape=Point,pos=1 x")), Location("GML", parse_pairs("shape=Circle,pos=1 2")),
        Location("GML", parse_pairs("shape=Point,crs=9d,pos=1 2")), Location("GML", parse_pairs("shape=Point,pos=1 2,speed=3")),
        Location("GML", parse_pairs("shape=Polygon,posList=1 2 3")), Location("civicAddress", (("A1", "x"),), "Guessing"),
    ],
)  # fmt: skip
def test_places_that_make_no_sense(location: Location) -> None:
    with pytest.raises(GeoError):
        location.check()


def test_a_place_by_reference_has_no_document() -> None:
    with pytest.raises(GeoError):
        to_pidf(Profile(location=Location("URI", (("URI", "https://x"),))), "pres:x")


def test_the_effective_place() -> None:
    profile = Profile(
        location=Location("civicAddress", (("country", "AT"), ("FLR", "1"), ("HNO", ""))),
        refinement=(("FLR", "${floor}"), ("ROOM", "${CHANNEL}")),
        variables=(("floor", "4"),),
        suppress_empty_ca_elements=True,
    )
    effective = profile.effective(lambda text: text.replace("${CHANNEL}", "PJSIP/x"))
    assert effective.location.info == (("country", "AT"), ("FLR", "4"), ("ROOM", "PJSIP/x"))
    assert dict(replace(profile, suppress_empty_ca_elements=False).effective().location.info)["HNO"] == ""


INCOMING = Profile(id="in", location=CIVIC)
EMPTY = Profile(id="empty")


@pytest.mark.parametrize(
    ("precedence", "has_config", "incoming", "expected"),
    [
        ("discard_incoming", True, INCOMING, "config"), ("discard_incoming", False, INCOMING, None),
        ("discard_config", True, INCOMING, "in"), ("discard_config", True, None, None),
        ("prefer_incoming", True, INCOMING, "in"), ("prefer_incoming", True, EMPTY, "config"),
        ("prefer_incoming", False, None, None), ("prefer_config", True, INCOMING, "config"),
        ("prefer_config", False, INCOMING, "in"),
    ],
)  # fmt: skip
def test_which_place_counts(precedence: str, has_config: bool, incoming: Profile | None, expected: str | None) -> None:
    config = Profile(id="config", precedence=precedence, location=CIVIC if has_config else Location())
    chosen = config.choose(incoming)
    assert (chosen.id if chosen else None) == expected


def test_built_in_profiles() -> None:
    assert set(BUILT_IN) == {"<prefer_incoming>", "<prefer_config>", "<discard_incoming>", "<discard_config>"}
    assert BUILT_IN["<prefer_config>"].choose(INCOMING) is INCOMING


@pytest.mark.parametrize(
    "document",
    [b"", b"<presence/>", b'<!DOCTYPE a [<!ENTITY b "c">]><presence/>', b"<a><device/></a>", b"x" * 40000, b"\xff"],
)
def test_documents_without_a_place(document: bytes) -> None:
    with pytest.raises(GeoError):
        from_pidf(document)


@given(st.binary(max_size=40), st.integers(0, 400))
def test_any_bytes_give_a_place_or_a_geo_error(noise: bytes, at: int) -> None:
    good = to_pidf(Profile(location=CIVIC), "pres:x")
    try:
        from_pidf(good[:at] + noise + good[at:])
    except GeoError:
        return

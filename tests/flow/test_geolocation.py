"""Where the caller is, through calls (RFC 6442) and in the dialplan."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from tests.support.sip_phone import SipOffice, Wire, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

CONFIG = """\
[home]
type=location
format=civicAddress
location_info=country=AT,A3=Wien
location_info=HNO=
method=Manual
location_source=loc.example.com

[by-reference]
type=location
format=URI
location_info=URI=https://lis.example.com/${EXTEN}

[house]
type=profile
location_reference=home
location_info_refinement=FLR="${FLOOR}"
suppress_empty_ca_elements=yes
allow_routing_use=yes
pidf_element=tuple

[reference]
type=profile
location_reference=by-reference

[broken]
type=profile
format=GML
location_info=shape=Blob
"""
PLAN = """\
[default]
exten => 1,1,Set(FLOOR=3)
 same => n,Set(GLOBAL(PLACE)=${GEOLOC_PROFILE(effective_location)}|${GEOLOCPROFILESTATUS})
 same => n,Dial(PJSIP/bob)
 same => n,Hangup()
exten => 2,1,Set(GEOLOC_PROFILE(format)=URI)
 same => n,Set(GEOLOC_PROFILE(location_info)=URI=https://set.example.com)
 same => n,Set(GEOLOC_PROFILE(shoesize)=44)
 same => n,Set(GLOBAL(STATUS)=${GEOLOCPROFILESTATUS})
 same => n,Set(GEOLOC_PROFILE(format)=Smell)
 same => n,Set(GLOBAL(STATUS)=${STATUS}${GEOLOCPROFILESTATUS})
 same => n,Dial(PJSIP/bob)
"""
PIDF = (
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" entity="pres:a@x">'
    '<tuple id="t"><status><gp:geopriv><gp:location-info>'
    '<ca:civicAddress xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><ca:country>DE</ca:country>'
    "</ca:civicAddress></gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple></presence>"
)


async def through(office: SipOffice, number: str = "1", extra: str = "") -> Wire:
    """The INVITE that bob gets; both legs end then."""
    alice, bob = office.phone("alice"), office.phone("bob")
    call = alice.call(number, extra=extra)
    await alice.get(100)
    request = await bob.get("INVITE")
    bob.send(bob.reply_to(request, 486, tag="b"))
    await bob.get("ACK")
    call.refused(await alice.get(486))
    return request


def config(incoming: str = "", outgoing: str = "") -> str:
    alice: dict[str, Any] = {"geoloc_incoming_call_profile": incoming} if incoming else {}
    bob: dict[str, Any] = {"geoloc_outgoing_call_profile": outgoing} if outgoing else {}
    return phone_section("alice", **alice) + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **bob)


async def test_rfc6442_a_configured_place_by_value(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config("house", "<prefer_incoming>"), PLAN, {"geolocation.conf": CONFIG}) as office:
        request = await through(office)
        assert office.system.globals.get("PLACE") == 'country="AT",A3="Wien",FLR="3"|0'
        boundary = re.search(r'multipart/mixed;boundary="(\w+)"', request["Content-Type"])
        assert boundary is not None
        parts = request.body.split(f"--{boundary[1]}")
        assert "Content-Type: application/sdp\r\n\r\nv=0" in parts[1]
        assert "<ca:A3>Wien</ca:A3>" in parts[2]
        assert "HNO" not in parts[2]
        identity = re.search(r"Content-ID: <([^>]+)>", parts[2])
        assert identity is not None
        assert request["Geolocation"] == f"<cid:{identity[1]}>;loc-src=loc.example.com"
        assert request["Geolocation-Routing"] == "yes"


async def test_rfc6442_a_configured_place_by_reference(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config("", "reference"), PLAN, {"geolocation.conf": CONFIG}) as office:
        request = await through(office)
        assert request["Geolocation"].startswith("<https://lis.example.com/")
        assert request["Geolocation-Routing"] == "no"
        assert request["Content-Type"] == "application/sdp"
        assert office.system.globals.get("PLACE") == "|-1"


@pytest.mark.parametrize(
    ("incoming", "outgoing", "expected"),
    [
        ("<prefer_incoming>", "<prefer_incoming>", "<https://there>"),
        ("<discard_incoming>", "<prefer_incoming>", ""),
        ("<prefer_incoming>", "<discard_incoming>", ""),
        ("<prefer_incoming>", "", ""),
        ("", "<prefer_incoming>", ""),
        ("nonsense", "nonsense", ""),
    ],
)
async def test_a_place_by_reference_goes_through_where_both_sides_allow(
    tmp_path: Path, incoming: str, outgoing: str, expected: str
) -> None:
    async with sip_office(tmp_path, config(incoming, outgoing), PLAN) as office:
        request = await through(office, extra="Geolocation: <https://there>\r\nGeolocation-Routing: yes\r\n")
        assert request["Geolocation"] == expected
        assert request["Geolocation-Routing"] == ("yes" if expected else "")


@pytest.mark.parametrize(("identity", "expected"), [("here@x", 'country="DE"|0'), ("elsewhere@x", "|-1")])
async def test_rfc6442_a_place_by_value_comes_in(tmp_path: Path, identity: str, expected: str) -> None:
    """SDP and PIDF-LO are two parts of the body; a header that names no part tells nothing."""
    async with sip_office(tmp_path, config("<prefer_incoming>"), PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = _call_with_parts(alice, identity)
        await alice.get(100)
        request = await bob.get("INVITE")
        assert "m=audio" in request.body
        bob.send(bob.reply_to(request, 486, tag="b"))
        await bob.get("ACK")
        call.refused(await alice.get(486))
        assert office.system.globals.get("PLACE") == expected


def _call_with_parts(alice: Any, identity: str) -> Any:
    from tests.support.sip_phone import PhoneCall

    call = PhoneCall(alice, "sip:1@127.0.0.1:15060")
    body = (
        f"--b\r\nContent-Type: application/sdp\r\n\r\n{call.sdp()}\r\n--b\r\nContent-Type: application/pidf+xml\r\n"
        f"Content-ID: <here@x>\r\n\r\n{PIDF}\r\n--b--\r\n"
    )
    call.cseq += 1
    text = alice.text(
        "INVITE", call.target, tag=call.tag, call_id=call.call_id, cseq=call.cseq, body=body,
        extra=f"Geolocation: <cid:{identity}>\r\nContent-Type: multipart/mixed;boundary=b\r\n",
    )  # fmt: skip
    call.last = alice.send(text)
    return call


async def test_the_dialplan_makes_a_place(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config("", "<prefer_incoming>"), PLAN) as office:
        request = await through(office, "2")
        assert request["Geolocation"] == "<https://set.example.com>"
        assert office.system.globals.get("STATUS") == "-2-3"


async def test_what_is_wrong_is_told_and_left_out(tmp_path: Path) -> None:
    with LogCapture(Level.ERROR | Level.WARNING) as log:
        async with sip_office(tmp_path, config(), PLAN, {"geolocation.conf": CONFIG + "[x]\ntype=y\n"}) as office:
            service = office.system.services["geolocation"]
            assert "broken" not in service.profiles
            assert {"home", "by-reference"} == set(service.locations)

            async def run(line: str) -> str:
                return await run_command(office.system, line)

            assert "home" in await run("geoloc list locations")
            assert "<prefer_config>" in await run("geoloc list profiles")
            assert "house" in await run("geoloc show profiles like hou")
            assert "ArcBand" in await run("geoloc show gml_shape_defs")
            await run("geoloc reload")
    texts = [record.message for record in log.records]
    assert any("[broken]" in text for text in texts)
    assert any("[x]" in text for text in texts)

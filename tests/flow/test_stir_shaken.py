"""Signed caller numbers from call to call: our INVITE is signed, and INVITEs are checked before a channel exists (RFC 8224)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.modules.res.stir_shaken.fetching import Allows, Fetched
from globstar.proto.stir import Attestation, IdentityHeader, Passport
from globstar.proto.stir.errors import BAD_IDENTITY_INFO, StirError
from globstar.proto.stir.passport import check_signature
from tests.support.sip_phone import SipOffice, Wire, phone_section, sip_office
from tests.support.stir import Pair, make, moment, one_number, provider
from tests.support.switch import WALL_START, LogCapture

pytestmark = pytest.mark.virtual_time

URL = "https://cert.example/signer.pem"
PLAN = """\
[default]
exten => 12155551213,1,Set(GLOBAL(RESULT)=${STIR_SHAKEN(count)})
 same => n,GotoIf($[${RESULT} = 0]?end)
 same => n,Set(GLOBAL(RESULT)=${RESULT}|${STIR_SHAKEN(0,identity)}|${STIR_SHAKEN(0,attestation)}|${STIR_SHAKEN(0,verify_result)})
 same => n(end),Answer()
 same => n,Wait(60)
exten => 2,1,Set(CALLERID(num)=+12155551212)
 same => n,Dial(PJSIP/12155551213@trunk,,b(quiet^s^1))
exten => 3,1,Set(CALLERID(num)=+12155551212)
 same => n,Dial(PJSIP/12155551213@trunk)
exten => 4,1,Set(CALLERID(num)=+19005550000)
 same => n,Dial(PJSIP/12155551213@trunk)
exten => 5,1,Set(CALLERID(num)=alice)
 same => n,Dial(PJSIP/12155551213@trunk)
[quiet]
exten => s,1,Set(STIR_SHAKEN_ATTESTATION(suppress)=yes)
 same => n,Return()
"""


class Web:
    """The web server with the certificate."""

    def __init__(self) -> None:
        self.body = b""
        self.delay = 0.0
        self.asked: list[str] = []

    async def fetch(self, url: str, allows: Allows, timeout: float) -> Fetched:
        self.asked.append(url)
        if not allows("8.8.8.8"):
            raise StirError(BAD_IDENTITY_INFO, "not allowed")
        await asyncio.sleep(self.delay)
        return Fetched(200 if self.body else 404, {}, self.body)


@dataclass
class World:
    office: SipOffice
    root: Pair
    signer: Pair
    web: Web

    def identity(self, *, caller: str = "12155551212", callee: str = "12155551213", age: float = 0.0, url: str = URL) -> str:
        key = self.signer.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        iat = int(self.office.system.wall_time() - age)
        passport = Passport(url, caller, (callee,), iat, Attestation.PARTIAL, "origin")
        return f"Identity: {IdentityHeader(passport.sign(key), url)}\r\n"


@asynccontextmanager
async def world(tmp_path: Path, verification: str = "", endpoint: str = "", attestation: str = "") -> AsyncIterator[World]:
    when = moment(WALL_START)
    root = make("root", when=when, is_authority=True, days=3650)
    signer = make("signer", root, when=when, entries=provider("1234"), days=300)
    (tmp_path / "ca.pem").write_bytes(root.pem)
    (tmp_path / "key.pem").write_bytes(signer.key_pem)
    stir = (
        f"[attestation]\nprivate_key_file={tmp_path}/key.pem\npublic_cert_url={URL}\nattest_level=B\n{attestation}\n"
        f"[verification]\nca_file={tmp_path}/ca.pem\n{verification}\n"
        "[12155551212]\ntype=tn\nattest_level=A\n"
        "[careful]\ntype=profile\nendpoint_behavior=verify\nfailure_action=reject_request\nmax_iat_age=5\n"
        "[nothing]\ntype=profile\nendpoint_behavior=off\n"
    )
    trunk = (
        phone_section("trunk", contact="sip:trunk@127.0.0.1:15071", stir_shaken="yes")
        if not endpoint
        else (
            phone_section("trunk", contact="sip:trunk@127.0.0.1:15071").replace("context=default", f"context=default\n{endpoint}")
        )
    )
    pjsip = trunk + phone_section("alice")
    async with sip_office(tmp_path, pjsip, PLAN, {"stir_shaken.conf": stir}) as office:
        web = Web()
        web.body = signer.pem
        office.system.services["stir shaken"].cache._fetcher = web
        yield World(office, root, signer, web)


PAI = "P-Asserted-Identity: <sip:+12155551212@127.0.0.1>\r\n"


async def called(world: World, extra: str, number: str = "12155551213") -> Wire:
    """A call of the trunk, whose number stands in P-Asserted-Identity: its final answer."""
    trunk = world.office.phones.get("trunk") or world.office.phone("trunk")
    call = trunk.call(number, extra=PAI + extra)
    await trunk.get(100)
    answer = await trunk.final()
    if answer.status == 200:
        call.take_answer(answer)
        await call.hang_up()
    else:
        call.refused(answer)
    return answer


def result(world: World) -> tuple[str, ...]:
    """What the dialplan saw of the last call: how many identities, and of the first all values."""
    return tuple(world.office.system.globals.get("RESULT").split("|"))


BELIEVED = ("1", "12155551212", "B", "Verification passed")


async def test_rfc8224_6_2_an_identity_is_believed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        assert (await called(w, w.identity())).status == 200
        assert result(w) == BELIEVED
        assert (await called(w, w.identity())).status == 200
        assert w.web.asked == [URL], "the certificate is kept"


async def test_the_call_waits_for_the_certificate_and_nobody_else_does(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.web.delay = 1.5
        trunk, alice = w.office.phone("trunk"), w.office.phone("alice")
        waiting = trunk.call("12155551213", extra=PAI + w.identity())
        await trunk.get(100)
        await asyncio.sleep(0.5)
        assert not w.office.system.channels, "no channel before the check"
        other = await alice.dial("12155551213")
        await other.hang_up()
        await waiting.answered()
        await waiting.hang_up()


async def test_rfc3261_9_2_who_gives_up_meanwhile_gets_487(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.web.delay = 1.5
        trunk = w.office.phone("trunk")
        call = trunk.call("12155551213", extra=PAI + w.identity())
        await trunk.get(100)
        call.cancel()
        assert sorted([(await trunk.final()).status, (await trunk.final()).status]) == [200, 487]
        call.refused(Wire(f"SIP/2.0 487 X\r\nCSeq: {call.cseq} INVITE\r\nTo: {call.to};tag=x\r\n\r\n"))
        await asyncio.sleep(3)
        assert not w.office.system.channels


@pytest.mark.parametrize(
    ("parts", "status", "phrase"),
    [
        ({"age": 60.0}, 403, "Stale Date"),
        ({"caller": "19005550000"}, 438, "Invalid Identity Header"),
        ({"callee": "19005550000"}, 438, "Invalid Identity Header"),
        ({"url": "http://cert.example/a.pem"}, 436, "Bad Identity Info"),
    ],
)
async def test_rfc8224_6_2_2_what_is_not_believed(tmp_path: Path, parts: dict[str, object], status: int, phrase: str) -> None:
    """``continue`` lets the dialplan decide, ``reject_request`` refuses, ``continue_return_reason`` tells the caller's side."""
    async with world(tmp_path) as w:
        answer = await called(w, w.identity(**parts))  # type: ignore[arg-type]
        assert answer.status == 200
        assert not answer["Reason"]
        assert result(w)[0] == "1"
        assert result(w)[3] != "Verification passed"
    async with world(tmp_path, "failure_action=reject_request") as w:
        answer = await called(w, w.identity(**parts))  # type: ignore[arg-type]
        assert answer.start_line == f"SIP/2.0 {status} {phrase}"
        assert not w.office.system.channels
    for option, protocol in (("", "SIP"), ("use_rfc9410_responses=yes", "STIR")):
        async with world(tmp_path, f"failure_action=continue_return_reason\n{option}") as w:
            answer = await called(w, w.identity(**parts))  # type: ignore[arg-type]
            assert answer.status == 200
            assert f'{protocol};cause={status};text="{phrase}"' in answer.all("Reason")


async def test_certificates_that_are_not_good(tmp_path: Path) -> None:
    when = moment(WALL_START)
    async with world(tmp_path, "failure_action=reject_request") as w:
        for body, status in (
            (make("stranger", when=when, entries=provider("1"), key=w.signer.key).pem, 437),
            (make("signer", w.root, when=when, key=w.signer.key).pem, 437),
            (make("signer", w.root, when=when, key=w.signer.key, entries=one_number("1")).pem, 437),
            (make("signer", w.root, when=when, entries=provider("1")).pem, 438),
            (b"nothing", 437),
            (b"", 436),
        ):
            w.web.body = body
            url = f"https://cert.example/{len(w.web.asked)}.pem"
            assert (await called(w, w.identity(url=url))).status == status


async def test_one_identity_of_several_is_enough(tmp_path: Path) -> None:
    async with world(tmp_path, "failure_action=reject_request") as w:
        assert (await called(w, w.identity(age=60) + w.identity())).status == 200
        assert result(w)[0] == "2"


async def test_rfc8224_428_without_any_identity(tmp_path: Path) -> None:
    async with world(tmp_path, "failure_action=reject_request") as w:
        assert (await called(w, "")).start_line == "SIP/2.0 428 Use Identity Header"
    async with world(tmp_path) as w:
        assert (await called(w, "")).status == 200
        assert result(w)[0] == "0"


async def test_the_date_header_must_be_fresh_too(tmp_path: Path) -> None:
    old = f"Date: {formatdate(WALL_START - 3600, usegmt=True)}\r\n"
    async with world(tmp_path, "failure_action=reject_request") as w:
        assert (await called(w, old + w.identity())).status == 403
        assert (await called(w, "Date: yesterday\r\n" + w.identity())).status == 403
        assert (await called(w, f"Date: {formatdate(w.office.system.wall_time(), usegmt=True)}\r\n" + w.identity())).status == 200
    async with world(tmp_path, "failure_action=reject_request\nignore_sip_date_header=yes") as w:
        assert (await called(w, old + w.identity())).status == 200


@pytest.mark.parametrize(
    ("endpoint", "age", "status", "asked"),
    [
        ("stir_shaken_profile=careful", 0.0, 200, 1),
        ("stir_shaken_profile=careful", 8.0, 403, 0),
        ("stir_shaken_profile=nothing", 60.0, 200, 0),
        ("stir_shaken_profile=missing", 60.0, 200, 0),
        ("stir_shaken=no", 60.0, 200, 0),
        ("stir_shaken=attest", 60.0, 200, 0),
        ("stir_shaken=verify", 0.0, 200, 1),
    ],
)
async def test_profiles_and_endpoints(tmp_path: Path, endpoint: str, age: float, status: int, asked: int) -> None:
    async with world(tmp_path, endpoint=endpoint) as w:
        assert (await called(w, w.identity(age=age))).status == status
        assert len(w.web.asked) == asked


async def test_verification_can_be_off_for_all(tmp_path: Path) -> None:
    async with world(tmp_path, "global_disable=yes\nfailure_action=reject_request") as w:
        assert (await called(w, "")).status == 200


# -- calls that go out -----------------------------------------------------------------------------------------------------


async def signed(world: World, number: str) -> Wire:
    """Our INVITE to the trunk when alice dials ``number``."""
    trunk, alice = world.office.phone("trunk"), world.office.phone("alice")
    caller = alice.call(number)
    ringing = await trunk.ring()
    ringing.reply(486)
    await trunk.get("ACK")
    assert ringing.request is not None
    answer = await alice.final()
    caller.refused(answer)
    return ringing.request


async def test_rfc8224_6_1_our_invite_is_signed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        invite = await signed(w, "3")
        header = IdentityHeader.parse(invite["Identity"])
        passport = header.passport()
        check_signature(header.token, w.signer.certificate.public_key())
        assert (passport.orig, passport.dest, passport.attest) == ("12155551212", ("12155551213",), Attestation.FULL)
        assert (header.info, passport.x5u) == (URL, URL)
        assert len(passport.origid) == 36
        assert abs(passport.iat - w.office.system.wall_time()) < 5
        assert invite["Date"].endswith("GMT")


@pytest.mark.parametrize(
    ("number", "attestation", "endpoint", "level"),
    [
        ("2", "", "", None),
        ("4", "", "", None),
        ("4", "unknown_tn_attest_level=C", "", "C"),
        ("5", "unknown_tn_attest_level=C", "", None),
        ("3", "global_disable=yes", "", None),
        ("3", "", "stir_shaken=verify", None),
        ("3", "", "stir_shaken=attest", "A"),
        ("3", "", "stir_shaken=no", None),
        ("3", "", "stir_shaken_profile=careful", None),
    ],
)
async def test_what_is_signed(tmp_path: Path, number: str, attestation: str, endpoint: str, level: str | None) -> None:
    async with world(tmp_path, attestation=attestation, endpoint=endpoint) as w:
        invite = await signed(w, number)
        if level is None:
            assert not invite["Identity"]
        else:
            assert IdentityHeader.parse(invite["Identity"]).passport().attest.value == level


@pytest.mark.parametrize("is_signed", [True, False])
async def test_rfc8225_5_2_2_the_fingerprints_of_media_are_signed(tmp_path: Path, is_signed: bool) -> None:
    attestation = f"send_mky={'yes' if is_signed else 'no'}"
    dtls = "stir_shaken=yes\nmedia_encryption=dtls\ndtls_auto_generate_cert=yes"
    async with world(tmp_path, attestation=attestation, endpoint=dtls) as w:
        invite = await signed(w, "3")
        (told,) = re.findall(r"^a=fingerprint:SHA-256 ([0-9A-F:]+)\r$", invite.body, re.MULTILINE)
        mky = IdentityHeader.parse(invite["Identity"]).passport().mky
        assert mky == ((("sha-256", told.replace(":", "")),) if is_signed else ())


# -- commands --------------------------------------------------------------------------------------------------------------


async def test_commands(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        (tmp_path / "signer.pem").write_bytes(w.signer.pem)
        (tmp_path / "self.pem").write_bytes(make("self", when=moment(WALL_START)).pem)
        for command, text in (
            ("show attestation", "public_cert_url                     : " + URL),
            ("show verification", "failure_action                      : continue"),
            ("show profiles", "Profile careful"),
            ("show profile careful", "failure_action                      : reject_request"),
            ("show profile nobody", "There is no profile 'nobody'"),
            ("show eprofiles", "Effective profile nothing"),
            ("show eprofile careful", "public_cert_url                     : " + URL),
            ("show tns", "TN 12155551212"),
            ("show tn +1 215", "Usage:"),
            ("show tn +12155551212", "attest_level                        : A"),
            ("show tn 5", "There is no TN '5'"),
            (f"verify certificate_file {tmp_path}/signer.pem", "The certificate is good"),
            (f"verify certificate_file {tmp_path}/signer.pem careful", "1234"),
            (f"verify certificate_file {tmp_path}/self.pem", "nobody who is trusted"),
            (f"verify certificate_file {tmp_path}/key.pem", "is no certificate"),
            (f"verify certificate_file {tmp_path}/signer.pem nobody", "There is no profile"),
        ):
            assert text in await run_command(w.office.system, f"stir_shaken {command}")


async def test_what_is_wrong_in_the_file_is_told(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        async with world(tmp_path, "cert_cache_dir=/x\nca_path=/nowhere", attestation="[x]\ntype=tn\n[y]\ntype=profil\n"):
            pass
    told = "\n".join(log.texts(Level.WARNING))
    for text in ("cert_cache_dir has no effect", "'profile'", "[x] is no telephone number", "/nowhere"):
        assert text in told

"""stir_shaken.conf: what holds for a profile and for a number, and what is told about the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.config.options import Report
from globstar.core.functions import FunctionError
from globstar.core.services import STIR_RESULTS, STIR_SUPPRESSED, IdentityResult
from globstar.core.system import System
from globstar.modules.res.stir_shaken.fetching import Fetched
from globstar.modules.res.stir_shaken.functions import stir_shaken, stir_shaken_attestation
from globstar.modules.res.stir_shaken.service import StirService, load_files
from globstar.modules.res.stir_shaken.settings import StirSettings, read_settings
from globstar.proto.stir import Attestation
from tests.conftest import SHARED
from tests.support.stir import make, moment, provider
from tests.support.switch import WALL_START, LogCapture, running_system

TEXT = """\
[attestation]
private_key_file=/main.pem
public_cert_url=https://x/main.pem
attest_level=C
[verification]
max_iat_age=20
failure_action=reject_request
[strict]
type=profile
endpoint_behavior=on
max_iat_age=5
attest_level=B
unknown_tn_attest_level=C
[+1 215 555 1212]
type=tn
attest_level=A
[12155551213]
type=tn
private_key_file=/own.pem
"""


def read(text: str) -> tuple[StirSettings, list[str]]:
    report = Report()
    settings = read_settings(read_config("stir_shaken.conf", MemorySource({"stir_shaken.conf": text})), report)
    return settings, [str(warning) for warning in report.warnings]


def test_a_profile_goes_before_the_defaults() -> None:
    settings, warnings = read(TEXT)
    assert not warnings
    assert [settings.value(profile, "max_iat_age") for profile in ("", "strict", "missing")] == [20, 5, 20]
    assert settings.value("strict", "failure_action") == "reject_request"
    assert settings.value("strict", "public_cert_url") == "https://x/main.pem"


@pytest.mark.parametrize(
    ("profile", "number", "signer"),
    [
        ("", "12155551212", ("/main.pem", Attestation.FULL)),
        ("", "12155551213", ("/own.pem", Attestation.GATEWAY)),
        ("strict", "12155551213", ("/own.pem", Attestation.PARTIAL)),
        ("", "19005550000", None),
        ("strict", "19005550000", ("/main.pem", Attestation.GATEWAY)),
    ],
)
def test_who_signs(profile: str, number: str, signer: tuple[str, Attestation] | None) -> None:
    found = read(TEXT)[0].signer(profile, number)
    assert (None if found is None else (found["private_key_file"], found["attest_level"])) == signer


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[x]\ntype=profil\n", "unknown type 'profil'"),
        ("[alice]\ntype=tn\n", "no telephone number"),
        ("[attestation]\nattest_level=D\n", "'D'"),
        ("[verification]\nfailure_action=explode\n", "expected one of continue"),
        ("[verification]\nx5u_deny=nowhere\n", "nowhere"),
        ("[verification]\nca_fil=x\n", "ca_file"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    assert any(told in warning for warning in read(text)[1])


def test_every_option_of_asterisk_is_known() -> None:
    """compat/config_files.tsv."""
    table = SHARED / "compat" / "config_files.tsv"
    if not table.is_file():
        pytest.skip(f"no {table}")
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    settings, _ = read("[p]\ntype=profile\n[1]\ntype=tn\n")
    objects = {
        "attestation": settings.attestation, "verification": settings.verification, "profile": settings.profiles["p"],
        "tn": settings.numbers["1"],
    }  # fmt: skip
    for row in rows:
        if row[0] == "stir_shaken.conf" and row[1] in objects:
            assert row[2] in {info.name for info in objects[row[1]].describe()}, row[1:3]


def test_files(tmp_path: Path) -> None:
    when = moment(WALL_START)
    good, other = make("a", when=when), make("b", when=when)
    (tmp_path / "key.pem").write_bytes(good.key_pem)
    (tmp_path / "ca.pem").write_bytes(good.pem + other.pem)
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "one.pem").write_bytes(other.pem)
    (folder / "junk").write_bytes(b"junk")
    settings, _ = read(
        f"[attestation]\nprivate_key_file={tmp_path}/key.pem\n[verification]\nca_file={tmp_path}/ca.pem\n"
        f"untrusted_cert_path={folder}\ncrl_file={folder}/junk\n[1]\ntype=tn\nprivate_key_file={tmp_path}/none.pem\n"
    )
    loaded = load_files(settings)
    assert list(loaded.keys) == [f"{tmp_path}/key.pem"]
    assert len(loaded.trust[""].authorities) == 2
    assert len(loaded.trust[""].between) == 1
    assert len(loaded.problems) == 3, loaded.problems


class Site:
    def __init__(self, body: bytes) -> None:
        self.body = body

    async def fetch(self, url: str, allows: object, timeout: float) -> Fetched:
        return Fetched(200, {}, self.body)


@pytest.mark.virtual_time
async def test_our_own_certificate_is_looked_at(tmp_path: Path) -> None:
    when = moment(WALL_START)
    own, old = make("own", when=when, entries=provider("1")), make("old", when=moment(WALL_START - 40 * 86400))
    (tmp_path / "key.pem").write_bytes(own.key_pem)
    text = f"[attestation]\ncheck_tn_cert_public_url=yes\npublic_cert_url=https://x/a.pem\nprivate_key_file={tmp_path}/key.pem\n"
    for body, problem in (
        (own.pem, ""),
        (make("else", when=when).pem, "does not belong"),
        (b"", "is no certificate"),
        (old.pem, "not valid now"),
    ):

        def prepare(system: System, body: bytes = body) -> None:
            system.services["stir fetcher"] = Site(body)

        with LogCapture(Level.WARNING) as log:
            async with running_system(tmp_path, {"stir_shaken.conf": text}, prepare=prepare) as system:
                service = system.service("stir shaken", StirService)
                assert service is not None
                problems = await service.check_certificates()
                assert any(problem in one for one in problems) if problem else not problems
        assert bool(log.texts(Level.WARNING)) == bool(problem)


class FakeChannel:
    def __init__(self, *results: IdentityResult) -> None:
        self.data: dict[str, object] = {STIR_RESULTS: results}


def test_the_function() -> None:
    channel = FakeChannel(
        IdentityResult("12155551212", "A", True),
        IdentityResult("1", "B", False, 438, "Invalid Identity Header", "orig is not the caller"),
        IdentityResult("1", "C", False, 437, "Unsupported Credential", "x"),
    )

    def ask(args: str) -> str:
        return stir_shaken.spec.read(channel, args)  # type: ignore[misc, no-any-return]

    assert ask("count") == "3"
    assert (ask("0,identity"), ask("0,attestation"), ask("0, verify_result")) == ("12155551212", "A", "Verification passed")
    assert (ask("1,verify_result"), ask("2,verify_result")) == ("Verification mismatch", "Signature failed")
    for args in ("", "3,identity", "x,identity", "0", "0,colour"):
        with pytest.raises(FunctionError):
            ask(args)


def test_the_function_that_suppresses() -> None:
    channel = FakeChannel()
    stir_shaken_attestation(channel, "suppress", "yes")  # type: ignore[arg-type]
    assert channel.data[STIR_SUPPRESSED] is True
    stir_shaken_attestation(channel, "suppress", "no")  # type: ignore[arg-type]
    assert channel.data[STIR_SUPPRESSED] is False
    for args, who in (("level", channel), ("suppress", None)):
        with pytest.raises(FunctionError):
            stir_shaken_attestation(who, args, "yes")  # type: ignore[arg-type]

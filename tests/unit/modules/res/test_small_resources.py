"""ulimit, file convert, keys, and mailboxes that another system counts."""

from __future__ import annotations

import json
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from globstar.base.log import Level
from globstar.core import soundfile
from globstar.core.cli import complete_line, run_command
from globstar.core.mailboxes import MailboxState
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import LogCapture, running_system

MODULES = "[modules]\nautoload=no\n" + "".join(
    f"load={name}\n"
    for name in ("res_limit", "res_convert", "res_crypto", "res_mwi_external", "format_pcm", "format_sln", "format_wav",
                 "format_g729", "format_ogg_vorbis",
                 "codec_ulaw", "codec_alaw", "codec_resample")
)  # fmt: skip


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path, {"modules.conf": MODULES}, prepare=register_commands) as system:
        yield system


async def test_limits(system: System) -> None:
    assert await run_command(system, "ulimit") == ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = await run_command(system, "ulimit -n")
    assert shown == f"number of file descriptors (-n) is limited to {soft}.\n"
    assert await run_command(system, "ulimit descriptors") == shown
    try:
        assert await run_command(system, f"ulimit descriptors {soft - 1}") == (
            f"number of file descriptors (-n) is now limited to {soft - 1}.\n"
        )
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft - 1, hard)
        assert (await run_command(system, f"ulimit -n {hard + 1}")).endswith("failed.\n")
        assert (await run_command(system, f"ulimit -n {10**30}")).endswith("failed.\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert json.loads(await run_command(system, "ulimit --json"))["descriptors"] == {"soft": soft, "hard": hard}
    for wrong in ("ulimit everything", "ulimit -n many", "ulimit -n 1 2"):
        assert (await run_command(system, wrong)).startswith("Usage: ulimit")
    assert complete_line(system, "ulimit des") == ["descriptors"]


async def test_sounds_are_converted(system: System) -> None:
    root = system.sounds.root
    root.mkdir(parents=True)
    (root / "tone.ulaw").write_bytes(bytes([0x80, 0x00] * 800))
    printed = await run_command(system, "file convert tone.ulaw out/tone.sln")
    assert printed.startswith("Converted tone.ulaw to out/tone.sln in ")
    assert (root / "out" / "tone.sln").stat().st_size == 3200
    assert "Converted" in await run_command(system, f"file convert {root}/out/tone.sln {root}/back.ulaw")
    assert (root / "back.ulaw").read_bytes() == (root / "tone.ulaw").read_bytes()
    assert "Converted" in await run_command(system, "file convert tone.ulaw tone.wav")
    assert "Converted" in await run_command(system, "file convert tone.ulaw copy.pcm")  # the same codec
    assert (root / "copy.pcm").read_bytes() == (root / "tone.ulaw").read_bytes()
    assert "Converted" in await run_command(system, "file convert tone.ulaw tone.sln16")
    assert (root / "tone.sln16").stat().st_size == 6400


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("missing.ulaw x.sln", "there is no such file"),
        ("tone.mp4 x.sln", "'mp4' is no known ending"),
        ("tone.ulaw x.exe", "'exe' is no known ending"),
        ("tone x", "no known ending"),
        ("tone.ulaw tone.ulaw", "the same file"),
    ],
)
async def test_what_cannot_be_converted(system: System, line: str, said: str) -> None:
    root = system.sounds.root
    root.mkdir(parents=True)
    (root / "tone.ulaw").write_bytes(bytes(160))
    printed = await run_command(system, f"file convert {line}")
    assert said in printed
    assert printed.endswith("failed.\n")
    assert (root / "tone.ulaw").read_bytes() == bytes(160)


async def test_a_format_to_which_nothing_leads_leaves_what_is_there(system: System) -> None:
    root = system.sounds.root
    root.mkdir(parents=True)
    (root / "tone.ulaw").write_bytes(bytes(160))
    (root / "old.g729").write_bytes(b"x" * 10)
    for name in ("old", "new"):
        printed = await run_command(system, f"file convert tone.ulaw {name}.g729")
        assert "no translators lead from ulaw to g729" in printed
    assert (root / "old.g729").read_bytes() == b"x" * 10
    assert not (root / "new.g729").exists()


async def test_a_long_file_waits_for_its_encoder(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile, "MAXIMUM_PENDING_BYTES", 400_000)
    root = system.sounds.root
    root.mkdir(parents=True)
    (root / "long.sln").write_bytes(bytes(16_000 * 60))
    assert "Converted" in await run_command(system, "file convert long.sln long.ogg")
    assert "Converted" in await run_command(system, "file convert long.ogg back.sln")
    assert (root / "back.sln").stat().st_size == 16_000 * 60


def write_keys(folder: Path) -> None:
    folder.mkdir(parents=True)
    key = rsa.generate_private_key(65537, 1024)
    plain, locked = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"x")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "mine.key").write_bytes(key.private_bytes(pem, form, plain))
    (folder / "mine.key").chmod(0o600)
    (folder / "mine.pub").write_bytes(key.public_key().public_bytes(pem, public))
    (folder / "locked.key").write_bytes(key.private_bytes(pem, form, locked))
    (folder / "locked.key").chmod(0o600)
    (folder / "broken.pub").write_text("no key\n")
    (folder / "curve.pub").write_bytes(ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(pem, public))
    (folder / "notes.txt").write_text("x")


async def test_keys(system: System) -> None:
    assert (await run_command(system, "keys show")).splitlines()[-1] == "0 known RSA keys."
    write_keys(Path(system.directories.astkeydir) / "keys")
    with LogCapture() as log:
        printed = await run_command(system, "keys init")
    assert printed.startswith("Key 'locked' has a passphrase")
    assert sum("cannot be used" in text or "is no RSA key" in text for text in log.texts(Level.WARNING)) == 2
    rows = {(row["name"], row["type"]): row["status"] for row in json.loads(await run_command(system, "keys show --json"))}
    assert rows == {
        ("mine", "PRIVATE"): "Loaded", ("mine", "PUBLIC"): "Loaded", ("locked", "PRIVATE"): "Needs Passcode",
        ("broken", "PUBLIC"): "Not Loaded", ("curve", "PUBLIC"): "Not Loaded",
    }  # fmt: skip
    keys = system.services["crypto keys"]
    signature = keys.sign("mine", b"message")
    assert keys.verify("mine", b"message", signature)
    assert not keys.verify("mine", b"another", signature)
    assert keys.sign("locked", b"message") is None
    assert not keys.verify("nobody", b"message", signature)
    assert "PRIVATE" not in (await run_command(system, "config list"))


async def test_external_mailboxes(system: System) -> None:
    seen: list[str] = []
    system.mailboxes.watch("100@office", seen.append)
    assert await run_command(system, "mwi update mailbox 100@office 3 1") == "Mailbox 100@office updated.\n"
    assert await run_command(system, "mwi update mailbox 101") == "Mailbox 101 updated.\n"
    assert seen == ["100@office"]
    assert system.mailboxes.state("100@office") == MailboxState(3, 1)
    assert await run_command(system, "mwi list all") == (
        "   New    Old Mailbox\n     3      1 100@office\n     0      0 101@default\n"
    )
    assert await run_command(system, "mwi list like ^100") == "   New    Old Mailbox\n     3      1 100@office\n"
    assert await run_command(system, "mwi show mailbox 100@office") == "Mailbox: 100@office\nNew messages: 3\nOld messages: 1\n"
    assert "not found" in await run_command(system, "mwi show mailbox 102")
    assert "is no regular expression" in await run_command(system, "mwi list like (")
    for wrong in ("mwi update mailbox", "mwi update mailbox 1 x", "mwi update mailbox 1 -1", "mwi update mailbox 1 99999999999"):
        assert (await run_command(system, wrong)).startswith("Usage")
    # the AstDB keeps them
    await system.loader.unload("res_mwi_external")
    assert system.mailboxes.state("100@office") == MailboxState()
    await system.loader.load("res_mwi_external")
    assert system.mailboxes.state("100@office") == MailboxState(3, 1)
    assert await run_command(system, "mwi delete mailbox 100@office") == "Mailbox 100@office deleted.\n"
    assert "not found" in await run_command(system, "mwi delete mailbox 100@office")
    assert seen == ["100@office"] * 4
    assert await run_command(system, "mwi delete like 1") == "1 mailboxes deleted.\n"
    assert await run_command(system, "mwi delete all") == "0 mailboxes deleted.\n"

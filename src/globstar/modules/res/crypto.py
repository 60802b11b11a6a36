"""Cryptographic Digital Signatures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1

logger = Logger("res_crypto")

SERVICE = "crypto keys"
#: Largest key file that is read, bytes.
_MOST_BYTES = 64 * 1024


@dataclass(slots=True)
class Key:
    """An RSA key of the folder of keys: ``name.pub`` or ``name.key``. ``why`` says why one cannot be used."""

    name: str
    is_private: bool
    fingerprint: str = ""
    why: str = ""
    public: RSAPublicKey | None = None
    private: RSAPrivateKey | None = None

    @property
    def status(self) -> str:
        """``[Loaded]``, ``[Needs Passcode]`` or ``[Not Loaded]``."""
        return "[Loaded]" if not self.why else self.why


class Keys:
    """Service ``crypto keys``: signatures (RSA PKCS#1 v1.5 with SHA-1, as IAX2 and DUNDi have them) by the names of keys."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, bool], Key] = {}

    def sign(self, name: str, message: bytes) -> bytes | None:
        """The signature by a private key; None if there is no such key."""
        key = self.keys.get((name, True))
        if key is None or key.private is None:
            return None
        padding, digest = _scheme()
        return key.private.sign(message, padding, digest)

    def verify(self, name: str, message: bytes, signature: bytes) -> bool:
        """Whether a signature was made by the private half of a public key."""
        from cryptography.exceptions import InvalidSignature

        key = self.keys.get((name, False))
        if key is None or key.public is None:
            return False
        padding, digest = _scheme()
        try:
            key.public.verify(signature, message, padding, digest)
        except InvalidSignature:
            return False
        return True


def _scheme() -> tuple[PKCS1v15, SHA1]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1

    return PKCS1v15(), SHA1()


def read_keys(folder: Path) -> dict[tuple[str, bool], Key]:
    """Every ``*.pub`` and ``*.key`` of a folder; those that cannot be used are there with the reason. Reads the disk."""
    found: dict[tuple[str, bool], Key] = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.suffix in (".pub", ".key"):
            key = _read_key(path)
            found[(key.name, key.is_private)] = key
    return found


def _read_key(path: Path) -> Key:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    key = Key(path.stem, path.suffix == ".key")
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
        key.fingerprint = hashlib.md5(data, usedforsecurity=False).hexdigest()
        loaded = serialization.load_pem_private_key(data, None) if key.is_private else serialization.load_pem_public_key(data)
    except TypeError:  # what cryptography raises where a passphrase is needed
        key.why = "[Needs Passcode]"
        return key
    except (OSError, ValueError) as error:
        logger.warning(f"key {path} cannot be used: {error}")
        key.why = "[Not Loaded]"
        return key
    if key.is_private and path.stat().st_mode & 0o077:
        logger.warning(f"key {path} can be read by others than its owner")
    if isinstance(loaded, RSAPrivateKey):
        key.private = loaded
    elif isinstance(loaded, RSAPublicKey):
        key.public = loaded
    else:
        logger.warning(f"key {path} is no RSA key")
        key.why = "[Not Loaded]"
    return key


def _folder(system: System) -> Path:
    return Path(system.directories.astkeydir) / "keys"


async def load(system: System) -> None:
    """Read the keys."""
    system.services[SERVICE] = Keys()
    await reload(system)


async def reload(system: System) -> None:
    """Read them again."""
    system.services[SERVICE].keys = await system.run_blocking(read_keys, _folder(system))


def unload(system: System) -> None:
    """No keys any more."""
    system.services.pop(SERVICE, None)


@cli_command("keys show")
def keys_show(system: System, args: list[str]) -> str:
    """List the keys."""
    if args:
        raise CliUsage
    keys = list(system.services[SERVICE].keys.values())
    lines = [f"{'Key Name':<18} {'Type':<8} {'Status':<16} {'Sum':<33}", f"{'-' * 18} {'-' * 8} {'-' * 16} {'-' * 32}"]
    data = []
    for key in keys:
        kind = "PRIVATE" if key.is_private else "PUBLIC"
        lines.append(f"{key.name:<18} {kind:<8} {key.status:<16} {key.fingerprint:<33}")
        data.append({"name": key.name, "type": kind, "status": key.status.strip("[]"), "sum": key.fingerprint})
    return CliText("\n".join([*lines, "", f"{len(keys)} known RSA keys."]), data)


@cli_command("keys init")
async def keys_init(system: System, args: list[str]) -> str:
    """Read the keys again. A passphrase is never asked for: private keys are protected by the permissions of their files."""
    if args:
        raise CliUsage
    await reload(system)
    locked = [key.name for key in system.services[SERVICE].keys.values() if key.why == "[Needs Passcode]"]
    return "".join(
        f"Key '{name}' has a passphrase; take it off by: openssl rsa -in {name}.key -out {name}.key\n" for name in locked
    )

"""AES dialplan functions."""

from __future__ import annotations

import base64
import binascii

from globstar.base.aes import BLOCK, Aes128
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function


def _arguments(name: str, args: str) -> tuple[Aes128, bytes]:
    key_text, _, text = args.partition(",")
    key = key_text.encode("utf-8", "surrogateescape")
    if not key or not text:
        raise FunctionError(f"{name} needs a key and a text")
    if len(key) != BLOCK:
        raise FunctionError(f"{name} needs a key of {BLOCK} bytes")
    return Aes128(key), text.encode("utf-8", "surrogateescape")


@function("AES_ENCRYPT", syntax="AES_ENCRYPT(key,string)")
def encrypt(channel: Channel | None, args: str) -> str:
    """A text encrypted with AES (FIPS 197) and a key of 16 bytes, block by block, in base64.

    The last block is filled with zeros.
    """
    cipher, plain = _arguments("AES_ENCRYPT", args)
    plain += bytes(-len(plain) % BLOCK)
    blocks = [cipher.encrypt(plain[start : start + BLOCK]) for start in range(0, len(plain), BLOCK)]
    return base64.b64encode(b"".join(blocks)).decode("ascii")


@function("AES_DECRYPT", syntax="AES_DECRYPT(key,string)")
def decrypt(channel: Channel | None, args: str) -> str:
    """The text behind what AES_ENCRYPT gave, with the same key."""
    cipher, text = _arguments("AES_DECRYPT", args)
    try:
        secret = base64.b64decode(text)
    except binascii.Error as error:
        raise FunctionError(f"AES_DECRYPT needs base64: {error}") from error
    usable = len(secret) - len(secret) % BLOCK
    plain = b"".join([cipher.decrypt(secret[start : start + BLOCK]) for start in range(0, usable, BLOCK)])
    return plain.partition(b"\0")[0].decode("utf-8", "surrogateescape")

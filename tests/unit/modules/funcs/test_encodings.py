"""func_base64, func_md5, func_sha1, func_uri, func_aes, func_iconv, func_json, func_uuid, func_version, func_sayfiles."""

from __future__ import annotations

import re

import pytest

from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("BASE64_ENCODE(fooba)", "Zm9vYmE="),  # RFC 4648 section 10
        ("BASE64_DECODE(Zm9vYmE=)", "fooba"),
        ("BASE64_DECODE(Zm9vYmE)", "fooba"),
        ("MD5(abc)", "900150983cd24fb0d6963f7d28e17f72"),  # RFC 1321 A.5
        ("SHA1(abc)", "a9993e364706816aba3e25717850c26c9cd0d89d"),  # RFC 3174 section 7.3
        ("URIENCODE(a b/é~)", "a%20b%2F%C3%A9~"),
        ("URIDECODE(a%20b%2f+%C3%A9%zz)", "a b/+é%zz"),
        ("ICONV(utf-8,latin1//IGNORE,a☎b)", "ab"),
        ("SAYFILES(12,digits)", "digits/1&digits/2"),
        ("VERSION()", "23.4.1"),
        ("VERSION(ASTERISK_VERSION_NUM)", "230401"),
    ],
)
async def test_values(dialplan: Dialplan, text: str, value: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == (value, False)


@pytest.mark.parametrize(
    "text",
    ["BASE64_ENCODE()", "BASE64_DECODE()", "MD5()", "SHA1()", "ICONV(utf-8,ascii)", "ICONV(nope,ascii,a)", "ICONV(utf-8,ascii,é)",
     "AES_ENCRYPT(short,text)", "AES_ENCRYPT(1234567890123456,)", "SAYFILES()", "SAYFILES(x,number)", "JSON_DECODE(J)"],
)  # fmt: skip
async def test_what_is_malformed_is_warned_of(dialplan: Dialplan, text: str) -> None:
    assert (dialplan.get(text), dialplan.warned) == ("", True)


@pytest.mark.parametrize("text", ["a", "exactly16bytes!!", "é" * 40])
async def test_aes_gives_back_what_it_got(dialplan: Dialplan, text: str) -> None:
    secret = dialplan.get(f"AES_ENCRYPT(1234567890123456,{text})")
    assert secret != text
    assert dialplan.get(f"AES_DECRYPT(1234567890123456,{secret})") == text


async def test_base64_takes_a_wrong_digit_for_the_last_one(dialplan: Dialplan) -> None:
    assert dialplan.get("BASE64_DECODE(!!!!)") == "\udcff\udcff\udcff"
    assert dialplan.warned


@pytest.mark.parametrize(
    ("item", "value"),
    [("a", "1"), ("b.c", "true"), ("b.d.1", "20"), ("b", '{"c":true,"d":[10,20]}'), ("b.d,.,c", "2"), ("b/d/0,/", "10"),
     ("n", ""), ("b.d.2", ""), ("x", ""), ("a.b", ""), ("r", "1.5")],
)  # fmt: skip
async def test_json(dialplan: Dialplan, item: str, value: str) -> None:
    dialplan.channel.set_variable("J", '{"a":1,"b":{"c":true,"d":[10,20]},"n":null,"r":1.5}')
    assert (dialplan.get(f"JSON_DECODE(J,{item})"), dialplan.warned) == (value, False)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "nan?"])
async def test_json_that_is_none_is_warned_of(dialplan: Dialplan, text: str) -> None:
    dialplan.channel.set_variable("J", text)
    assert (dialplan.get("JSON_DECODE(J,a)"), dialplan.warned) == ("", True)


async def test_every_uuid_is_another_one(dialplan: Dialplan) -> None:
    found = {dialplan.get("UUID()") for _ in range(3)}
    assert len(found) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text) for text in found)

"""Phone provisioning: profiles, templates, users of users.conf and pjsip.conf, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.modules.res.phoneprov import Provisioning, zone_variables
from tests.support.loopback import free_port
from tests.support.switch import LogCapture, running_system

PHONEPROV = """\
[general]
serverport=5070
default_profile=desk
[desk]
staticdir=firmware
mime_type=text/xml
static_file=boot.bin,application/x-boot
static_file=logo.xml
static_file=../../secret
setvar=GREETING=Hello ${DISPLAY_NAME}
${TOLOWER(${MAC})}.cfg => desk.cfg
lines/${TOLOWER(${MAC})}.txt => lines.txt,text/plain
dir.txt/${MAC} => directory.txt
bad/${MAC} => ../outside
"""
USERS = """\
[general]
autoprov=yes
timezone=Europe/Berlin
[6000]
fullname=Alice A
secret=pw1
macaddress=DEADBEEF0001
cid_number=6000
[6001]
fullname=Alice line two
secret=pw2
macaddress=DE:AD:BE:EF:00:01
linenumber=2
OWNVAR=mine
[6002]
fullname=Bob
macaddress=DEADBEEF0002
[6003]
secret=none
[6004]
macaddress=1
profile=unknown
[6005]
autoprov=no
macaddress=2
"""
TEMPLATES = {
    "desk.cfg": '<p u="${USERNAME}" s="${SECRET}" at="${SERVER}:${SERVER_PORT}" g="${GREETING}" e="$[1 + 2]"/>',
    "lines.txt": "${PP_EACH_EXTENSION(${MAC},line.txt)}",
    "line.txt": "${LINE}=${USERNAME},${OWNVAR};",
    "directory.txt": "${PP_EACH_USER([%{DISPLAY_NAME}],${MAC})}",
}


@asynccontextmanager
async def provisioned(root: Path, files: dict[str, str]) -> AsyncIterator[tuple[System, str]]:
    """A system with templates and an HTTP server."""
    folder = root / "data" / "phoneprov"
    (folder / "firmware").mkdir(parents=True)
    (folder / "firmware" / "boot.bin").write_bytes(b"\0boot")
    (root / "data" / "secret").write_text("secret")
    for name, text in TEMPLATES.items():
        (folder / name).write_text(text)
    port = free_port()
    http = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n"
    async with running_system(root, {"http.conf": http, **files}) as system:
        yield system, f"http://127.0.0.1:{port}/phoneprov"


async def fetch(url: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, type and text."""
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, response.content_type, await response.text()


async def test_templates_static_files_and_users(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with provisioned(tmp_path, {"phoneprov.conf": PHONEPROV, "users.conf": USERS}) as (system, base):
            assert await fetch(f"{base}/deadbeef0001.cfg") == (
                200, "text/xml", '<p u="6000" s="pw1" at="127.0.0.1:5070" g="Hello Alice A" e="3"/>',
            )  # fmt: skip
            assert await fetch(f"{base}/lines/deadbeef0001.txt") == (200, "text/plain", "1=6000,;2=6001,mine;")
            assert (await fetch(f"{base}/dir.txt/DEADBEEF0001"))[2] == "[Bob]"
            assert await fetch(f"{base}/boot.bin") == (200, "application/x-boot", "\0boot")
            for path in ("logo.xml", "../secret", "%2e%2e/%2e%2e/secret", "bad/DEADBEEF0001", "none", ""):
                assert (await fetch(f"{base}/{path}"))[0] == 404, path
            assert (await fetch(f"{base}/boot.bin", "POST"))[0] == 405
            routes = await run_command(system, "phoneprov show routes")
            assert "deadbeef0002.cfg" in routes
            assert "boot.bin" in routes
    warnings = " ".join(log.texts(Level.WARNING))
    assert "'../../secret' must be below" in warnings
    assert "[6003] has autoprov but no macaddress" in warnings
    assert "[6004] has the profile 'unknown'" in warnings


async def test_users_of_pjsip_conf(tmp_path: Path) -> None:
    pjsip = (
        "[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:0\n"
        "[desk1]\ntype=endpoint\nallow=ulaw\nauth=desk1\ncallerid=Carol C <7000>\n"
        "[desk1]\ntype=auth\nusername=carol\npassword=pw\n"
        "[phone7]\ntype=phoneprov\nendpoint=desk1\nMAC=AA01\nPROFILE=desk\nGREETING=Hi\n"
        "[phone8]\ntype=phoneprov\nendpoint=desk1\n[phone9]\ntype=phoneprov\nendpoint=none\nMAC=AA09\n"
    )
    with LogCapture() as log:
        async with provisioned(tmp_path, {"phoneprov.conf": PHONEPROV, "pjsip.conf": pjsip}) as (system, base):
            status, _, text = await fetch(f"{base}/aa01.cfg")
            assert (status, text) == (200, '<p u="carol" s="pw" at="127.0.0.1:5070" g="Hi" e="3"/>')
            service = system.services["phone provisioning"]
            assert isinstance(service, Provisioning)
            user = next(one for one in service.users() if one.name == "phone7")
            variables = service.variables_of(user)
            assert (variables["CALLERID"], variables["DISPLAY_NAME"], variables["LABEL"]) == ("7000", "Carol C", "phone7")
            assert (variables["ENDPOINT_ID"], variables["AUTH_ID"]) == ("desk1", "desk1")
    warnings = " ".join(log.texts(Level.WARNING))
    assert "phoneprov 'phone8' has no MAC" in warnings
    assert "'none', which does not exist" in warnings


async def test_reload_and_unload(tmp_path: Path) -> None:
    async with provisioned(tmp_path, {"phoneprov.conf": PHONEPROV, "users.conf": USERS}) as (system, base):
        source = system.configuration.source
        source.files = {**source.files, "users.conf": USERS.replace("DEADBEEF0002", "DEADBEEF0003")}  # type: ignore[attr-defined]
        register_commands(system)
        assert "reloaded" in await run_command(system, "module reload res_phoneprov")
        assert (await fetch(f"{base}/deadbeef0003.cfg"))[0] == 200
        assert (await fetch(f"{base}/deadbeef0002.cfg"))[0] == 404
        await run_command(system, "module unload res_phoneprov")
        assert (await fetch(f"{base}/deadbeef0003.cfg"))[0] == 404


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", {
            "TZOFFSET": "3600", "DST_ENABLE": "1", "DST_START_MONTH": "3", "DST_START_MDAY": "26", "DST_START_HOUR": "2",
            "DST_END_MONTH": "10", "DST_END_MDAY": "29", "DST_END_HOUR": "3",
        }),
        ("Asia/Tokyo", {"TZOFFSET": "32400", "DST_ENABLE": "0"}),
        ("Nowhere/None", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_time_zones(zone: str, expected: dict[str, str]) -> None:
    assert zone_variables(zone, 1_700_000_000.0) == expected

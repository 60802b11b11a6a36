"""Functions that keep things or read files: AstDB, device states, presence, dial groups, configuration, files, environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from globstar.core.functions import FunctionError
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan
from tests.support.switch import LogCapture, running_system
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


async def test_astdb(dialplan: Dialplan) -> None:
    dialplan.set("DB(f/k)", "v")
    dialplan.set("DB(f/sub/x)", "1")
    dialplan.set("DB(f/sub/y)", "2")
    assert (dialplan.get("DB(f/k)"), dialplan.channel.get_variable("DB_RESULT")) == ("v", "v")
    assert [dialplan.get(f"DB_KEYS({place})") for place in ("f", "f/sub", "none")] == ["k,sub", "x,y", ""]
    assert dialplan.get("DB_KEYCOUNT(f)") == "2"
    assert dialplan.get("DB_DELETE(f/k)") == "v"
    assert (dialplan.get("DB_EXISTS(f/k)"), dialplan.get("DB(f/k)")) == ("0", "")
    assert not dialplan.warned
    for function in ("DB", "DB_EXISTS", "DB_DELETE"):
        assert (dialplan.get(f"{function}(nokey)"), dialplan.warned) == ("", True)


async def test_blacklist(dialplan: Dialplan) -> None:
    assert dialplan.get("BLACKLIST()") == "0"
    dialplan.set("CALLERID(all)", '"Pest" <666>')
    dialplan.set("DB(blacklist/Pest)", "1")
    assert dialplan.get("BLACKLIST()") == "1"


async def test_dial_groups(dialplan: Dialplan) -> None:
    for operation, member in (("add", "a"), ("add", "b"), ("add", "a")):
        dialplan.set(f"DIALGROUP(g,{operation})", member)
    assert dialplan.get("DIALGROUP(g)") == "a&b"
    dialplan.set("DIALGROUP(g,del)", "a")
    assert dialplan.get("DIALGROUP(g)") == "b"
    dialplan.set("DIALGROUP(g)", "x&y")
    assert dialplan.get("DIALGROUP(g)") == "y&x"
    for text in ("DIALGROUP(g,del)", "DIALGROUP(g,swap)"):
        with pytest.raises(FunctionError):
            dialplan.set(text, "none")
    assert (dialplan.get("DIALGROUP(none)"), dialplan.warned) == ("", True)


async def test_device_and_extension_states(dialplan: Dialplan) -> None:
    load_dialplan(dialplan.system, "[default]\nexten => 1,hint,Custom:a&Custom:b\nexten => 2,hint,,CustomPresence:p\n")
    dialplan.set("DEVICE_STATE(Custom:a)", "inuse")
    dialplan.set("DEVICE_STATE(Custom:b)", "RINGING")
    assert [dialplan.get(f"DEVICE_STATE({d})") for d in ("Custom:a", "Custom:none", "Bogus/1", "")] == [
        "INUSE", "UNKNOWN", "INVALID", "INVALID",
    ]  # fmt: skip
    assert [dialplan.get(f"EXTENSION_STATE({e})") for e in ("1", "1@default", "9")] == ["RINGINUSE", "RINGINUSE", "UNKNOWN"]
    assert [dialplan.get(f"HINT({e})") for e in ("1", "2", "1,n", "9")] == ["Custom:a&Custom:b", ",CustomPresence:p", "", ""]
    assert not dialplan.warned
    for device, state in (("Custom:a", "bogus"), ("Local/x@y", "BUSY"), ("Custom:", "BUSY")):
        with pytest.raises(FunctionError):
            dialplan.set(f"DEVICE_STATE({device})", state)


async def test_presence(dialplan: Dialplan) -> None:
    dialplan.set("PRESENCE_STATE(CustomPresence:p)", "away,bHVuY2g=,YmFjayBhdCAx,e")
    assert dialplan.get("PRESENCE_STATE(CustomPresence:p,message)") == "back at 1"
    with pytest.raises(FunctionError):
        dialplan.set("PRESENCE_STATE(CustomPresence:p)", "weird")
    with pytest.raises(FunctionError):
        dialplan.set("PRESENCE_STATE(CustomPresence:p)", "away,a,b,e")
    dialplan.set("PRESENCE_STATE(CustomPresence:q)", "away,lunch,back at 1")
    fields = {"value": "away", "subtype": "lunch", "message": "back at 1", "message,e": "YmFjayBhdCAx"}
    assert {field: dialplan.get(f"PRESENCE_STATE(CustomPresence:q,{field})") for field in fields} == fields
    assert dialplan.get("PRESENCE_STATE(CustomPresence:none,value)") == "not_set"
    assert not dialplan.warned
    assert (dialplan.get("PRESENCE_STATE(Nobody:x,value)"), dialplan.warned) == ("", True)


async def test_states_outlive_a_restart(tmp_path: Path) -> None:
    async def look(system: System, write: bool) -> list[str]:
        with LogCapture() as log:
            dialplan = Dialplan(Call(system), log)
            if write:
                dialplan.set("DEVICE_STATE(Custom:lamp)", "ONHOLD")
                dialplan.set("PRESENCE_STATE(CustomPresence:p)", "dnd,,")
                dialplan.set("DIALGROUP(g)", "x&y")
            values = [
                dialplan.get(t) for t in ("DEVICE_STATE(Custom:lamp)", "PRESENCE_STATE(CustomPresence:p,value)", "DIALGROUP(g)")
            ]
            dialplan.channel.hangup()
            return values

    async with running_system(tmp_path, keep_database=True) as system:
        before = await look(system, write=True)
    async with running_system(tmp_path, keep_database=True) as system:
        assert await look(system, write=False) == before == ["ONHOLD", "dnd", "y&x"]


async def test_configuration_files_are_read(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"some.conf": "[a]\nx=1\nx=2\n[b]\nx=3\n"}) as system:
        with LogCapture() as log:
            dialplan = Dialplan(Call(system), log)
            wanted = {
                "some.conf,a,x": "1",
                "some.conf,a,x,1": "2",
                "some.conf,a,x,-1": "2",
                "some.conf,a,x,2": "",
                "no.conf,a,x": "",
            }
            assert {text: await dialplan.wait_for(f"AST_CONFIG({text})") for text in wanted} == wanted
            assert not dialplan.warned
            assert (await dialplan.wait_for("AST_CONFIG(some.conf,a)"), dialplan.warned) == ("", True)
            dialplan.channel.hangup()


async def test_files_by_bytes(dialplan: Dialplan, tmp_path: Path) -> None:
    file = tmp_path / "t"
    await dialplan.set_waiting(f"FILE({file},,,a)", "abc")
    await dialplan.set_waiting(f"FILE({file},1,1)", "XX")
    assert file.read_text() == "aXXc"
    await dialplan.set_waiting(f"FILE({file},-1,1)", "YZ")
    assert file.read_text() == "aXXYZ"
    assert [await dialplan.wait_for(f"FILE({file}{part})") for part in ("", ",1,2", ",-2", ",0,-1", ",9")] == [
        "aXXYZ", "XX", "YZ", "aXXY", "",
    ]  # fmt: skip
    await dialplan.set_waiting(f"FILE({file})", "new")
    assert file.read_text() == "new"
    assert await dialplan.wait_for(f"FILE_FORMAT({file})") == "x"


async def test_files_by_lines(dialplan: Dialplan, tmp_path: Path) -> None:
    file = tmp_path / "t"
    with pytest.raises(FunctionError, match="cannot be read"):
        await dialplan.set_waiting(f"FILE({file},,,al)", "one")
    for line in ("one", "two", "three"):
        await dialplan.set_waiting(f"FILE({file},,,al,d)", line)
    assert file.read_bytes() == b"one\r\ntwo\r\nthree\r\n"
    assert await dialplan.wait_for(f"FILE_FORMAT({file})") == "d"
    assert await dialplan.wait_for(f"FILE_COUNT_LINE({file})") == "3"
    assert await dialplan.wait_for(f"FILE({file},1,1,l)") == "two\r\n"
    assert await dialplan.wait_for(f"FILE({file},-1,,l)") == "three\r\n"
    await dialplan.set_waiting(f"FILE({file},1,1,l)", "zwei")
    await dialplan.set_waiting(f"FILE({file},0,0,ld)", "<")
    assert file.read_bytes() == b"<one\r\nzwei\r\nthree\r\n"


async def test_what_is_known_of_files(dialplan: Dialplan, tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_bytes(b"12345")
    os.utime(file, (1, 2))
    file.chmod(0o640)
    flags = {flag: await dialplan.wait_for(f"STAT({flag},{file})") for flag in "efdsmAM"}
    assert flags == {"e": "1", "f": "1", "d": "0", "s": "5", "m": "100640", "A": "1", "M": "2"}
    assert await dialplan.wait_for(f"STAT(d,{tmp_path})") == "1"
    assert [await dialplan.wait_for(f"STAT({text})") for text in ("e,/no/such", "z,/", "e", "")] == ["0"] * 4
    assert [dialplan.get(f"BASENAME({p})") for p in ("/a/b.c", "/a/", "/", "", "c,d")] == ["b.c", "a", "/", ".", "c,d"]
    assert [dialplan.get(f"DIRNAME({p})") for p in ("/a/b.c", "/a/b/", "/a", "/", "", "c")] == ["/a", "/a", "/", "/", ".", "."]
    assert (await dialplan.wait_for("FILE(/no/such)"), dialplan.warned) == ("", True)
    assert (await dialplan.wait_for("FILE_COUNT_LINE(/no/such)"), dialplan.warned) == ("-1", True)


async def test_environment_and_shell(dialplan: Dialplan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBSTAR_TEST", "a b")
    assert dialplan.get("ENV(GLOBSTAR_TEST)") == "a b"
    assert await dialplan.wait_for('SHELL(echo "$GLOBSTAR_TEST")') == "a b\n"
    dialplan.set("ENV(GLOBSTAR_TEST)", "")
    assert (dialplan.get("ENV(GLOBSTAR_TEST)"), "GLOBSTAR_TEST" in os.environ) == ("", False)
    assert (await dialplan.wait_for("SHELL()"), dialplan.warned) == ("", True)

"""Read, ReadExten, Authenticate, PrivacyManager and DISA: what callers dial."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.channel import ChannelState
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time


def sounds(system: System, *names: str) -> None:
    """Half a second of silence under each name."""
    for name in names:
        file = Path(system.directories.astdatadir) / "sounds" / "en" / f"{name}.ulaw"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\xff" * 4000)


async def dialled(system: System, plan: str, keys: str, *, is_answered: bool = True, delay: float = 1) -> Call:
    """Run a call whose caller presses keys after a second."""
    load_dialplan(system, f"[default]\n{plan}")
    call = Call(system)
    if is_answered:
        call.channel.answer_at_once()
    call.start()
    await asyncio.sleep(delay)
    await call.press(keys)
    return await call.end()


@pytest.mark.parametrize(
    ("arguments", "keys", "status", "digits"),
    [
        ("D", "12#", "OK", "12"),
        ("D,,3", "1234", "OK", "123"),
        ("D,,3,,1,2", "1", "TIMEOUT", "1"),
        ("D,,3,,1,2", "", "TIMEOUT", ""),
        ("D", "#", "OK", ""),
        ("D,,,e", "#", "OK", "#"),
        ("D,,,t(*)", "1#2*", "OK", "1#2"),
        ("D,,4,t", "1#*2", "OK", "1#*2"),
        ("D,,1,,3,1", " 5", "OK", "5"),
        ("D,,1,,2,1", "  5", "TIMEOUT", ""),
        ("D,busy,2,i", "12", "OK", "12"),
        ("D,one&two,2", "12", "OK", "12"),
    ],
)
async def test_read(system: System, arguments: str, keys: str, status: str, digits: str) -> None:
    sounds(system, "one", "two")
    call = await dialled(system, f"exten => s,1,Read({arguments})\n", keys)
    assert call.variables["READSTATUS"] == status
    assert call.variables["D"] == digits


async def test_a_digit_stops_the_prompt(system: System) -> None:
    sounds(system, *(f"long{n}" for n in range(20)))
    start = system.now()
    files = "&".join(f"long{n}" for n in range(20))
    call = await dialled(system, f"exten => s,1,Read(D,{files},1)\n", "7")
    assert call.variables["D"] == "7"
    assert system.now() - start < 2


@pytest.mark.parametrize(("options", "status", "answers"), [("s", "SKIPPED", 0), ("n", "TIMEOUT", 0), ("", "TIMEOUT", 1)])
async def test_read_on_a_call_that_is_not_answered(system: System, options: str, status: str, answers: int) -> None:
    call = await dialled(system, f"exten => s,1,Read(D,,1,{options},1,1)\n", "", is_answered=False)
    assert call.variables["READSTATUS"] == status
    assert call.tech.answers == answers


@pytest.mark.parametrize("arguments", ["", "D,no-such-file,1"])
async def test_read_errors(system: System, arguments: str) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await dialled(system, f"exten => s,1,Read({arguments})\n same => n,NoOp(on)\n", "")
    assert call.variables["READSTATUS"] == "ERROR"
    assert call.steps[-1] == "NoOp(on)"
    assert log.records


async def test_read_of_a_caller_who_hangs_up(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Answer(,i)\n same => n,Read(D)\n same => n,NoOp(never)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.hang_up()
    assert (await call.end()).variables["READSTATUS"] == "HANGUP"
    assert len(call.steps) == 2


EXTENSIONS = "exten => 12,1,NoOp()\nexten => 123,1,NoOp()\nexten => _9XX,1,NoOp()\n"


@pytest.mark.parametrize(
    ("arguments", "keys", "status", "value"),
    [
        ("E", "945", "OK", "945"),
        ("E,,,,2", "12", "OK", "12"),
        ("E,,,p", "12#", "OK", "12"),
        ("E", "77", "INVALID", "i"),
        ("E,,,,2", "", "TIMEOUT", "t"),
        ("E,,nowhere", "1", "INVALID", "i"),
        ("", "", "ERROR", None),
    ],
)
async def test_read_exten(system: System, arguments: str, keys: str, status: str, value: str | None) -> None:
    with LogCapture():
        call = await dialled(system, f"exten => s,1,ReadExten({arguments})\n{EXTENSIONS}", keys)
    assert call.variables["READEXTENSTATUS"] == status
    assert call.variables.get("E") == value
    if status == "INVALID":
        assert call.variables["INVALID_EXTEN"] == keys[:1]


async def test_read_exten_skips_a_call_that_is_not_answered(system: System) -> None:
    call = await dialled(system, "exten => s,1,ReadExten(E,,,s)\n", "", is_answered=False)
    assert call.variables == {"READEXTENSTATUS": "SKIP"}


PROMPTS = ("agent-pass", "auth-thankyou", "auth-incorrect", "vm-goodbye")


@pytest.mark.parametrize(
    ("password", "options", "keys", "account", "is_let_in"),
    [
        ("1234", "", "1234#", "", True),
        ("1234", "a", "1234#", "1234", True),
        ("1234", "", "1#  12#   1234#", "", True),
        ("1234", "", "1#  12#   3#", "", False),
        ("/codes/x", "d", "77#", "", True),
        ("/codes/x", "d", "78#", "", False),
        ("FILE", "", "555#", "", True),
        ("HASHES", "m", "99#", "acme", True),
        ("HASHES", "m", "98#", "", False),
        ("/no/such/file", "", "1#", "", False),
    ],
)
async def test_authenticate(
    system: System, tmp_path: Path, password: str, options: str, keys: str, account: str, is_let_in: bool
) -> None:
    sounds(system, *PROMPTS)
    (tmp_path / "plain").write_text("444\n555\n")
    (tmp_path / "hashes").write_text(f"acme:{hashlib.md5(b'99').hexdigest()}\n")
    password = {"FILE": str(tmp_path / "plain"), "HASHES": str(tmp_path / "hashes")}.get(password, password)
    system.database.put("codes", "x/77", "1")
    with LogCapture():
        call = await dialled(system, f"exten => s,1,Authenticate({password},{options})\n same => n,NoOp(in)\n", keys)
    assert (call.steps[-1] == "NoOp(in)") is is_let_in
    assert call.channel.account_code == account


async def test_authenticate_removes_a_used_password(system: System) -> None:
    sounds(system, *PROMPTS)
    system.database.put("codes", "7", "1")
    await dialled(system, "exten => s,1,Authenticate(/codes,dr,1)\n", "7")
    assert system.database.get("codes", "7") is None


@pytest.mark.parametrize(("keys", "status", "number"), [("5551234567", "SUCCESS", "5551234567"), ("12", "FAILED", "")])
async def test_privacy_manager(system: System, keys: str, status: str, number: str) -> None:
    sounds(system, "privacy-unident", "privacy-prompt", "privacy-thankyou", "privacy-incorrect")
    call = await dialled(system, "exten => s,1,PrivacyManager(1)\n same => n,NoOp(${CALLERID(num)})\n", keys, delay=2)
    assert call.variables["PRIVACYMGRSTATUS"] == status
    assert call.steps[-1] == f"NoOp({number})"


async def test_privacy_manager_leaves_known_callers_alone(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,PrivacyManager()\n")
    call = Call(system)
    call.channel.set_caller_id("5551234")
    await call.run()
    assert call.variables["PRIVACYMGRSTATUS"] == "SUCCESS"
    assert call.channel.state is ChannelState.RING


DISA = (
    "[disa]\nexten => 12,1,NoOp(disa ${EXTEN} ${CALLERID(num)})\nexten => i,1,NoOp(i ${INVALID_EXTEN})\n"
    "[other]\nexten => 5,1,NoOp(other)\n"
)


@pytest.mark.parametrize(
    ("arguments", "keys", "step"),
    [
        ("no-password", "12", "NoOp(disa 12 )"),
        ("1234", "1234#12", "NoOp(disa 12 )"),
        ("1234,disa,Ann <77>", "1234#12", "NoOp(disa 12 77)"),
        ("no-password", "9", "NoOp(i 9)"),
        ("no-password,other", "5", "NoOp(other)"),
        ("FILE", "42#5", "NoOp(other)"),
        ("FILE", "41#12", "NoOp(disa 12 )"),
    ],
)
async def test_disa(system: System, tmp_path: Path, arguments: str, keys: str, step: str) -> None:
    (tmp_path / "codes").write_text("# comment\n41\n42,other\n")
    arguments = arguments.replace("FILE", str(tmp_path / "codes"))
    call = await dialled(system, f"exten => s,1,DISA({arguments})\n{DISA}", keys)
    assert call.steps[-1] == step


async def test_disa_refuses_a_wrong_passcode(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await dialled(system, f"exten => s,1,DISA(1234)\n same => n,NoOp(never)\n{DISA}", "99#")
    assert len(call.steps) == 1
    assert log.records

"""Functions that ask the DNS: SRVQUERY, ENUMLOOKUP, TXTCIDNAME and their like."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.calls import run_dialplan
from tests.support.name_server import NameServer
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.leaks_threads

ZONE = {
    ("SRV", "_sip._udp.example"): ["10 60 5060 big.example.", "10 0 5061 small.example.", "20 0 5070 last.example."],
    ("SRV", "_gone._udp.example"): ["0 0 0 ."],
    ("NAPTR", "3.2.1.0.3.9.4.e164.arpa"): [
        '100 20 "u" "E2U+sip" "!^(.*)$!sip:\\\\1@second.example!" .',
        '100 10 "u" "E2U+sip" "!^\\\\+49(.*)$!sip:\\\\1@first.example!i" .',
        '50 10 "u" "E2U+mailto" "!^.*$!mailto:info@example!" .',
        '10 10 "" "E2U+sip" "!^.*$!sip:not-terminal@example!" .',
        '60 10 "u" "E2U+tel" "!^nothing$!tel:+1!" .',
    ],
    ("NAPTR", "3.2.1.0.3.9.4.other.example"): ['1 1 "u" "sip+E2U" "!^.*$!sip:old@example!" .'],
    ("NAPTR", "4.3.2.1.256.freenum.example"): ['1 1 "u" "E2U+sip" "!^(.*)\\\\*.*$!sip:\\\\1@isn.example!" .'],
    ("NAPTR", "3.2.1.0.3.i.9.4.e164.arpa"): ['1 1 "u" "E2U+pstn:sip" "!^.*$!sip:carrier@example!" .'],
    ("NAPTR", "direct.names.example"): ['1 1 "u" "E2U+sip" "!^.*$!sip:direct@example!" .'],
    ("TXT", "3.2.1.0.3.9.4.e164.arpa"): ['"Ann " "Lee"'],
}


async def values(tmp_path: Path, lines: str, *names: str, files: dict[str, str] | None = None) -> list[str]:
    plan = "[default]\n" + "\n".join(f"exten => s,{number},{line}" for number, line in enumerate(lines.strip().splitlines(), 1))
    async with NameServer() as server:
        server.zone = ZONE
        conf = {"resolver_unbound.conf": f"[general]\nnameserver={server.text}\n", **(files or {})}
        async with running_system(tmp_path, conf) as system:
            call = await run_dialplan(system, plan)
            return [call.variables.get(name, "-") for name in names]


async def test_services(tmp_path: Path) -> None:
    lines = """Set(ID=${SRVQUERY(_sip._udp.example)})
Set(N=${SRVRESULT(${ID},getnum)})
Set(A=${SRVRESULT(${ID},3)}:${SRVRESULT(${ID},3,port)}:${SRVRESULT(${ID},3,priority)}:${SRVRESULT(${ID},3,weight)})
Set(B=${SRVRESULT(_sip._udp.example,3,host)}:${SRVRESULT(_gone._udp.example,getnum)}:${SRVRESULT(_none._udp.example,getnum)})"""
    assert await values(tmp_path, lines, "N", "A", "B") == ["3", "last.example:5070:20:0", "last.example:0:0"]


async def test_numbers(tmp_path: Path) -> None:
    lines = """Set(A=${ENUMLOOKUP(+49-30-123,sip)}:${ENUMLOOKUP(+4930123)}:${ENUMLOOKUP(+4930123,sip,u,2)})
Set(B=${ENUMLOOKUP(+4930123,ALL)}:${ENUMLOOKUP(+4930123,ALL,c)}:${ENUMLOOKUP(+4930123,sip,c)}:${ENUMLOOKUP(+4930123,tel,c)})
Set(C=${ENUMLOOKUP(+4930123,sip,,9)}:${ENUMLOOKUP(+4930999,sip)}:${ENUMLOOKUP(+4930123,sip,,1,other.example)})
Set(D=${ENUMLOOKUP(1234*256,sip,s,,freenum.example)}:${ENUMLOOKUP(+4930123,pstn,i)}:${ENUMLOOKUP(direct,sip,d,,names.example)})
Set(E=${TXTCIDNAME(+4930123)}:${TXTCIDNAME(4930123,none.example)})"""
    assert await values(tmp_path, lines, "A", "B", "C", "D", "E") == [
        "30123@first.example:30123@first.example:sip:+4930123@second.example",
        "mailto:info@example:3:2:0",
        "::old@example",
        "1234@isn.example:carrier@example:direct@example",
        "Ann Lee:",
    ]


async def test_queries(tmp_path: Path) -> None:
    lines = """Set(ID=${ENUMQUERY(+4930123,sip)})
Set(A=${ENUMRESULT(${ID},getnum)}:${ENUMRESULT(${ID},1)}:${ENUMRESULT(${ID},2)})
Set(OTHER=${ENUMQUERY(+4930123,sip,other.example)})
Set(B=${ENUMRESULT(${OTHER},1)})"""
    assert await values(tmp_path, lines, "A", "B") == ["2:30123@first.example:+4930123@second.example", "old@example"]


async def test_zones_of_enum_conf(tmp_path: Path) -> None:
    conf = "[general]\nsearch => none.example\nsearch => other.example\n[ienum]\nbranchlabel=x\nebl_alg=ebl\n[odd]\n"
    with LogCapture() as log:
        found = await values(tmp_path, "Set(A=${ENUMLOOKUP(+4930123,sip)})", "A", files={"enum.conf": conf})
    assert found == ["old@example"]
    warnings = "\n".join(log.texts(Level.WARNING))
    assert "ebl_alg=ebl has no effect" in warnings
    assert "[odd] is unknown" in warnings


async def test_bad_input_is_told(tmp_path: Path) -> None:
    lines = """Set(A=${SRVQUERY()}${SRVRESULT(x)}${SRVRESULT(_sip._udp.example,9)}${SRVRESULT(_sip._udp.example,1,colour)})
Set(B=${ENUMLOOKUP()}${ENUMLOOKUP(abc)}${ENUMQUERY()}${ENUMRESULT(77,1)}${TXTCIDNAME()})
Set(C=${ENUMRESULT(${ENUMQUERY(+4930123,sip)},x)})"""
    with LogCapture() as log:
        assert await values(tmp_path, lines, "A", "B", "C") == ["", "", ""]
    assert len([text for text in log.texts(Level.WARNING) if text.startswith(("SRV", "ENUM", "TXT"))]) == 10

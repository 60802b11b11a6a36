"""Dialplan functions of PJSIP and CHANNEL(pjsip|rtp|rtcp ...) in calls."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

TEXT = phone_section("alice", callerid="Alice <100>") + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
HEADERS = "X-One: first\r\nX-One: second\r\nx-two: third\r\n"


async def evaluated(tmp_path: Path, expression: str, *, extra: str = "", answer: bool = False) -> tuple[str, list[str]]:
    """What an expression is in a call of alice's, and the warnings."""
    plan = "[default]\nexten => 1,1,NoOp()\n" + " same => n,Answer()\n" * answer
    plan += f" same => n,Set(GLOBAL(RESULT)={expression})\n same => n,Hangup()\n"
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice = office.phone("alice")
        with LogCapture(Level.WARNING) as log:
            call = alice.call("1", extra=extra)
            await alice.get(100)
            if answer:
                await call.answered()
                await call.speak(5)
                await call.ended()
            else:
                call.refused(await alice.get(603))
        return office.system.globals.get("RESULT") or "", [record.message for record in log.records]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${PJSIP_HEADER(read,X-One)}", "first"),
        ("${PJSIP_HEADER(read,x-one,2)}", "second"),
        ("${PJSIP_HEADER(read,X-*,3)}", "third"),
        ("${PJSIP_HEADERS(x-)}", "X-One,x-two"),
        ("${PJSIP_HEADER(read,From)}", "<sip:alice@127.0.0.1>;tag=alicetag1"),
        ("${PJSIP_HEADER_PARAM(From,header,tag)}", "alicetag1"),
        ("${PJSIP_HEADER_PARAM(Contact,uri,nothing)}", ""),
        ("${PJSIP_PARSE_URI(\"A\" <sip:u:p@h:99>,display)}", "A"),
        ("${PJSIP_PARSE_URI(sip:u:p@h:99,user)}", "u"),
        ("${PJSIP_PARSE_URI(sip:u:p@h:99,host)}", "h"),
        ("${PJSIP_PARSE_URI(sip:u:p@h:99,port)}", "99"),
        ("${PJSIP_DTMF_MODE()}", "rfc4733"),
        ("${PJSIP_MEDIA_OFFER(audio)}", "ulaw"),
        ("${PJSIP_ENDPOINT(bob,context)}", "default"),
        ("${PJSIP_AOR(bob,max_contacts)}", "2"),
        ("${PJSIP_DIAL_CONTACTS(bob)}", "PJSIP/bob/sip:bob@127.0.0.1:15072"),
        ("${PJSIP_DIAL_CONTACTS(bob,,42)}", "PJSIP/bob/sip:42@127.0.0.1:15072"),
        ("${PJSIP_CONTACT(${PJSIP_AOR(bob,contact)},uri)}", "sip:bob@127.0.0.1:15072"),
        ("${PJSIP_CONTACT(${PJSIP_AOR(bob,contact)},status)}", "NonQualified"),
        ("${CHANNEL(pjsip,call-id)}", "alice-call-1"),
        ("${CHANNEL(pjsip,remote_addr)}", "127.0.0.1:15071"),
        ("${CHANNEL(pjsip,local_addr)}", "127.0.0.1:15060"),
        ("${CHANNEL(pjsip,request_uri)}", "sip:1@127.0.0.1:15060"),
        ("${CHANNEL(pjsip,remote_tag)}", "alicetag1"),
        ("${CHANNEL(pjsip,remote_uri)}", "sip:alice@127.0.0.1"),
        ("${CHANNEL(pjsip,local_uri)}", "sip:1@127.0.0.1"),
        ("${CHANNEL(pjsip,secure)}", "0"),
        ("${CHANNEL(endpoint)}", "alice"),
        ("${CHANNEL(rtp,dest)}", "127.0.0.1:21000"),
        ("${CHANNEL(rtp,secure)}", "0"),
        ("${CHANNEL(channeltype)}", "PJSIP"),
    ],
)  # fmt: skip
async def test_reading(tmp_path: Path, expression: str, value: str) -> None:
    assert (await evaluated(tmp_path, expression, extra=HEADERS))[0] == value


@pytest.mark.parametrize(
    "expression",
    [
        "${PJSIP_HEADER(read,Nope)}", "${PJSIP_HEADER(read,X-One,9)}", "${PJSIP_HEADER(shout,X)}", "${PJSIP_HEADER(read)}",
        "${PJSIP_ENDPOINT(nobody,context)}", "${PJSIP_ENDPOINT(bob,colour)}", "${PJSIP_AOR(nobody,contact)}",
        "${PJSIP_CONTACT(nobody,uri)}", "${PJSIP_DIAL_CONTACTS(nobody)}", "${PJSIP_PARSE_URI(nonsense,user)}",
        "${PJSIP_RESPONSE_HEADER(read,To)}", "${PJSIP_HEADER_PARAM(Nope,uri,x)}", "${PJSIP_PARSE_URI(sip:a@b,shoesize)}",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_empty_and_told(tmp_path: Path, expression: str) -> None:
    value, warnings = await evaluated(tmp_path, expression, extra=HEADERS)
    assert value == ""
    assert any(warning.startswith("PJSIP_") for warning in warnings), warnings


async def test_media_items(tmp_path: Path) -> None:
    value, _ = await evaluated(tmp_path, "${CHANNEL(rtcp,rxcount)}|${CHANNEL(rtcp,themssrc)}|${CHANNEL(rtcp,all)}", answer=True)
    received, ssrc, summary = value.split("|")
    assert int(received) >= 1
    assert int(ssrc) == 0xABCD
    assert summary.startswith("ssrc=")
    assert f"themssrc={0xABCD}" in summary


async def test_every_item_of_the_documentation_is_known(tmp_path: Path, shared: Path) -> None:
    """The items of CHANNEL(pjsip|rtp|rtcp) in compat/tech_info_items.tsv; the words between are values and their parts."""
    rows = [line.split("\t") for line in (shared / "compat" / "tech_info_items.tsv").read_text().splitlines()]
    words = next(row[3].split() for row in rows if row[:2] == ["CHANNEL", "PJSIP"])
    rtp, rtcp, pjsip = words[1 : words.index("rtcp")], words[words.index("rtcp") + 1 :], words[words.index("pjsip") + 1 :]
    shown_in_all = {word for word in rtcp if re.match(r"(reported_)?(min|max|avg|stdev)(rxjitter|jitter|rxlost|lost|mes)$", word)}
    rtcp = [word for word in rtcp[: rtcp.index("audio")] if word not in shown_in_all | {"avgrtt"}]
    items = [f"rtp,{word}" for word in rtp if word not in ("0", "1", "audio", "video")] + [f"rtcp,{word}" for word in rtcp]
    items += ["endpoint", "contact", "aor"]
    items += [f"pjsip,{word}" for word in pjsip if word not in ("0", "1") and not word.isupper() and word != "REMOTE_REINVITE"]
    assert len(items) > 60
    plan = "[default]\nexten => 1,1,Answer()\n same => n,Wait(11)\n"
    plan += "".join(f" same => n,Set(GLOBAL(R{index})=<${{CHANNEL({item})}}>)\n" for index, item in enumerate(items))
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice = office.phone("alice")
        with LogCapture(Level.WARNING) as log:
            call = await alice.dial("1")
            await call.speak(20)
            await call.ended()
        values = {item: office.system.globals.get(f"R{index}") for index, item in enumerate(items)}
    assert not log.records
    empty = {item for item, value in values.items() if value == "<>"}
    assert empty == {"rtp,direct", "contact", "aor"}
    for word in ("minrxjitter", "maxrxjitter", "avgrxjitter", "stdevrxjitter", "reported_minjitter", "reported_stdevjitter"):
        assert f"{word}=" in str(values["rtcp,all_jitter"])
    assert float(str(values["rtcp,local_minmes"]).strip("<>")) > 80
    assert values["rtcp,rxcount"] == "<20>"


async def test_headers_of_outgoing_calls(tmp_path: Path) -> None:
    """Added in a pre-dial handler, or inherited; removed and changed before the INVITE leaves."""
    plan = (
        "[default]\nexten => 1,1,Set(PJSIP_INHERITABLE_HEADER(add,X-Inherited)=yes)\n"
        " same => n,Dial(PJSIP/bob,,b(pre^s^1))\n same => n,Hangup()\n"
        "[pre]\nexten => s,1,Set(PJSIP_HEADER(add,X-A)=1)\n same => n,Set(PJSIP_HEADER(add,X-B)=2)\n"
        " same => n,Set(PJSIP_HEADER(update,X-B)=3)\n same => n,Set(PJSIP_HEADER(remove,X-A)=)\n same => n,Return()\n"
    )
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("1", extra="X-Private: secret\r\n")
        await alice.get(100)
        invite = await bob.get("INVITE")
        assert invite["X-B"] == "3"
        assert invite["X-Inherited"] == "yes"
        assert not invite["X-A"]
        assert not invite["X-Private"]
        bob.send(bob.reply_to(invite, 486, tag="b"))
        await bob.get("ACK")
        call.refused(await alice.get(486))


async def test_dtmf_mode_and_codecs_of_one_call(tmp_path: Path) -> None:
    plan = (
        "[default]\nexten => 1,1,Dial(PJSIP/bob,,b(pre^s^1))\n same => n,Hangup()\n"
        "[pre]\nexten => s,1,Set(PJSIP_MEDIA_OFFER(audio)=!all,alaw,g722)\n same => n,Return()\n"
    )
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("1")
        await alice.get(100)
        invite = await bob.get("INVITE")
        assert "RTP/AVP 8 9 101" in invite.body
        bob.send(bob.reply_to(invite, 486, tag="b"))
        await bob.get("ACK")
        call.refused(await alice.get(486))


async def test_functions_need_a_pjsip_channel(tmp_path: Path) -> None:
    from globstar.core.functions import FunctionError
    from globstar.modules.channels.pjsip.functions import pjsip_dtmf_mode, pjsip_header

    for call in (lambda: pjsip_header(None, "read,To"), lambda: pjsip_dtmf_mode(None, "")):
        with pytest.raises(FunctionError, match="PJSIP channel"):
            call()


async def test_quality_variables_at_the_end(tmp_path: Path) -> None:
    plan = (
        "[default]\nexten => 1,1,Answer()\n same => n,Wait(5)\n"
        "exten => h,1,Set(GLOBAL(QOS)=${RTPAUDIOQOS}|${RTPAUDIOQOSJITTER}|${RTPAUDIOQOSLOSS})\n"
    )
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        await call.speak(50)
        await call.hang_up()
        await asyncio.sleep(0.1)
        summary, jitter, loss = (office.system.globals.get("QOS") or "").split("|")
        assert "rxcount=50" in summary
        assert "lp=0" in summary
        assert jitter.startswith("minrxjitter=")
        assert loss.startswith("minrxlost=")


async def test_parameters_of_from_and_headers_added_before(tmp_path: Path) -> None:
    plan = (
        "[default]\nexten => 1,1,Dial(PJSIP/bob,,b(pre^s^1))\n same => n,Hangup()\n"
        "[pre]\nexten => s,1,Set(PJSIP_HEADER_PARAM(From,uri,isup-oli)=27)\n"
        " same => n,Set(PJSIP_HEADER_PARAM(From,uri,isup-oli)=28)\n same => n,Set(PJSIP_HEADER_PARAM(From,header,x)=y)\n"
        " same => n,Set(PJSIP_HEADER(add,X-A)=1)\n same => n,Set(GLOBAL(READ)=${PJSIP_HEADER(read,X-*)})\n"
        " same => n,Set(GLOBAL(GONE)=${PJSIP_HEADER(remove,*)})\n same => n,Return()\n"
    )
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("1")
        await alice.get(100)
        invite = await bob.get("INVITE")
        assert invite["From"].startswith('"Alice" <sip:100@127.0.0.1;isup-oli=28>;x=y;tag=')
        assert not invite["X-A"]
        assert (office.system.globals.get("READ"), office.system.globals.get("GONE")) == ("1", "1")
        bob.send(bob.reply_to(invite, 486, tag="b"))
        await bob.get("ACK")
        call.refused(await alice.get(486))


@pytest.mark.parametrize(("how", "expected"), [("invite", "INVITE"), ("update", "UPDATE")])
async def test_session_refresh_from_the_dialplan(tmp_path: Path, how: str, expected: str) -> None:
    plan = f"[default]\nexten => 1,1,Answer()\n same => n,Set(PJSIP_SEND_SESSION_REFRESH()={how})\n same => n,Wait(5)\n"
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice = office.phone("alice")
        call = alice.call("1", extra="Allow: INVITE, UPDATE\r\n")
        await alice.get(100)
        await call.answered()
        refresh = await alice.get(expected)
        assert "m=audio" in refresh.body
        call.reply(200, "OK", request=refresh, body=call.sdp())
        if expected == "INVITE":
            await alice.get("ACK")
        await call.hang_up()


async def test_a_uri_out_of_a_variable(tmp_path: Path) -> None:
    """PJSIP_PARSE_URI_FROM takes the name of the variable, so commas and quotes in the URI are no arguments."""
    address = '"Smith, \\"J\\"" <sips:j:pw@example.org:5071;user=phone;transport=tls;ttl=3;maddr=h2;method=INVITE;lr>'
    kinds = ("display", "scheme", "user", "passwd", "host", "port", "user_param", "transport_param", "ttl_param",
             "maddr_param", "method_param", "lr_param")  # fmt: skip
    plan = f"[default]\nexten => 1,1,Set(uri={address.replace(';', chr(92) + ';')})\n"
    plan += "".join(f" same => n,Set(GLOBAL(R_{kind})=${{PJSIP_PARSE_URI_FROM(uri,{kind})}})\n" for kind in kinds)
    plan += " same => n,Set(GLOBAL(NONE)=<${PJSIP_PARSE_URI_FROM(nothing,user)}${PJSIP_PARSE_URI_FROM(uri,size)}>)\n"
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice = office.phone("alice")
        with LogCapture(Level.WARNING) as log:
            call = alice.call("1")
            await alice.get(100)
            call.refused(await alice.get(603))
        values = [office.system.globals.get(f"R_{kind}") for kind in kinds]
        assert values == ['Smith, "J"', "sips", "j", "pw", "example.org", "5071", "phone", "tls", "3", "h2", "INVITE", "1"]
        assert office.system.globals.get("NONE") == "<>"
        assert len(log.records) == 2


async def test_headers_of_the_last_response_to_an_invite(tmp_path: Path) -> None:
    """PJSIP_RESPONSE_HEADERS lists them by their beginning, PJSIP_RESPONSE_HEADER reads one; on the called channel."""
    plan = (
        "[default]\nexten => 1,1,Dial(PJSIP/bob,,U(answered))\n same => n,Hangup()\n"
        "[answered]\nexten => s,1,Set(GLOBAL(NAMES)=${PJSIP_RESPONSE_HEADERS(X-)})\n"
        " same => n,Set(GLOBAL(VALUE)=${PJSIP_RESPONSE_HEADER(read,x-room,2)})\n"
        " same => n,Set(GLOBAL(NOTHING)=<${PJSIP_RESPONSE_HEADERS(Y-)}>)\n same => n,Return()\n"
    )
    async with sip_office(tmp_path, TEXT, plan) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("1")
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, "OK", extra="X-Room: 1\r\nX-Floor: 7\r\nX-Room: 2\r\n", body=called.sdp())
        await bob.get("ACK")
        await call.answered()
        await call.hang_up()
        await called.ended()
        assert office.system.globals.get("NAMES") == "X-Room,X-Floor"
        assert office.system.globals.get("VALUE") == "2"
        assert office.system.globals.get("NOTHING") == "<>"

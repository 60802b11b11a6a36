"""An office of four phones that transfer calls: alice 100, bob 101, carol 102, dave 103."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office

NAMES = ("alice", "bob", "carol", "dave")
EXTENSIONS = """\
[default]
exten => _10[0-3],1,Goto(phones,${EXTEN},1)
exten => 600,1,Answer()
 same => n,Wait(100)
exten => 601,1,Answer()
 same => n,Playtones(440)
 same => n,Wait(100)
exten => 602,1,Busy()
[phones]
exten => 100,1,Dial(PJSIP/alice,20)
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/carol,20)
exten => 103,1,Dial(PJSIP/dave,20)
"""


@asynccontextmanager
async def transfer_office(
    root: Path,
    extensions: str = "",
    files: Mapping[str, str] | None = None,
    *,
    global_options: str = "",
    **options: Any,
) -> AsyncIterator[tuple[SipOffice, list[SipPhone]]]:
    """The running system and its phones, which need not register; ``options`` are those of every endpoint."""
    sections = "".join(
        phone_section(name, contact=f"sip:{name}@127.0.0.1:{15071 + n}", callerid=f"{name.title()} <10{n}>", **options)
        for n, name in enumerate(NAMES)
    )
    if global_options:
        sections += f"[global](+)\n{global_options}\n"
    async with sip_office(root, sections, EXTENSIONS + extensions, files) as office:
        yield office, [office.phone(name) for name in NAMES]


async def talk(caller: SipPhone, number: str, callee: SipPhone) -> tuple[PhoneCall, PhoneCall]:
    """A call that was answered, as both sides see it."""
    calling = caller.call(number)
    await caller.get(100)
    called = await callee.ring()
    await called.answer()
    await calling.answered()
    return calling, called


def dialog_of(call: PhoneCall, *, early_only: bool = False) -> str:
    """The value of Replaces that names the dialog of ``call``, as the server has to be told (RFC 3891 3)."""
    remote_tag = call.to.rpartition("tag=")[2]
    tail = ";early-only" if early_only else ""
    return f"{call.call_id};to-tag={remote_tag};from-tag={call.tag}{tail}"


def refer_to(target: str, replaces: str = "", extra: str = "") -> str:
    """The headers of a REFER."""
    headers = f"?Replaces={quote(replaces, safe='')}" if replaces else ""
    return f"Refer-To: <sip:{target}@127.0.0.1:15060{headers}>\r\nReferred-By: <sip:someone@127.0.0.1>\r\n{extra}"


async def notified(phone: SipPhone) -> tuple[str, str]:
    """The next NOTIFY of a transfer, which gets its 200: what it says, and how the subscription stands."""
    notify: Wire = await phone.get("NOTIFY")
    phone.send(phone.reply_to(notify, 200, "OK"))
    assert notify["Event"].startswith("refer")
    assert notify["Content-Type"] == "message/sipfrag;version=2.0"
    return notify.body.strip(), notify["Subscription-State"].partition(";expires")[0]

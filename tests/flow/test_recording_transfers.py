"""A recording and a spy stay with the channel on which they were started, whoever it is connected to."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone
from tests.support.sip_transfer import dialog_of, refer_to, talk, transfer_office

EXTENSIONS = "[default]\nexten => 555,1,ChanSpy(PJSIP/${SPIED},q)\n[globals]\nSPIED=\n"
#: what each says, an octet of G.711
ALICE, BOB, CAROL = 0x22, 0x23, 0x24


async def speak(*speakers: tuple[PhoneCall, int]) -> None:
    """All say their octet for half a second."""
    await asyncio.gather(*(call.speak(25, octet) for call, octet in speakers))
    await asyncio.sleep(0.1)


def sounds(path: Path) -> set[int]:
    """The octets of a recording that are not just between two others."""
    return {octet for octet, count in Counter(path.read_bytes()).items() if count > 1600 and octet in (ALICE, BOB, CAROL)}


async def transfer(how: str, leaving: PhoneCall, carol: SipPhone) -> PhoneCall:
    """The phone of ``leaving`` sends its partner to carol and has left when this is over."""
    phone = leaving.phone
    if how == "blind":
        assert (await leaving.request_inside("REFER", refer_to("102"))).status == 202
        call = await carol.ring()
        await call.answer()
    else:
        second = phone.call("102")
        await phone.get(100)
        call = await carol.ring()
        await call.answer()
        await second.answered()
        await asyncio.sleep(0.2)
        assert (await leaving.request_inside("REFER", refer_to("102", dialog_of(second)))).status == 202
    await asyncio.sleep(1)
    while phone.inbox:
        message = phone.inbox.popleft()
        phone.send(phone.reply_to(message, 200, "OK"))
        await asyncio.sleep(0.2)
    return call


async def begin(office: SipOffice, recorded: str) -> None:
    name = next(name for name in office.system.channels if name.startswith(f"PJSIP/{recorded}-"))
    await run_command(office.system, f"mixmonitor start {name} both.ulaw,r(said.ulaw)t(heard.ulaw)")
    office.system.globals.set("SPIED", recorded)


@pytest.mark.parametrize("how", ["blind", "attended"])
@pytest.mark.parametrize("recorded", ["alice", "bob"])
async def test_they_go_on_when_the_other_party_transfers(tmp_path: Path, how: str, recorded: str) -> None:
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, bob, carol, dave)):
        calling, called = await talk(alice, "101", bob)
        staying, leaving = (calling, called) if recorded == "alice" else (called, calling)
        await asyncio.sleep(0.2)
        await begin(office, recorded)
        spying = dave.call("555")
        await dave.get(100)
        await spying.answered()
        await speak((staying, ALICE), (leaving, BOB))
        third = await transfer(how, leaving, carol)
        spying.sounds()
        third.sounds()
        await speak((staying, ALICE), (third, CAROL))
        assert third.sounds().get(ALICE, 0) >= 20
        assert len(spying.sounds()) > 0
        await staying.hang_up()
        await third.ended()
        await spying.hang_up()
        await asyncio.sleep(1)
        folder = Path(office.system.directories.astspooldir) / "monitor"
        assert sounds(folder / "said.ulaw") == {ALICE}
        assert sounds(folder / "heard.ulaw") == {BOB, CAROL}
        sizes = {path.stat().st_size for path in folder.iterdir()}
        assert len(sizes) == 1


@pytest.mark.parametrize("how", ["blind", "attended"])
async def test_they_end_with_the_party_that_transfers(tmp_path: Path, how: str) -> None:
    async with transfer_office(tmp_path, EXTENSIONS) as (office, (alice, bob, carol, _)):
        calling, called = await talk(alice, "101", bob)
        await asyncio.sleep(0.2)
        await begin(office, "bob")
        await speak((calling, ALICE), (called, BOB))
        third = await transfer(how, called, carol)
        await asyncio.sleep(0.5)
        folder = Path(office.system.directories.astspooldir) / "monitor"
        before = {path.name: path.stat().st_size for path in folder.iterdir()}
        await speak((calling, ALICE), (third, CAROL))
        assert {path.name: path.stat().st_size for path in folder.iterdir()} == before
        assert sounds(folder / "said.ulaw") == {BOB}
        assert sounds(folder / "heard.ulaw") == {ALICE}
        assert not any(channel.read_hooks for channel in office.system.channels.values())
        await calling.hang_up()
        await third.ended()

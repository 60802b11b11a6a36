"""Somebody else sends to the ports of a call: copies that overtake the phone's own packets, and packets of his own making in
the phone's stream. Whatever secures the call, nobody hears him, he hears nobody, and the call goes on unharmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from globstar.media.network import MediaNetwork
from globstar.media.sockets import Address
from tests.flow.test_sip_ice import IceCall, plain
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office
from tests.support.srtp_phone import SdesCall

pytestmark = pytest.mark.virtual_time

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/bob,20,tT)
exten => 600,1,Answer()
 same => n,Echo()
"""
TALK, REPLY, EVIL = 0x31, 0x42, 0x66
SYMMETRIC = {"rtp_symmetric": "yes"}


class Intruder:
    """Knows where a phone sends to, and sees every packet of it."""

    def __init__(self, office: SipOffice, victim: Address, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
        self.socket = office.media.open(host, 44444)
        self.heard: list[bytes] = []
        self.attacks = 0
        self.is_busy = False
        self.socket.set_reader(self._read)
        carry = MediaNetwork.carry

        def carried(network: MediaNetwork, source: Address, target: Address, data: bytes) -> None:
            if self.is_busy and source == victim and 128 <= data[0] <= 191 and not 192 <= data[1] <= 223:
                self.attacks += 1
                carry(network, self.socket.address, target, data)  # overtakes the phone's own
                number = (int.from_bytes(data[2:4], "big") + 1) & 0xFFFF
                made = data[:2] + number.to_bytes(2, "big") + data[4:12] + bytes([EVIL]) * (len(data) - 12)
                carry(network, self.socket.address, target, made)
            carry(network, source, target, data)

        monkeypatch.setattr(MediaNetwork, "carry", carried)

    def _read(self, _now: float) -> None:
        while True:
            try:
                self.heard.append(self.socket.recvfrom(2048)[0])
            except BlockingIOError:
                return


#: The call; what is to be done with the answer, and at the end.
Connected = tuple[PhoneCall, Callable[[Wire], None], Callable[[], None]]
Connect = Callable[[SipOffice, str], Awaitable[Connected]]


def nothing(*_: object) -> None:
    """There is nothing to do."""


async def bare(office: SipOffice, number: str) -> Connected:
    alice = office.phones["alice"]
    call = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
    call.invite(body=call.sdp())
    await alice.get(100)
    return call, nothing, nothing


async def by_sdes(office: SipOffice, number: str) -> Connected:
    alice = office.phones["alice"]
    call = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
    keys = SdesCall(call)
    call.invite(body=keys.sdp())
    await alice.get(100)
    return call, lambda answer: nothing(keys.learn(answer)), nothing


async def by_ice(office: SipOffice, number: str) -> Connected:
    alice = office.phones["alice"]
    call = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
    ice = IceCall(call)
    call.invite(body=ice.sdp())
    await alice.get(100)

    def learn(answer: Wire) -> None:
        ice.learn(answer, is_controlling=True)
        plain(ice)

    return call, learn, ice.agent.close


KINDS: dict[str, tuple[Connect, dict[str, str]]] = {
    "strictrtp": (bare, {}),
    "symmetric": (bare, SYMMETRIC),
    "sdes": (by_sdes, {"media_encryption": "sdes"}),
    "sdes symmetric": (by_sdes, {"media_encryption": "sdes", **SYMMETRIC}),
    "ice": (by_ice, {"ice_support": "yes", "rtcp_mux": "yes"}),
    "ice symmetric": (by_ice, {"ice_support": "yes", "rtcp_mux": "yes", **SYMMETRIC}),
}


@pytest.mark.parametrize("host", ["127.0.0.1", "10.66.6.6"], ids=["same host", "elsewhere"])
@pytest.mark.parametrize("number", ["101", "102", "600"], ids=["relay", "frames", "echo"])
@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_takes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, number: str, host: str) -> None:
    connect, options = KINDS[kind]
    phones = phone_section("alice", **options) + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, phones, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call, learn, close = await connect(office, number)
        called = None
        if number != "600":
            called = await bob.ring()
            await called.answer()
        learn(await call.answered())
        await asyncio.sleep(1)
        intruder = Intruder(office, (alice.address[0], call.rtp_port), monkeypatch, host)
        await asyncio.gather(call.speak(25, TALK), *([called.speak(25, REPLY)] if called else []))  # the sources are learnt
        await asyncio.sleep(0.1)
        call.sounds()
        if called is not None:
            called.sounds()
        intruder.is_busy = True
        await asyncio.gather(call.speak(100, TALK), *([called.speak(100, REPLY)] if called else []))
        await asyncio.sleep(0.1)
        intruder.is_busy = False
        assert intruder.attacks == 100
        sounds = call.sounds()
        if called is None:
            assert sounds == {TALK: 100}
        else:
            assert sounds == {REPLY: 100}
            assert called.sounds() == {TALK: 100}
        assert intruder.heard == []
        close()
        await call.hang_up()
        if called is not None:
            await called.ended()
        intruder.socket.close()

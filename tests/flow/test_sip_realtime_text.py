"""Real-time text (RFC 4103) and the dialplan: ReceiveText takes lines of it, SendText types them where that is asked for."""

from __future__ import annotations

import asyncio
import itertools
import re
import struct
from pathlib import Path

import pytest

from globstar.media.network import MemorySocket
from globstar.proto.rtp.red import RedReceiver, RedSender
from tests.flow.test_sip_media_features import text_line
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 400,1,Answer()
 same => n,ReceiveText(20)
 same => n,Set(GLOBAL(FIRST)=${RECEIVETEXTSTATUS} ${RECEIVETEXTMESSAGE})
 same => n,ReceiveText(5)
 same => n,Set(GLOBAL(SECOND)=${RECEIVETEXTSTATUS} ${RECEIVETEXTMESSAGE})
 same => n,ReceiveText(2)
 same => n,Set(GLOBAL(THIRD)=${RECEIVETEXTSTATUS})
 same => n,Wait(10)
exten => 401,1,Answer()
 same => n,Set(SENDTEXT_CONTENT_TYPE=text/t140)
 same => n,SendText(Good morning, how can we help?)
 same => n,Set(GLOBAL(SENT)=${SENDTEXTSTATUS} ${SENDTEXTTYPE})
 same => n,Wait(10)
"""


class Terminal:
    """A phone's call with a keyboard and a screen; ``generations`` of redundancy, 0 for none."""

    def __init__(self, office: SipOffice, generations: int, *, has_text: bool = True, pace: int = 0) -> None:
        self.phone = office.phone("alice")
        self.generations = generations
        self.socket: MemorySocket = office.media.open(self.phone.address[0], 4600)
        self.socket.set_reader(self._read)
        self._line = text_line(4600, 98, 97, generations) + (f"a=fmtp:97 cps={pace}\r\n" if pace else "") if has_text else ""
        self._sender, self._receiver = RedSender(97, generations), RedReceiver()
        self._number = 100
        self._aim = 0
        self.shown = b""
        #: when packets with text came
        self.times: list[float] = []

    def _read(self, now: float) -> None:
        data, _ = self.socket.recvfrom(2048)
        number, stamp = struct.unpack_from("!HI", data, 2)
        texts = self._receiver.receive(data[12:], number, stamp) if data[1] & 0x7F == 98 else [data[12:]]
        if any(texts):
            self.times.append(now)
        self.shown += b"".join(texts)

    async def dial(self, number: str) -> PhoneCall:
        call = PhoneCall(self.phone, f"sip:{number}@127.0.0.1:15060")
        call.invite(body=call.sdp() + self._line)
        await self.phone.get(100)
        answer = await call.answered()
        aim = re.search(r"m=text (\d+) RTP/AVP", answer.body)
        self._aim = int(aim[1]) if aim is not None else 0
        return call

    async def type(self, text: str, *, loses: str = "") -> None:
        """Type letter by letter; packets of the letters in ``loses`` get lost."""
        for letter in text:
            stamp = self._number * 300
            payload = self._sender.payload(letter.encode(), stamp) if self.generations else letter.encode()
            head = struct.pack("!BBHII", 0x80, 98 if self.generations else 97, self._number, stamp, 0x77)
            if letter not in (loses or "\0"):
                self.socket.sendto(head + payload, ("127.0.0.1", self._aim))
            self._number += 1
            await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("generations", "loses", "first"), [(0, "", "hello"), (2, "e", "hello"), (0, "e", "h\ufffdllo"), (1, "l", "he\ufffdlo")]
)
async def test_receive_text_takes_a_line(tmp_path: Path, generations: int, loses: str, first: str) -> None:
    """What redundancy brings back is in its place; what is lost for good is told by its mark where the numbers show it."""
    pjsip = phone_section("alice", allow="ulaw,red,t140")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        terminal = Terminal(office, generations)
        call = await terminal.dial("400")
        await terminal.type("\ufeffhello\u2028", loses=loses)
        await terminal.type("thx\b\banks")
        await asyncio.sleep(5)
        values = [office.system.globals.get(name) for name in ("FIRST", "SECOND", "THIRD")]
        assert values == [f"SUCCESS {first}", "SUCCESS tanks", "FAILURE"]
        await call.hang_up()
        terminal.socket.close()


@pytest.mark.parametrize("generations", [0, 2])
async def test_send_text_types_where_real_time_text_is_asked_for(tmp_path: Path, generations: int) -> None:
    async with sip_office(tmp_path, phone_section("alice", allow="ulaw,red,t140"), EXTENSIONS) as office:
        terminal = Terminal(office, generations)
        call = await terminal.dial("401")
        await asyncio.sleep(3)
        assert terminal.shown.decode() == "Good morning, how can we help?\u2028"
        assert [round(later - earlier, 2) for earlier, later in zip(terminal.times, terminal.times[1:], strict=False)] == [
            0.3
        ] * 3
        assert office.system.globals.get("SENT") == "SUCCESS BASIC"
        assert not terminal.phone.inbox  # no MESSAGE
        await call.hang_up()
        await office.quiet(3)
        terminal.socket.close()


async def test_rfc4103_6_no_faster_than_the_terminal_takes_it(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", allow="ulaw,t140"), EXTENSIONS) as office:
        terminal = Terminal(office, 0, pace=10)
        call = await terminal.dial("401")
        await asyncio.sleep(2.35)  # half a second is waited for sound, then a piece comes every 0.3 s
        assert len(terminal.shown.decode()) == 3 * 7
        await call.hang_up()
        await office.quiet(3)
        terminal.socket.close()


async def test_without_a_stream_of_it_real_time_text_is_not_supported(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", allow="ulaw,t140"), EXTENSIONS) as office:
        terminal = Terminal(office, 0, has_text=False)
        call = await terminal.dial("401")
        await asyncio.sleep(1)
        assert office.system.globals.get("SENT") == "UNSUPPORTED NONE"
        assert not terminal.phone.inbox
        await call.hang_up()
        terminal.socket.close()


@pytest.mark.parametrize(("theirs", "ours"), [(2, 0), (2, 2), (0, 2)])
async def test_rfc4103_5_4_what_a_phone_without_redundancy_has_lost_is_marked_to_one_with_it(
    tmp_path: Path, theirs: int, ours: int
) -> None:
    """Packets of either kind may follow one another, and none is taken twice."""
    pjsip = phone_section("alice", allow="ulaw,red,t140") + phone_section("bob", allow="ulaw,red,t140")
    async with sip_office(tmp_path, pjsip, "[default]\nexten => 101,1,Dial(PJSIP/bob)\n") as office:
        terminal, bob = Terminal(office, 0), office.phone("bob")
        await bob.register()
        call = PhoneCall(terminal.phone, "sip:101@127.0.0.1:15060")
        call.invite(body=call.sdp() + text_line(4600, 98, 97, theirs))
        await terminal.phone.get(100)
        called = await bob.ring()
        numbers = {name: int(number) for number, name in re.findall(r"a=rtpmap:(\d+) (RED|T140)", called.request.body)}  # type: ignore[union-attr]
        screen = office.media.open(bob.address[0], 5600)
        shown: list[bytes] = []
        receiver = RedReceiver()

        def read(_now: float) -> None:
            data, _ = screen.recvfrom(2048)
            number, stamp = struct.unpack_from("!HI", data, 2)
            take = receiver.receive_plain if data[1] & 0x7F == numbers["T140"] else receiver.receive
            shown.extend(take(data[12:], number, stamp))

        screen.set_reader(read)
        called.reply(
            200, body=called.sdp() + text_line(5600, numbers.get("RED", 98), numbers["T140"], ours if "RED" in numbers else 0)
        )
        await bob.get("ACK")
        answer = await call.answered()
        terminal._aim = int(re.search(r"m=text (\d+) RTP/AVP", answer.body)[1])  # type: ignore[index]
        await terminal.type("hallo", loses="a")
        if theirs:  # from here on she repeats
            terminal.generations, terminal._sender = theirs, RedSender(97, theirs)
        await terminal.type(" you", loses="o" if theirs else "")
        await asyncio.sleep(1)
        assert b"".join(shown).decode() == "h\ufffdllo you"
        # and the other way, to one who repeats from one who does not
        if ours != theirs:
            aim = re.search(r"m=text (\d+) RTP/AVP", called.request.body if called.request else "")
            assert aim is not None
            for number, letter in ((10, b"d"), (11, b"a"), (14, b"k")):
                head = struct.pack("!BBHII", 0x80, numbers["T140"], number, 300 * number, 0x99)
                screen.sendto(head + letter, ("127.0.0.1", int(aim[1])))
                await asyncio.sleep(0.3)
            await asyncio.sleep(1)
            assert terminal.shown.decode() == ("da\ufffdk" if theirs else "dak")
        await call.hang_up()
        await called.ended()
        for socket in (terminal.socket, screen):
            socket.close()


@pytest.mark.parametrize("generations", [0, 2])
async def test_a_text_of_the_servers_own_in_a_call_that_is_relayed(tmp_path: Path, generations: int) -> None:
    """It has numbers of its own between those of the other phone, which go on behind it."""
    pjsip = phone_section("alice", allow="ulaw,red,t140") + phone_section("bob", allow="ulaw,red,t140")
    async with sip_office(tmp_path, pjsip, "[default]\nexten => 101,1,Dial(PJSIP/bob)\n") as office:
        terminal, bob = Terminal(office, generations), office.phone("bob")
        await bob.register()
        call = PhoneCall(terminal.phone, "sip:101@127.0.0.1:15060")
        call.invite(body=call.sdp() + text_line(4600, 98, 97, generations))
        await terminal.phone.get(100)
        called = await bob.ring()
        assert called.request is not None
        numbers = {name: int(number) for number, name in re.findall(r"a=rtpmap:(\d+) (RED|T140)", called.request.body)}
        screen = office.media.open(bob.address[0], 5600)
        shown: list[bytes] = []
        sequences: list[int] = []
        receiver = RedReceiver()

        def read(_now: float) -> None:
            data, _ = screen.recvfrom(2048)
            number, stamp = struct.unpack_from("!HI", data, 2)
            sequences.append(number)
            take = receiver.receive_plain if data[1] & 0x7F == numbers["T140"] else receiver.receive
            shown.extend(take(data[12:], number, stamp))

        screen.set_reader(read)
        called.reply(200, body=called.sdp() + text_line(5600, numbers.get("RED", 98), numbers["T140"], generations))
        await bob.get("ACK")
        answer = await call.answered()
        terminal._aim = int(re.search(r"m=text (\d+) RTP/AVP", answer.body)[1])  # type: ignore[index]
        await terminal.type("one ")
        channel = next(channel for channel in office.system.channels.values() if "bob" in channel.name)
        assert channel.tech.send_text(channel, "wait", "text/t140")
        await terminal.type("two")
        await asyncio.sleep(1)
        text = b"".join(shown).decode()
        assert sorted(text) == sorted("one wait\u2028two")
        assert text.replace("wait\u2028", "") == "one two"
        assert {later - earlier & 0xFFFF for earlier, later in itertools.pairwise(sequences)} == {1}
        await call.hang_up()
        await called.ended()
        for socket in (terminal.socket, screen):
            socket.close()

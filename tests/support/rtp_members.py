"""Members of a conference whose voice goes over real sockets, step by step as the test says, whatever the clock does.

room = RtpRoom(system)
alice, bob, carol = (room.member(name) for name in ("alice", "bob", "carol"))
room.steps(20)  # each says its next packet, the mix takes a step, each listens
alice.hears(bob)  -> the numbers of the packets of bob that alice heard, in order
"""

from __future__ import annotations

import audioop
import socket
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from pylibsrtp import Policy, Session

from globstar.core.bridge import Bridge, BridgeMember
from globstar.core.bridgetech import BridgeCapability
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import Format, FormatCapabilities, alaw, slin, ulaw
from globstar.core.frame import Frame, FrameType, digit_begin, digit_end
from globstar.core.mixing import BridgeMix
from globstar.core.rtp_media import RtpVoice
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.dsp.byteorder import exchanged
from globstar.media.engine import RtpEngine
from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, Payload, PayloadKind
from globstar.media.sockets import UdpSockets
from globstar.media.srtp import SrtpContext
from globstar.media.ticker import Ticker
from globstar.proto.sdp.crypto import AES_80, CryptoKey
from tests.support.phone import noise

HOST = "127.0.0.1"
PACKET = 160
#: A packet is heard when it correlates this much with what arrived.
HEARD = 0.42
DIGITS = 101

_TYPES = {"ulaw": 0, "alaw": 8, "slin": 118}
_ENCODE = {"ulaw": lambda data: audioop.lin2ulaw(data, 2), "alaw": lambda data: audioop.lin2alaw(data, 2), "slin": exchanged}
_DECODE = {"ulaw": lambda data: audioop.ulaw2lin(data, 2), "alaw": lambda data: audioop.alaw2lin(data, 2), "slin": exchanged}


class HandTicker(Ticker):
    """A tick that comes when the test says so."""

    def add(self, callback: Any, *, joins: bool = False) -> None:
        self._subscribers[callback] = None

    def tick(self) -> None:
        """One tick."""
        self._tick()


class RtpTech(ChannelTech):
    """A driver that speaks RTP and nothing else."""

    name = "Rtp"

    def __init__(self, session: RtpSession, format: Format) -> None:
        self.session = session
        self.format = format
        self.texts: list[str] = []

    def write(self, channel: Channel, frame: Frame) -> None:
        if frame.type is FrameType.VOICE:
            self.session.send_media(exchanged(frame.data) if self.format.is_slin else frame.data, frame.samples, frame.marker)

    def rtp_voice(self, channel: Channel) -> RtpVoice | None:
        number = _TYPES[self.format.name]
        return RtpVoice(self.session, number, self.format, number, self.format, PACKET)

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        return self.session.send_digit_begin(digit)

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        self.session.send_digit_end(duration_ms or None)
        return True


class RtpMember:
    """A phone with a socket of its own, and the channel that talks to it."""

    def __init__(self, room: RtpRoom, name: str, seed: int, format: Format, seconds: float) -> None:
        self.room = room
        self.format = format
        self.type = _TYPES[format.name]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((HOST, 0))
        session = room.engine.open(HOST)
        assert session is not None
        self.session = session
        voice, digits = Payload(PayloadKind.MEDIA, 8000), Payload(PayloadKind.DIGITS, 8000)
        session.set_payloads({self.type: voice, DIGITS: digits}, send=self.type, clock_rate=8000, digits=(DIGITS, 8000))
        session.set_remote(self.socket.getsockname())
        self.tech = RtpTech(session, format)
        formats = FormatCapabilities([format])
        self.channel = Channel(room.system, self.tech, f"Rtp/{name}", state=ChannelState.UP, native_formats=formats)
        self.digits: list[str] = []
        session.on_media = self._on_media
        session.on_digit_begin = lambda digit: self.channel.deliver(digit_begin(digit))
        session.on_digit_end = self._on_digit
        self.said = noise(seconds, seed, 3000)
        self.number = 0
        self.sequence = 1000 * seed
        self.ssrc = 0xA0000000 + seed
        self.is_quiet = False
        self._seal: Session | None = None
        self._open: Session | None = None
        #: as they came: second octet, sequence number, timestamp, SSRC, payload
        self.heard: list[tuple[int, int, int, int, bytes]] = []
        self.member: BridgeMember = room.bridge.join(self.channel)

    def _on_media(self, payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        data = exchanged(payload) if self.format.is_slin else payload
        frame = Frame(
            FrameType.VOICE, 0, data, format=self.format, samples=PACKET, rtp_time=rtp_time, seq=sequence, marker=marker
        )
        self.channel.deliver(frame)

    def _on_digit(self, digit: str, duration_ms: int) -> None:
        self.digits.append(digit)
        self.channel.deliver(digit_end(digit, duration_ms))

    def secure(self) -> None:
        """Speak SRTP from now on (AES_CM_128_HMAC_SHA1_80)."""
        ours, theirs = bytes(range(30)), bytes(range(100, 130))
        profile = Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        self._seal = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._open = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        context = SrtpContext()
        context.set_receive_key(CryptoKey(1, AES_80, ours))
        context.set_send_key(AES_80, theirs)
        self.session.secure(context)

    @property
    def is_native(self) -> bool:
        """Whether its voice is mixed natively now."""
        return self.session.seat is not None

    def payload(self, number: int) -> bytes:
        """Its packet of that number."""
        samples = self.said[number * PACKET : (number + 1) * PACKET]
        encoded: bytes = _ENCODE[self.format.name](samples.astype("<i2").tobytes())
        return encoded

    def say(self) -> None:
        """Send the next packet."""
        if not self.is_quiet:
            self.send(self.payload(self.number))
        self.number += 1
        self.sequence += 1

    def send(self, payload: bytes, *, kind: int | None = None, sequence: int | None = None, rtp_time: int | None = None) -> None:
        """Send a packet by hand."""
        number = self.sequence if sequence is None else sequence
        second = self.type if kind is None else kind
        when = number * PACKET if rtp_time is None else rtp_time
        header = struct.pack("!BBHII", 0x80, second, number & 0xFFFF, when & 0xFFFFFFFF, self.ssrc)
        data = header + payload
        self.socket.sendto(self._seal.protect(data) if self._seal is not None else data, self.session.local_address)

    def listen(self) -> None:
        """Take what has come."""
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            if self._open is not None:
                data = self._open.unprotect(data)
            _, second, sequence, rtp_time, ssrc = struct.unpack("!BBHII", data[:12])
            self.heard.append((second, sequence, rtp_time, ssrc, data[12:]))

    def samples(self, since: int = 0) -> list[npt.NDArray[np.int16]]:
        """What was heard, packet by packet, from one on."""
        return [
            np.frombuffer(_DECODE[self.format.name](payload), "<i2")
            for second, *_, payload in self.heard[since:]
            if second & 0x7F == self.type
        ]

    def hears(self, other: RtpMember, since: int = 0) -> list[int]:
        """The numbers of the packets of ``other`` that were heard, in order, from a packet of ours on."""
        heard = self.samples(since)
        if not heard:
            return []
        theirs = _normalised(other.said.reshape(-1, PACKET))
        likeness = _normalised(np.array(heard)) @ theirs.T
        return [int(row.argmax()) for row in likeness if row.max() > HEARD]

    def close(self) -> None:
        """Hang up."""
        if not self.channel.is_hung_up:
            self.channel.hangup()
        self.session.close()
        self.socket.close()
        if self in self.room.members:
            self.room.members.remove(self)


class RtpRoom:
    """A conference that takes its steps when the test says so."""

    def __init__(self, system: System, mix: BridgeMix | None = None) -> None:
        self.system = system
        self.ticker = HandTicker(system.loop)
        system.ticker = self.ticker
        self.engine = RtpEngine(system.loop, MediaSettings(), ticker=self.ticker)
        self.bridge = Bridge(system, capabilities=BridgeCapability.MULTIMIX, kind="base", dissolve_on_hangup=False, mix=mix)
        self.members: list[RtpMember] = []
        self._seconds = 4.0

    def member(self, name: str, format: Format = ulaw) -> RtpMember:
        """One more who talks."""
        made = RtpMember(self, name, len(self.members) + 1, format, self._seconds)
        self.members.append(made)
        return made

    def read(self) -> None:
        """Let the loop's poller read what has come to it."""
        assert isinstance(self.engine.sockets, UdpSockets)
        self.engine.sockets.poller._serve(self.system.loop.time())

    def step(self) -> None:
        """All say something, the mix takes a step, all listen."""
        for each in self.members:
            if not each.channel.is_hung_up:
                each.say()
        self.read()
        self.ticker.tick()
        for each in self.members:
            each.listen()

    def steps(self, count: int) -> None:
        """So many steps."""
        for _ in range(count):
            self.step()

    def close(self) -> None:
        """Hang all up."""
        for each in tuple(self.members):
            each.close()
        self.bridge.dissolve()
        self.engine.close()


def _normalised(packets: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    values = packets.astype(np.float32)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1)


__all__ = ["DIGITS", "RtpMember", "RtpRoom", "alaw", "slin", "ulaw"]

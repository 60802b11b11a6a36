"""The RTP of a recorded endpoint: silence while it is in a call, digits as events (RFC 4733) or as tones."""

from __future__ import annotations

import asyncio

from globstar.dsp.dtmf import digit_tone
from globstar.dsp.g711 import linear_to_alaw, linear_to_ulaw
from globstar.media.network import MediaNetwork
from globstar.proto.rtp import EventSender, RtpSender

#: Samples and seconds of a packet.
SAMPLES, STEP = 160, 0.02
_PCMU, _PCMA, _EVENTS = 0, 8, 101


class Talker:
    """One endpoint's RTP, from its port to where the driver wants it."""

    def __init__(self, network: MediaNetwork, port: int) -> None:
        self.socket = network.open("127.0.0.1", port)
        self.target = ("127.0.0.1", 0)
        self.sender = RtpSender(port, 100, 0)
        self._stream: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Send silence from now on, the first packet when it is full."""
        if self._stream is None:
            self._stream = asyncio.ensure_future(self._send_silence())

    def stop(self) -> None:
        """The call is over."""
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    def close(self) -> None:
        """Stop, and give the port back."""
        self.stop()
        self.socket.close()

    async def _send_silence(self) -> None:
        while True:
            await asyncio.sleep(STEP)
            self._send(b"\xff" * SAMPLES)

    def _send(self, payload: bytes, payload_type: int = _PCMU) -> None:
        now = asyncio.get_running_loop().time()
        self.socket.sendto(self.sender.packet(payload, SAMPLES, payload_type, now), self.target)

    async def press(self, digits: str, seconds: float, gap: float) -> None:
        """Digits as events, beside the silence."""
        loop = asyncio.get_running_loop()
        events = EventSender()
        for digit in digits:
            rtp_time = round(loop.time() * 8000) & 0xFFFFFFFF
            packets = events.begin(digit, rtp_time, SAMPLES, loop.time())
            steps = max(round(seconds / STEP), 1)
            for step in range(steps + 1):
                for payload, when, marker in packets:
                    self.socket.sendto(self.sender.packet_at(payload, when, _EVENTS, marker), self.target)
                await asyncio.sleep(STEP)
                packets = (
                    [] if step >= steps else events.update(loop.time()) if step < steps - 1 else events.end(loop.time(), None)
                )
            await asyncio.sleep(gap)

    async def sound(self, digits: str, seconds: float, gap: float, *, is_alaw: bool = False) -> None:
        """Digits as tones, in the place of the silence."""
        is_streaming = self._stream is not None
        self.stop()
        encode, payload_type = (linear_to_alaw, _PCMA) if is_alaw else (linear_to_ulaw, _PCMU)
        for digit in digits:
            tone = digit_tone(digit)
            for _ in range(round(seconds / STEP)):
                self._send(encode(tone.render(SAMPLES)), payload_type)
                await asyncio.sleep(STEP)
            for _ in range(round(gap / STEP)):
                self._send(encode(bytes(2 * SAMPLES)), payload_type)
                await asyncio.sleep(STEP)
        if is_streaming:
            self.start()

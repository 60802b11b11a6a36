"""CPU time per RTP packet: the relay, the generic path through callbacks (budgets: 6 and 20 us), and the floor.

The floor is receive and send of the same packets in the same sockets and poller with nothing in between.

Two-party calls on loopback; the phones are a process of their own, which sends 50 packets a second per phone and
counts what comes back. What is printed is CPU time (user and kernel) of the server process per packet forwarded.

    python -m bench.bench_rtp --calls 100 --seconds 5
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import select
import socket
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from globstar.media.engine import RtpEngine
from globstar.media.relay import Relay
from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, Payload, PayloadKind
from globstar.media.sockets import MediaSocket, UdpSockets
from globstar.net.poller import Poller
from globstar.proto.rtp import RtpSender

PTIME = 0.02
SLOTS = 10
PAYLOADS = {0: Payload(PayloadKind.MEDIA, 8000), 101: Payload(PayloadKind.DIGITS, 8000)}


def phones(pipe: Connection, count: int, seconds: float) -> None:
    """The other process: ``count`` phones that send to the ports they are told."""
    sockets = []
    for _ in range(count):
        phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        phone.bind(("127.0.0.1", 0))
        sockets.append(phone)
    pipe.send([phone.getsockname()[1] for phone in sockets])
    targets = pipe.recv()
    poller = select.epoll()
    by_descriptor = {}
    for phone, port in zip(sockets, targets, strict=True):
        phone.connect(("127.0.0.1", port))
        poller.register(phone.fileno(), select.EPOLLIN)
        by_descriptor[phone.fileno()] = phone
    senders = [RtpSender(index + 1, 0, 0) for index in range(count)]
    payload = bytes(160)
    sent = received = 0
    start = time.monotonic()
    slot = 0
    while (now := time.monotonic()) < start + seconds + 0.3:
        if now < start + seconds:
            for index in range(slot % SLOTS, count, SLOTS):
                sockets[index].send(senders[index].packet(payload, 160, 0, 0.0))
                sent += 1
        slot += 1
        until = start + slot * PTIME / SLOTS
        while True:
            for descriptor, _ in poller.poll(max(until - time.monotonic(), 0)):
                try:
                    by_descriptor[descriptor].recv(2048)
                    received += 1
                except OSError:  # refused by a port that is not open yet
                    continue
            if time.monotonic() >= until:
                break
    pipe.send((sent, received))


def forward_to(other: RtpSession) -> Callable[[int, bytes, int, int, bool], None]:
    """The shortest generic path: every packet is a call of the peer's writer."""

    def on_media(payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        other.send_media(payload, 160, marker)

    return on_media


def copy_to(source: MediaSocket, target: MediaSocket) -> Callable[[float], None]:
    """Nothing but the two system calls."""
    receive, send = source.recv, target.send

    def on_readable(now: float) -> None:
        send(receive(2048))

    return on_readable


async def measure(mode: str, calls: int, seconds: float) -> tuple[float, float, int, int]:
    """CPU microseconds per packet (all, and the kernel's part), packets sent and packets come back."""
    loop = asyncio.get_running_loop()
    sockets = UdpSockets(Poller(loop))
    engine = RtpEngine(loop, MediaSettings(port_start=40000, port_end=59999), sockets=sockets)
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=phones, args=(theirs, 2 * calls, seconds), daemon=True)
    process.start()
    ports = await loop.run_in_executor(None, mine.recv)
    sessions = []
    for port in ports:
        session = engine.open("127.0.0.1")
        if session is None:
            raise SystemExit("no RTP ports")
        session.set_payloads(PAYLOADS, send=0, clock_rate=8000, digits=(101, 8000))
        session.set_remote(("127.0.0.1", port))
        sessions.append(session)
    relays = []
    bare = []
    for index in range(0, len(ports) if mode == "floor" else 0, 2):
        pair = [sockets.open("127.0.0.1", 0), sockets.open("127.0.0.1", 0)]
        for one, port in zip(pair, ports[index : index + 2], strict=True):
            one.connect(("127.0.0.1", port))
        for one, other in (pair, pair[::-1]):
            one.set_reader(copy_to(one, other))
        bare += pair
    for first, second in zip(sessions[::2], sessions[1::2], strict=True):
        if mode == "relay":
            relay = Relay(first, second, {0: 0, 101: 101}, {0: 0, 101: 101})
            relay.join()
            relays.append(relay)
        else:
            first.on_media, second.on_media = forward_to(second), forward_to(first)
    before = resource.getrusage(resource.RUSAGE_SELF)
    mine.send([one.address[1] for one in bare] or [session.local_address[1] for session in sessions])
    sent, received = await loop.run_in_executor(None, mine.recv)
    after = resource.getrusage(resource.RUSAGE_SELF)
    process.join()
    engine.close()
    for one in bare:
        one.close()
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return (user + system) / received * 1e6, system / received * 1e6, sent, received


def main() -> None:
    """Print one line per mode and run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    parser.add_argument("--mode", choices=("floor", "relay", "generic", "all"), default="all")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    else:
        factory = asyncio.new_event_loop
    budgets = {"floor": 0.0, "relay": 6.0, "generic": 20.0}
    for mode in budgets if options.mode == "all" else [options.mode]:
        totals = []
        for _ in range(options.runs):
            with asyncio.Runner(loop_factory=factory) as runner:
                total, kernel, sent, received = runner.run(measure(mode, options.calls, options.seconds))
            totals.append(total)
            print(f"{mode:8} {total:6.2f} us/packet (kernel {kernel:5.2f}); {sent} sent, {received} came back")
        print(
            f"{mode:8} median {statistics.median(totals):.2f} us/packet at {options.calls} calls on {options.loop}"
            + (f"; budget {budgets[mode]:.0f}" if budgets[mode] else "")
        )


if __name__ == "__main__":
    main()

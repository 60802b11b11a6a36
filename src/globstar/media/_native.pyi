"""The native relay: see ``_native.pyx``."""

from globstar.media.relay import RelayPath

Arrivals = tuple[tuple[int, float], ...]
Numbers = tuple[int, int, int, int, int, float | None, float, float, int, int, int, int, int, Arrivals]
Digit = tuple[NativePath, int, bytes, int, float]
Parked = tuple[NativePath, bytes, float, tuple[str, int] | None]

class CipherFault(Exception): ...

class Cipher:
    address: int
    def __init__(self, session: object, pointer: int, rtp: int, rtcp: int, mki: int = 0, tag: int = 0) -> None: ...
    def rtp(self, packet: bytes) -> bytes: ...
    def rtcp(self, packet: bytes) -> bytes: ...
    def refused(self) -> tuple[int, int]: ...

class KeptPackets:
    def put(self, data: bytes) -> None: ...
    def get(self, number: int) -> bytes | None: ...
    def clear(self) -> None: ...

class NativePath:
    owner: RelayPath

class RelayThread:
    def __init__(self, longest_wait: float = 0.004, wants_ring: bool = True, gathers_from: float = 2000) -> None: ...
    @property
    def uses_ring(self) -> bool: ...
    @property
    def ring_refusal(self) -> int: ...
    @property
    def notify_descriptor(self) -> int: ...
    @property
    def wakeups(self) -> int: ...
    @property
    def pauses(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def digits_missed(self) -> int: ...
    def counts(self) -> tuple[int, int, int, int]: ...
    def __len__(self) -> int: ...
    def stop(self) -> None: ...
    def run(self) -> None: ...
    def add(
        self,
        native: NativePath,
        descriptor: int,
        output: int,
        table: bytes,
        clocks: bytes,
        sees_digits: bool,
        opens: Cipher | None,
        seals: Cipher | None,
        comes_from: tuple[str, int] | None,
        goes_to: tuple[str, int] | None,
        channel_in: int = 0,
        channel_out: int = 0,
        first: NativePath | None = None,
        *,
        names: int = 0,
        name: bytes = b"",
        asks: bool = False,
        keeps: KeptPackets | None = None,
        arrivals: int = 0,
    ) -> None: ...
    def remove(self, native: NativePath) -> tuple[list[Digit], Parked | None]: ...
    def take(self) -> tuple[list[Digit], list[Parked], list[NativePath]]: ...
    def put(
        self,
        native: NativePath,
        source: int,
        ssrc: int,
        highest: int,
        cycles: int,
        shift_sequence: int,
        shift_time: int,
        rtp_time: int,
        received: int,
        octets: int,
        transit: float | None,
        jitter: float,
        last_received: float,
        history: int,
        regular_since: int,
    ) -> None: ...
    def resume(self, native: NativePath) -> None: ...
    def get(self, natives: list[NativePath]) -> list[Numbers]: ...

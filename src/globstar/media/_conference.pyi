"""The native conference: see ``_conference.pyx``."""

from globstar.dsp.encoding import Encoding, Sums
from globstar.media.conference import SeatedStream
from globstar.media.sockets import Address

Returned = tuple[
    int, int, int, int, float | None, float, float,
    int, int, int, float, int, int, int,
]  # fmt: skip

class Seat:
    owner: SeatedStream
    stands: bool
    dropped: int
    held: int
    is_lent: bool
    def __init__(
        self,
        owner: SeatedStream,
        samples: int,
        interval_ms: int,
        reads: Encoding,
        writes: Encoding,
        conditions: tuple[tuple[object, str, object], ...],
        empties: tuple[list[object], ...],
        *,
        swaps_in: bool = False,
        swaps_out: bool = False,
    ) -> None: ...
    def connect(
        self,
        descriptor: int,
        comes_from: Address | None,
        goes_to: Address | None,
        table: bytes,
        clocks: bytes,
        opens: int,
        seals: int,
        kept: object,
        type: int,
    ) -> None: ...
    def set_mix(
        self,
        is_muted: bool,
        is_deaf: bool,
        gain_in: float,
        gain_out: float,
        detects: bool,
        drops_silence: bool,
        threshold: int,
        silence_ms: int,
    ) -> None: ...
    def store(self, data: bytes) -> None: ...
    def fill(self, data: bytes, least: int, steps: int, dropped: int, is_talking: bool, quiet_ms: int) -> None: ...
    def content(self) -> tuple[bytes, int, int, int, bool, int]: ...
    def lend(
        self,
        source: int,
        highest: int,
        cycles: int,
        received: int,
        octets: int,
        transit: float | None,
        jitter: float,
        last_received: float,
        may_send: bool,
        ssrc: int,
        sequence: int,
        rtp_time: int,
        last_rtp_time: int,
        last_time: float,
        packets: int,
        sent_octets: int,
    ) -> None: ...
    def take_back(self) -> Returned | None: ...

class Table:
    samples: int
    packets_in: int
    packets_out: int
    has_unread: bool
    seats: tuple[Seat, ...]
    def __init__(self, samples: int) -> None: ...
    def __len__(self) -> int: ...
    def add(self, seat: Seat) -> None: ...
    def remove(self, seat: Seat) -> None: ...
    def fallen(self) -> list[Seat]: ...
    def returned(self) -> list[Seat]: ...
    def begin(self) -> None: ...
    def read(self) -> list[tuple[Seat, bytes, float, Address | None]]: ...
    def drain(self, seat: Seat) -> list[tuple[bytes, float, Address | None]]: ...
    def mix(self, total: Sums) -> tuple[int, list[tuple[Seat, bool]]]: ...
    def send(self, total: Sums, now: float) -> list[tuple[Seat, bytes]]: ...

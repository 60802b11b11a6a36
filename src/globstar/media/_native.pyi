"""The native relay: see ``_native.pyx``."""

from globstar.media.relay import RelayPath

Numbers = tuple[int, int, int, int, int, float | None, float, float, int]

class NativePath:
    owner: RelayPath

class RelayThread:
    wakeups: int
    packets: int
    @property
    def notify_descriptor(self) -> int: ...
    def __len__(self) -> int: ...
    def stop(self) -> None: ...
    def run(self) -> None: ...
    def add(self, native: NativePath, descriptor: int, output: int, table: bytes, clocks: dict[int, int]) -> None: ...
    def remove(self, native: NativePath) -> tuple[bytes, float] | None: ...
    def take_parked(self) -> list[tuple[NativePath, bytes, float]]: ...
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
    ) -> None: ...
    def resume(self, native: NativePath) -> None: ...
    def get(self, native: NativePath) -> Numbers: ...

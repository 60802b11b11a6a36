"""What is left of finished transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.layer import Key, TransactionLayer


class Remnant:
    """A finished transaction in its table: enough to repeat one message until ``deadline``.

    It is its own entry in the queue of timers. At 1,000 calls a second 64,000 of them stand, and each object more in each of
    them is one more that the cyclic collector walks over.
    """

    __slots__ = ("data", "deadline", "flow", "is_client", "key", "layer", "local_tag", "name")

    def __init__(
        self,
        layer: TransactionLayer,
        key: Key,
        data: bytes,
        flow: Flow,
        *,
        is_client: bool = False,
        local_tag: str = "",
    ) -> None:
        self.layer = layer
        self.key = key
        self.data = data
        self.flow = flow
        self.is_client = is_client
        self.local_tag = local_tag
        self.deadline = 0.0
        self.name = ""

    def callback(self, now: float) -> None:
        """Leave the table; called at the deadline."""
        self.layer.drop(self)

"""Service ``call completion``: all transactions of a system, and what they need to know of devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.callcompletion import DEFAULTS, CompletionWatch, parameters_of
from globstar.core.devicestate import DeviceState, device_of
from globstar.modules.builtin.ccss.settings import CompletionSettings, read_completion
from globstar.modules.builtin.ccss.transaction import RECALL, REQUESTED, Recall, Stage, Transaction

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

DEVICE_PREFIX = "ccss"
_DIALLED = "call completion begun"


class CompletionService:
    """See :class:`globstar.core.callcompletion.CallCompletion`. While there are no transactions it listens to nothing."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.loop = system.loop
        self.settings = CompletionSettings()
        self.transactions: dict[int, Transaction] = {}
        self._last_id = 0
        self._unsubscribe: list[Callable[[], None]] = []

    def load(self) -> None:
        """Read ccss.conf; transactions under way keep what they have."""
        self.settings = read_completion(self.system.configuration.read("ccss.conf"))
        self.system.services[DEFAULTS] = self.settings.parameters
        if not self.settings.is_enabled:
            self.cancel_all()

    def __iter__(self) -> Iterator[Transaction]:
        return iter(list(self.transactions.values()))

    # -- Dial --------------------------------------------------------------------------------------------------------------

    def watch(self, caller: Channel) -> CompletionWatch | None:
        """See CallCompletion."""
        if not self.settings.is_enabled:
            return None
        recalled: Transaction | None = caller.data.get(RECALL)
        if recalled is not None:
            return Recall(recalled) if recalled.stage is Stage.RECALLING else None
        if caller.tech.name == "Local":  # a Dial inside a Local channel belongs to the call that dialled that
            return next((one for one in self._available() if one.caller is not None and _is_one_call(one.caller, caller)), None)
        if not parameters_of(caller).is_offered or _DIALLED in caller.data:
            return None
        caller.data[_DIALLED] = True  # what a call dials after its first Dial is no matter of its completion
        self._last_id += 1
        transaction = Transaction.begin(self, self._last_id, caller)
        self._listen()
        self.transactions[transaction.core_id] = transaction
        return transaction

    def _available(self) -> Iterator[Transaction]:
        return (one for one in self if one.stage is Stage.AVAILABLE)

    # -- the caller --------------------------------------------------------------------------------------------------------

    def may_offer(self, transaction: Transaction) -> bool:
        """Whether the caller can have one more transaction. One that was only offered makes way for this one."""
        others = [one for one in self if one is not transaction and one.device == transaction.device]
        for other in others:
            if other.stage is Stage.OFFERED:
                other.fail("another call was offered to be completed")
        requested = sum(other.stage in REQUESTED for other in others)
        return requested < transaction.parameters.cc_max_agents

    def request(self, channel: Channel) -> str:
        """The caller on ``channel`` asks for the completion of its last call; "" if that is done, else CC_REQUEST_REASON."""
        found = self._latest(channel, (Stage.OFFERED, Stage.AVAILABLE))
        if found is None:
            return "NO_CORE_INSTANCE"
        if not found.monitors:
            return "UNSPECIFIED"
        requested = [one for one in self if one.stage in REQUESTED]
        own = sum(one.device == found.device for one in requested)
        if len(requested) >= self.settings.max_requests or own >= found.parameters.cc_max_agents:
            return "TOO_MANY_REQUESTS"
        found.request()
        return ""

    def cancel(self, channel: Channel) -> str:
        """The caller on ``channel`` takes its last request back; "" if that is done, else CC_CANCEL_REASON."""
        found = self._latest(channel, REQUESTED)
        if found is None:
            return "NO_CORE_INSTANCE"
        found.fail("the caller took the request back")
        return ""

    def _latest(self, channel: Channel, stages: tuple[Stage, ...]) -> Transaction | None:
        device = device_of(channel)
        found = [one for one in self if one.device == device and one.stage in stages]
        return found[-1] if found else None

    # -- the called parties ------------------------------------------------------------------------------------------------

    def monitors_of(self, device: str) -> int:
        """How many transactions wait for a device, or may."""
        return sum(device in one.monitors for one in self)

    def is_taken(self, device: str, by_another_than: Transaction) -> bool:
        """Whether another caller is being called back for a device."""
        return any(
            one is not by_another_than and device in one.monitors and one.stage in (Stage.CALLEE_READY, Stage.RECALLING)
            for one in self
        )

    def state(self, device: str) -> DeviceState:
        """The state of a device; when it is another one, :meth:`_device_changed` is called."""
        return self.system.device_states.follow(device)

    # -- the list ----------------------------------------------------------------------------------------------------------

    def drop(self, transaction: Transaction) -> None:
        """A transaction is over; who waits for the same party may have its turn now."""
        if self.transactions.pop(transaction.core_id, None) is None:
            return
        transaction.close()
        self.changed(transaction.device)
        if not self.transactions:
            for unsubscribe in self._unsubscribe:
                unsubscribe()
            self._unsubscribe.clear()
        for other in self:
            other.look()

    def cancel_all(self) -> None:
        """Give up every transaction."""
        for transaction in self:
            transaction.fail("the administrator cancelled it")

    def _listen(self) -> None:
        if self._unsubscribe:
            return
        bus = self.system.bus
        self._unsubscribe = [
            bus.subscribe(events.ChannelHungUp, self._hung_up),
            bus.subscribe(events.DeviceStateChanged, self._device_changed),
        ]

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        channel = event.channel
        recalled: Transaction | None = channel.data.get(RECALL)
        if recalled is not None:
            recalled.recall_ended()
        for transaction in self:
            if transaction.caller is channel:
                transaction.call_ended()

    def _device_changed(self, event: events.DeviceStateChanged) -> None:
        if event.device.startswith(f"{DEVICE_PREFIX}:"):
            return
        for transaction in self:
            transaction.look(event.device)

    # -- hints -------------------------------------------------------------------------------------------------------------

    def device_state(self, device: str) -> DeviceState:
        """The state of ``ccss:device``: that of its last transaction."""
        wanted = device.lower()
        found = [one for one in self if one.device.lower() == wanted]
        return self.settings.states[found[-1].stage.value] if found else DeviceState.UNKNOWN

    def changed(self, device: str) -> None:
        """A transaction of a caller went on."""
        self.system.device_states.changed(f"{DEVICE_PREFIX}:{device}")


def _is_one_call(caller: Channel, inner: Channel) -> bool:
    return caller is not inner and caller.linked_id == inner.linked_id

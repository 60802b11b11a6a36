"""One call to be completed: from the call that failed, over the caller's request, to the call back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.callcompletion import CompletionParameters, parameters_of
from globstar.core.channel import Channel
from globstar.core.devicestate import DeviceState, device_of
from globstar.core.dialing import Origination, originate
from globstar.core.party import PartyId
from globstar.modules.builtin.ccss.events import CompletionChanged

if TYPE_CHECKING:
    from globstar.modules.builtin.ccss.service import CompletionService

logger = Logger("ccss")

#: Key in ``channel.data`` of the :class:`Transaction` that a call back belongs to.
RECALL = "call completion recall"


class Stage(Enum):
    """Where a transaction is; the values are what ``cc_<name>_devstate`` of ccss.conf calls it."""

    AVAILABLE = "available"
    OFFERED = "offered"
    CALLER_REQUESTED = "caller_requested"
    ACTIVE = "active"
    CALLEE_READY = "callee_ready"
    CALLER_BUSY = "caller_busy"
    RECALLING = "recalling"
    COMPLETE = "complete"
    FAILED = "failed"


STAGE_TEXT = {
    Stage.AVAILABLE: "CC is available",
    Stage.OFFERED: "CC offered to caller",
    Stage.CALLER_REQUESTED: "CC requested by caller",
    Stage.ACTIVE: "CC accepted by callee",
    Stage.CALLEE_READY: "Callee has become available",
    Stage.CALLER_BUSY: "Callee was ready, but caller is now unavailable",
    Stage.RECALLING: "Caller is attempting to recall",
    Stage.COMPLETE: "CC is complete",
    Stage.FAILED: "CC has failed",
}
#: The stages after a request.
REQUESTED = (Stage.CALLER_REQUESTED, Stage.ACTIVE, Stage.CALLEE_READY, Stage.CALLER_BUSY, Stage.RECALLING)
_NEXT: dict[Stage, tuple[Stage, ...]] = {
    Stage.AVAILABLE: (Stage.OFFERED, Stage.CALLER_REQUESTED, Stage.FAILED),
    Stage.OFFERED: (Stage.CALLER_REQUESTED, Stage.FAILED),
    Stage.CALLER_REQUESTED: (Stage.ACTIVE, Stage.FAILED),
    Stage.ACTIVE: (Stage.CALLEE_READY, Stage.FAILED),
    Stage.CALLEE_READY: (Stage.CALLER_BUSY, Stage.RECALLING, Stage.FAILED),
    Stage.CALLER_BUSY: (Stage.ACTIVE, Stage.FAILED),
    Stage.RECALLING: (Stage.COMPLETE, Stage.FAILED),
    Stage.COMPLETE: (),
    Stage.FAILED: (),
}
_FREE = (DeviceState.NOT_INUSE, DeviceState.UNKNOWN)
_USED = (DeviceState.INUSE, DeviceState.BUSY, DeviceState.RINGINUSE, DeviceState.ONHOLD)


@dataclass(slots=True, eq=False)
class Monitor:
    """A called party that is waited for. CCBS: until it is free; CCNR: until it was used and is free."""

    device: str
    dial_string: str
    service: str
    parameters: CompletionParameters
    was_used: bool = False
    timer: asyncio.TimerHandle | None = None

    def is_ready(self, state: DeviceState) -> bool:
        """Whether the party can be called now, its device being in ``state``."""
        self.was_used = self.was_used or state in _USED
        return state in _FREE and (self.service == "CCBS" or self.was_used)

    @property
    def available_timer(self) -> int:
        """Seconds that it is waited for."""
        return self.parameters.ccbs_available_timer if self.service == "CCBS" else self.parameters.ccnr_available_timer


@dataclass(slots=True, eq=False)
class Transaction:
    """One core instance. Also what Dial tells of the first call, see ``CompletionWatch``."""

    service: CompletionService
    core_id: int
    #: the call that may fail, None when it is over
    caller: Channel | None
    device: str
    party: PartyId
    context: str
    extension: str
    parameters: CompletionParameters
    stage: Stage = Stage.AVAILABLE
    monitors: dict[str, Monitor] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None
    _task: asyncio.Task[None] | None = None

    @classmethod
    def begin(cls, service: CompletionService, core_id: int, caller: Channel) -> Transaction:
        """Dial begins on ``caller``."""
        return cls(
            service, core_id, caller, device_of(caller), caller.caller.id.copy(), caller.context,
            caller.macro_extension or caller.extension, parameters_of(caller),
        )  # fmt: skip

    @property
    def callee(self) -> str:
        """What was dialled: ``200@phones``."""
        return f"{self.extension}@{self.context}"

    # -- while the call is under way -------------------------------------------------------------------------------------

    def selects(self, dial_string: str) -> bool:
        """See CompletionWatch."""
        return True

    def rings(self, callee: Channel, dial_string: str) -> None:
        """See CompletionWatch."""
        if device_of(callee) not in self.monitors:
            self._may_wait_for(callee, dial_string, "CCNR")

    def is_busy(self, callee: Channel, dial_string: str) -> None:
        """See CompletionWatch."""
        self._may_wait_for(callee, dial_string, "CCBS")

    def is_answered(self) -> None:
        """See CompletionWatch."""
        if self.stage is Stage.AVAILABLE:
            self.service.drop(self)

    def _may_wait_for(self, callee: Channel, dial_string: str, service: str) -> None:
        parameters = parameters_of(callee)
        if self.stage is not Stage.AVAILABLE or not parameters.is_monitored:
            return
        device = device_of(callee)
        if device not in self.monitors and self.service.monitors_of(device) >= parameters.cc_max_monitors:
            logger.verbose(3, f"{device} is waited for by {parameters.cc_max_monitors} others already")
            return
        self.monitors[device] = Monitor(device, dial_string, service, parameters)
        self._tell("CCAvailable", ("Callee", device), ("Service", service))

    def call_ended(self) -> None:
        """The caller hung up: offer to complete the call, if somebody can be waited for."""
        self.caller = None
        if self.stage is not Stage.AVAILABLE:
            return
        if not self.monitors or not self.service.may_offer(self):
            self.service.drop(self)
            return
        self._enter(Stage.OFFERED)
        seconds = self.parameters.cc_offer_timer
        self._timer = self.service.loop.call_later(seconds, self.fail, "the caller did not ask in time")
        self._tell("CCOfferTimerStart", ("Caller", self.device), ("Expires", str(seconds)))

    # -- from the request on ---------------------------------------------------------------------------------------------

    def request(self) -> None:
        """The caller asks to be called back."""
        self._stop_timer()
        self._enter(Stage.CALLER_REQUESTED)
        self._tell("CCRequested", ("Caller", self.device), ("Callee", self.callee))
        for monitor in self.monitors.values():
            monitor.timer = self.service.loop.call_later(monitor.available_timer, self._never_free, monitor)
        self._enter(Stage.ACTIVE)
        self._tell("CCRequestAcknowledged", ("Caller", self.device))
        self.look()

    def look(self, device: str = "") -> None:
        """A device changed, or any may have: go on if caller and called party are free now."""
        if self.stage is Stage.CALLER_BUSY and device in ("", self.device) and self._is_caller_free():
            self._enter(Stage.ACTIVE)
            self._tell("CCCallerStartMonitoring", ("Caller", self.device))
            device = ""
        for monitor in self.monitors.values():
            if device in ("", monitor.device) and self.stage in (Stage.ACTIVE, Stage.CALLER_BUSY):
                is_ready = monitor.is_ready(self.service.state(monitor.device))
                if is_ready and self.stage is Stage.ACTIVE and not self.service.is_taken(monitor.device, self):
                    self._callee_ready()

    def _callee_ready(self) -> None:
        self._enter(Stage.CALLEE_READY)
        if self._is_caller_free():
            self._enter(Stage.RECALLING)
            self._tell("CCCallerRecalling", ("Caller", self.device))
            self._task = self.service.system.tasks.start(self._recall(), name=f"call completion {self.core_id}")
        else:
            self._enter(Stage.CALLER_BUSY)
            self._tell("CCCallerStopMonitoring", ("Caller", self.device))

    def _is_caller_free(self) -> bool:
        return self.service.state(self.device) in _FREE

    def _never_free(self, monitor: Monitor) -> None:
        """A called party was waited for long enough."""
        if self.stage is Stage.RECALLING:
            return
        self.monitors.pop(monitor.device, None)
        self._tell("CCMonitorFailed", ("Callee", monitor.device))
        if not self.monitors:
            self.fail("the called party did not become free in time")

    async def _recall(self) -> None:
        """Call the caller back; who answers runs the dialplan as it did at first."""
        what = Origination(
            dial_string=self.parameters.cc_agent_dialstring or self.device,
            context=self.context,
            extension=self.extension,
            timeout=self.parameters.cc_recall_timer,
            variables=[
                ("CC_INTERFACES", "&".join(monitor.dial_string for monitor in self.monitors.values())),
                ("CC_EXTEN", self.extension),
                ("CC_CONTEXT", self.context),
            ],
            shown_party=PartyId.of(None, self.extension),
            subroutine=self.parameters.cc_callback_sub,
        )
        result = await originate(self.service.system, what)
        channel = result.channel
        if channel is None:
            self.fail("the caller did not take the call back")
            return
        if not channel.caller.id.number.valid:
            channel.caller.id = self.party.copy()
        channel.data[RECALL] = self

    def recall_ended(self) -> None:
        """The channel of the call back is gone."""
        if self.stage is Stage.RECALLING:
            self.fail("the call back was not answered")

    def complete(self) -> None:
        """The called party took the call back."""
        if self.stage is Stage.RECALLING:
            self._enter(Stage.COMPLETE)
            self._tell("CCRecallComplete", ("Caller", self.device))
            self.service.drop(self)

    def fail(self, reason: str) -> None:
        """Give up."""
        if self.stage in (Stage.COMPLETE, Stage.FAILED):
            return
        self._enter(Stage.FAILED)
        self._tell("CCFailure", ("Caller", self.device), ("Reason", reason))
        logger.verbose(3, f"call completion {self.core_id} for {self.device}: {reason}")
        self.service.drop(self)

    def close(self) -> None:
        """Nothing more happens. Called by the service."""
        self._stop_timer()
        for monitor in self.monitors.values():
            if monitor.timer is not None:
                monitor.timer.cancel()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            self._task = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _enter(self, stage: Stage) -> None:
        assert stage in _NEXT[self.stage], f"{self.stage.name} to {stage.name}"
        self.stage = stage
        self.service.changed(self.device)

    def _tell(self, name: str, *fields: tuple[str, str]) -> None:
        self.service.system.bus.publish(CompletionChanged(name, self.core_id, fields))


@dataclass(slots=True, eq=False)
class Recall:
    """The call back, as Dial sees it; see ``CompletionWatch``."""

    transaction: Transaction

    def selects(self, dial_string: str) -> bool:
        """See CompletionWatch."""
        return any(monitor.dial_string == dial_string for monitor in self.transaction.monitors.values())

    def rings(self, callee: Channel, dial_string: str) -> None:
        """The party that was waited for rings."""
        logger.verbose(4, f"call completion {self.transaction.core_id}: {callee.name} rings")

    def is_busy(self, callee: Channel, dial_string: str) -> None:
        """Somebody else was faster; the end of the call back is the end of the transaction."""
        logger.verbose(3, f"call completion {self.transaction.core_id}: {callee.name} is busy again")

    def is_answered(self) -> None:
        """See CompletionWatch."""
        self.transaction.complete()

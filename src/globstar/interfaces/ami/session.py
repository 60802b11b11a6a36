"""One client: what it sent, what it may do, what it is told. Knows no socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence

from globstar.base.log import Logger
from globstar.core.manager import (
    ALL,
    NONE,
    PROTOCOL_VERSION,
    ActionFault,
    ActionRequest,
    Answer,
    ManagerActionSpec,
    Permission,
    failure,
)
from globstar.core.security import SecurityEventType, address_text
from globstar.interfaces.ami.filters import FilterSet
from globstar.interfaces.ami.hub import ManagerHub, Output
from globstar.interfaces.ami.settings import ManagerUser
from globstar.interfaces.ami.wire import ActionReader, BadMessage, Headers, answer_text, encode, event_text

logger = Logger("manager")

#: Actions that may wait while one runs; then the client is not read until they are done.
MOST_WAITING = 64
Address = tuple[str, int]


class Session:
    """A connected client. ``receive`` takes its bytes, ``output`` its answers; actions run one after the other."""

    def __init__(self, hub: ManagerHub, output: Output, *, local: Address, remote: Address, transport: str = "TCP") -> None:
        self.hub = hub
        self.system = hub.system
        self.output = output
        self.local, self.remote, self.transport = local, remote, transport
        self.opened_wall = self.system.wall_time()
        self.number = hub.add(self)
        self.identity = f"0x{self.number:x}"
        self.user: ManagerUser | None = None
        self.account = ""
        self.challenge = ""
        self.read = NONE
        self.write = NONE
        #: what of ``read`` the client wants now
        self.mask = ALL
        self.wanted = NONE
        #: the same as a number, which every event is compared with
        self.wanted_bits = 0
        self.filters = FilterSet()
        self.variables: Sequence[tuple[str, str]] = ()
        self.is_open = True
        self.actions = 0
        self._reader = ActionReader()
        self._waiting: deque[Headers | BadMessage] = deque()
        self._running: asyncio.Task[None] | None = None
        #: events that wait until the action that runs is answered
        self._held: list[bytes] | None = None
        #: set when an event was told, for WaitEvent
        self.event_told = asyncio.Event()

    @property
    def is_logged_in(self) -> bool:
        """Whether the client has proved who it is."""
        return self.user is not None

    @property
    def local_text(self) -> str:
        """Our address, as security events have it."""
        return address_text(self.transport, *self.local)

    @property
    def remote_text(self) -> str:
        """The client's."""
        return address_text(self.transport, *self.remote)

    def greet(self) -> None:
        """The banner."""
        self.output.write(f"Asterisk Call Manager/{PROTOCOL_VERSION}\r\n".encode())

    # -- from the client -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Bytes of the client."""
        self._waiting.extend(self._reader.receive_data(data))
        self._work()

    def _work(self) -> None:
        while self._waiting and self._running is None and self.is_open:
            self.perform(self._waiting.popleft())
        self.output.set_reading(len(self._waiting) < MOST_WAITING)

    def perform(self, message: Headers | BadMessage) -> None:
        """Do one action: answer it now, or start a task that will."""
        if isinstance(message, BadMessage):
            self.reply(failure(str(message)), "")
            return
        request = ActionRequest(self.system, self, "", message)
        request.name = request.get("Action")
        self.actions += 1
        self._held = []
        try:
            answer = self._begin(request)
        finally:
            held, self._held = self._held, None
        if isinstance(answer, Answer):
            self.reply(answer, request.action_id)
        else:
            self._running = self.hub.tasks.start(self._finish(answer, request), name=f"{self.account} {request.name}")
        for data in held:
            self.tell(data)

    def _begin(self, request: ActionRequest) -> Answer | Awaitable[Answer]:
        spec = self._allowed(request)
        if isinstance(spec, Answer):
            return spec
        try:
            return spec.handler(request)
        except ActionFault as fault:
            return failure(str(fault))
        except Exception as error:  # a bug in one action ends this action only
            logger.error(f"action {request.name} failed", exception=error)
            return failure("Internal error")

    def _allowed(self, request: ActionRequest) -> ManagerActionSpec | Answer:
        """The action, or why it is refused."""
        if not request.name:
            self.hub.report(self, SecurityEventType.REQUEST_BAD_FORMAT, self.account, RequestType="Action: NONE")
            return failure("Missing action in request")
        spec: ManagerActionSpec | None = self.system.registry("manager action").get(request.name)
        kind = f"Action: {request.name}"
        if not self.is_logged_in and (spec is None or not spec.is_open):
            self.hub.report(self, SecurityEventType.REQUEST_NOT_ALLOWED, self.account, RequestType=kind)
            return failure("Permission denied")
        if spec is None:
            self.hub.report(self, SecurityEventType.REQUEST_BAD_FORMAT, self.account, RequestType=kind)
            text = f"Invalid/unknown command: {request.name}. Use Action: ListCommands to show available commands."
            return failure(text)
        if spec.permissions and not spec.permissions & self.write:
            self.hub.report(self, SecurityEventType.REQUEST_NOT_ALLOWED, self.account, RequestType=kind)
            return failure("Permission denied")
        return spec

    async def _finish(self, waiting: Awaitable[Answer], request: ActionRequest) -> None:
        try:
            answer = await waiting
        except ActionFault as fault:
            answer = failure(str(fault))
        except Exception as error:  # a bug in one action ends this action only
            logger.error(f"action {request.name} failed", exception=error)
            answer = failure("Internal error")
        self.reply(answer, request.action_id)
        self._running = None
        self._work()

    # -- to the client -------------------------------------------------------------------------------------------------

    def reply(self, answer: Answer, action_id: str) -> None:
        """Send an answer."""
        if not self.is_open:
            return
        if not answer.is_silent:
            self.output.write(encode(answer_text(answer, action_id)))
        if answer.then is not None:
            answer.then()
        if answer.is_last:
            self.end()

    @property
    def has_events_waiting(self) -> bool:
        """Whether events wait for the client to ask for them; on a stream they are sent."""
        return False

    def longest_wait(self, seconds: int) -> int:
        """How long WaitEvent waits that asks for ``seconds``; -1: for ever."""
        return seconds

    def tell(self, data: bytes) -> None:
        """Send an event, after the answer of the action that caused it."""
        if self._held is not None:
            self._held.append(data)
        elif self.is_open:
            self.output.write(data)
            self.event_told.set()

    def tell_texts(self, texts: Sequence[str]) -> None:
        """Send events that are kept as text."""
        for text in texts:
            self.tell(encode(f"{text}\r\n"))

    # -- login and end -------------------------------------------------------------------------------------------------

    def log_in(self, user: ManagerUser, mask: Permission | None) -> None:
        """The client is ``user`` from now on."""
        self.user, self.account = user, user.name
        self.read, self.write = user.options.reads, user.options.writes
        self.variables = tuple(user.options.variables)
        self.filters = user.options.filters.copy()
        if user.options.displayconnects:
            logger.verbose(2, f"Manager '{user.name}' logged on from {self.remote[0]}")
        self.set_mask(ALL if mask is None else mask)

    def logged_in(self) -> None:
        """After the answer to the login: what a new client is told."""
        if self.system.is_booted and self.wanted & Permission.SYSTEM:
            event = self.hub.fully_booted()
            text = event_text(event)
            if not self.filters or self.filters.passes(event.name, text):
                self.tell(encode(f"{text}\r\n"))
        self.hub.report(self, SecurityEventType.SUCCESSFUL_AUTH, self.account, UsingPassword="0")

    def set_mask(self, mask: Permission) -> None:
        """Want these classes of events from now on."""
        self.mask = mask
        self.wanted = self.read & mask if self.is_logged_in else NONE
        self.wanted_bits = int(self.wanted)
        self.hub.listen_as_needed()

    def end(self) -> None:
        """End the connection after what was said."""
        self.output.close()
        self.ended()

    def ended(self) -> None:
        """The connection is gone."""
        if not self.is_open:
            return
        self.is_open = False
        self.wanted, self.wanted_bits = NONE, 0
        self._waiting.clear()
        if self._running is not None and self._running is not asyncio.current_task():
            self._running.cancel()
        self.hub.remove(self)
        if self.user is not None and self.user.options.displayconnects:
            logger.verbose(2, f"Manager '{self.account}' logged off from {self.remote[0]}")

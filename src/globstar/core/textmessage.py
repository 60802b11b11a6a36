"""Text messages outside of calls: the bus between the technologies that carry them and the dialplan."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.pbx import run_pbx
from globstar.core.tech import ChannelTech

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("message")

#: Name of the service.
SERVICE = "messaging"
#: Key of a channel's message in ``channel.data``.
MESSAGE = "text message"
#: Messages that may wait for the dialplan.
QUEUE_LIMIT = 1000


@dataclass(slots=True)
class MessageDatum:
    """A value that goes with a message (a header of its protocol). ``is_outbound``: it goes out with the message, too."""

    value: str
    is_outbound: bool = False


@dataclass(slots=True)
class TextMessage:
    """A message, received or to be sent. ``data`` is by name; the names' case does not matter to the readers."""

    to: str = ""
    from_: str = ""
    body: str = ""
    context: str = "default"
    extension: str = "s"
    technology: str = ""
    endpoint: str = ""
    data: dict[str, MessageDatum] = field(default_factory=dict)

    def find(self, name: str) -> MessageDatum | None:
        """A datum by its name in any case."""
        found = self.data.get(name)
        if found is None:
            wanted = name.lower()
            found = next((datum for key, datum in self.data.items() if key.lower() == wanted), None)
        return found

    @property
    def outbound(self) -> list[tuple[str, str]]:
        """What goes out with the message."""
        return [(name, datum.value) for name, datum in self.data.items() if datum.is_outbound]


#: Sends a message to a destination (without the technology's prefix) with these From and To, "" for what the message says.
#: False if it cannot be sent.
Sender = Callable[[TextMessage, str, str, str], bool]
#: Takes a received message before the dialplan does; True if it did.
Handler = Callable[[TextMessage], bool]


class MessageTech(ChannelTech):
    """The channel that runs the dialplan for messages, one after the other; each message finds it as new."""

    name = "Message"
    description = "Message"
    is_internal = True
    is_standing = True

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        """There is nobody to hear it."""
        return True

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """There is nobody to hear it."""
        return True

    def indicate(self, channel: Channel, condition: Any, data: Any = b"") -> bool:
        """There is nobody to hear it."""
        return True

    def write(self, channel: Channel, frame: Any) -> None:
        """There is nobody to hear it."""


class MessageBus:
    """Takes messages from the technologies, gives them to the dialplan one after the other, and sends the dialplan's."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.senders: dict[str, Sender] = {}
        self.handlers: list[Handler] = []
        self.delivered = 0
        self.dropped = 0
        self._tech = MessageTech()
        self._waiting: deque[TextMessage] = deque()
        self._task: asyncio.Task[Any] | None = None
        #: the unique id of the channel, once there was a message
        self._unique_id = ""

    # -- technologies ------------------------------------------------------------------------------------------------

    def register(self, technology: str, sender: Sender) -> Callable[[], None]:
        """Let ``technology:destination`` be sent by ``sender``; the result undoes it."""
        self.senders[technology.lower()] = sender

        def unregister() -> None:
            if self.senders.get(technology.lower()) is sender:
                del self.senders[technology.lower()]

        return unregister

    def add_handler(self, handler: Handler) -> Callable[[], None]:
        """Let ``handler`` see received messages before the dialplan; the result undoes it."""
        self.handlers.append(handler)
        return lambda: self.handlers.remove(handler)

    def send(self, message: TextMessage | None, destination: str, from_: str = "", to: str = "") -> str:
        """Send a message; the value of MESSAGE_SEND_STATUS, FAILURE where there is no message to send."""
        technology, colon, rest = destination.partition(":")
        if not colon or not rest:
            return "INVALID_URI"
        sender = self.senders.get(technology.strip().lower())
        if sender is None:
            return "INVALID_PROTOCOL"
        return "SUCCESS" if message is not None and sender(message, rest, from_, to) else "FAILURE"

    # -- the dialplan ------------------------------------------------------------------------------------------------

    def deliver(self, message: TextMessage) -> bool:
        """A message was received; False if so many wait that it is dropped."""
        for handler in self.handlers:
            if handler(message):
                self.delivered += 1
                return True
        if len(self._waiting) >= QUEUE_LIMIT:
            self.dropped += 1
            return False
        self._waiting.append(message)
        if self._task is None:
            self._task = self.system.tasks.start(self._run(), name="messages")
        return True

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._run_one(self._waiting.popleft())
        finally:
            self._task = None

    async def _run_one(self, message: TextMessage) -> None:
        """Run the dialplan with the message to the end, on what is one channel to those who look on."""
        system = self.system
        channel = Channel(system, self._tech, "Message/ast_msg_queue", state=ChannelState.UP, unique_id=self._unique_id)
        channel.data[MESSAGE] = message
        channel.data["skip_h"] = True
        channel.call_id = system.next_call_id()
        if not self._unique_id:
            self._unique_id = channel.unique_id
            system.announce_channel(channel)
        channel.context, channel.extension = message.context, message.extension
        self.delivered += 1
        task = channel.tasks.start(run_pbx(channel), name="message")
        await asyncio.wait([task])


def message_of(channel: Channel, *, create: bool = False) -> TextMessage | None:
    """The message that a channel has, received or begun by the dialplan; with ``create`` one is begun if there is none."""
    message: TextMessage | None = channel.data.get(MESSAGE)
    if message is None and create:
        message = channel.data[MESSAGE] = TextMessage()
    return message

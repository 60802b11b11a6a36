"""What res_agi keeps: whether dialogues are logged, and the channels that take commands from a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.res.agi.asynchronous import QueuedCommand, QueueScript

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

SERVICE = "agi"


class AgiService:
    """Service ``agi``; see :class:`globstar.core.services.AgiScripts`."""

    def __init__(self) -> None:
        self.debug = False
        self.queues: dict[Channel, QueueScript] = {}

    def enqueue(self, channel: Channel, command: str, command_id: str = "") -> bool:
        """See AgiScripts."""
        queue = self.queues.get(channel)
        return queue is not None and queue.enqueue(QueuedCommand(command, command_id))


def service_of(system: System) -> AgiService:
    """The service of ``system``; the module is loaded while this is called."""
    service = system.service(SERVICE, AgiService)
    assert service is not None
    return service

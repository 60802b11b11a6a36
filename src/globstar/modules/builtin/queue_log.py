"""The queue log: what writes it, and QueueLog of the dialplan and of managers."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, cli_command
from globstar.core.logfiles import LoggerOptions, LogSetup
from globstar.core.manager import ActionFault, ActionRequest, Answer, Permission, manager_action, success
from globstar.core.outbox import describe_outboxes
from globstar.core.queuelog import SERVICE, QueueLog
from globstar.core.registry import application
from globstar.core.system import System
from globstar.dialplan.arguments import split_arguments

logger = Logger("logger")


def _read(system: System) -> LoggerOptions:
    """The options, which the log has told its mistakes of already where there is one."""
    setup = system.service("log", LogSetup)
    if setup is not None:
        return setup.options
    config = system.configuration.read("logger.conf")
    general = config.category("general") if config is not None else None
    return LoggerOptions.read(general, Report()) if general is not None else LoggerOptions()


def load(system: System) -> None:
    """Begin to write."""
    log = system.services[SERVICE] = QueueLog(system, _read(system))
    setup = system.service("log", LogSetup)
    if setup is not None:

        def read_again(options: LoggerOptions) -> None:
            system.loop.call_soon_threadsafe(log.configure, options)

        setup.listeners.append(read_again)
        setup.others.append(lambda: log.path)
    # not before: the table may be in a database whose module is not loaded yet
    system.bus.subscribe(events.FullyBooted, lambda event: log.write("NONE", "NONE", "NONE", "QUEUESTART"))


async def unload(system: System) -> None:
    """Write what waits."""
    setup = system.service("log", LogSetup)
    if setup is not None:
        setup.listeners.clear()
        setup.others.clear()
    await system.services.pop(SERVICE).close()


@cli_command("queue log show status")
def show_status(system: System, args: list[str]) -> str:
    """Show how many events of queues were written, and how many wait because a file or table cannot be written."""
    if args:
        raise CliUsage
    return describe_outboxes(system, "queue")


@application("QueueLog", syntax="QueueLog(queuename,uniqueid,agent,event[,additionalinfo])")
def queue_log(channel: Channel, data: str) -> int:
    """Write an event of your own into the queue log.

    ``additionalinfo`` is what belongs to the event, its parts apart by ``|``.
    """
    arguments = split_arguments(data, 5)
    if len(arguments) < 4 or not all(arguments[:4]):
        logger.warning("QueueLog needs a queue, a unique id, an agent and an event")
        return -1
    queue, call_id, agent, event, *more = arguments
    log: QueueLog = channel.system.services[SERVICE]
    log.write(queue, call_id, agent, event, *more)
    return 0


@manager_action("QueueLog", Permission.AGENT, synopsis="Adds custom entry in queue_log.")
def manager_queue_log(request: ActionRequest) -> Answer:
    """Write an event of one's own into the queue log: Queue, Event, and where given Uniqueid, Interface and Message."""
    queue, event = request.get("Queue"), request.get("Event")
    if not queue:
        raise ActionFault("Need 'Queue' parameter")
    if not event:
        raise ActionFault("Need 'Event' parameter")
    log: QueueLog = request.system.services[SERVICE]
    log.write(queue, request.get("Uniqueid", "NONE"), request.get("Interface", "NONE"), event, request.get("Message"))
    return success("Event added successfully")

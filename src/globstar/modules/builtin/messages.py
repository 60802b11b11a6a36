"""Text messages outside of calls: MessageSend, MESSAGE() and MESSAGE_DATA()."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import application, function
from globstar.core.system import System
from globstar.core.textmessage import SERVICE, MessageBus, MessageDatum, TextMessage, message_of
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("message")


def load(system: System) -> None:
    """Offer the bus to the technologies."""
    system.services[SERVICE] = MessageBus(system)


def unload(system: System) -> None:
    """Messages are taken no more."""
    system.services.pop(SERVICE, None)


@application("MessageSend", syntax="MessageSend(destination[,from][,to])")
def message_send(channel: Channel, data: str) -> int:
    """Send the channel's message, MESSAGE(body), to ``technology:destination``.

    ``from`` and ``to`` say who it is from and for, instead of MESSAGE(from) and MESSAGE(to). With pjsip the destination is an
    endpoint, ``endpoint/aor``, ``endpoint@anything``, ``endpoint/`` with a URI or ``user@host``, a URI or ``user@host`` (by the
    endpoint default_outbound_endpoint), or ``PJSIP/user@endpoint``.

    MESSAGE_SEND_STATUS: SUCCESS (on its way), FAILURE, INVALID_PROTOCOL (no such technology), INVALID_URI.
    """
    parts = split_arguments(data)
    destination = argument(parts, 0)
    if not destination:
        logger.warning("MessageSend requires a destination")
        channel.set_variable("MESSAGE_SEND_STATUS", "INVALID_URI")
        return 0
    bus = channel.system.service(SERVICE, MessageBus)
    message = message_of(channel)
    status = bus.send(message, destination, argument(parts, 1), argument(parts, 2)) if bus is not None else "FAILURE"
    if message is None and status == "FAILURE":
        logger.warning(f"MessageSend on {channel.name}: there is no message; set MESSAGE(body) first")
    channel.set_variable("MESSAGE_SEND_STATUS", status)
    return 0


def _message(channel: Channel | None, *, create: bool = False) -> TextMessage:
    if channel is None:
        raise FunctionError("a channel is needed")
    message = message_of(channel, create=create)
    if message is None:
        raise FunctionError(f"{channel.name} has no message")
    return message


@function("MESSAGE", syntax="MESSAGE(argument)")
def message_field(channel: Channel | None, args: str) -> str:
    """A field of the channel's message: to, from or body; writing begins a message if there is none.

    Writing custom_data: mark_all_outbound lets every datum of a received message (see MESSAGE_DATA) go out with it,
    clear_all_outbound none.
    """
    message = _message(channel)
    what = args.strip().lower()
    if what == "to":
        return message.to
    if what == "from":
        return message.from_
    if what == "body":
        return message.body
    raise FunctionError(f"MESSAGE knows no '{args}'")


@message_field.writer
def _set_message_field(channel: Channel | None, args: str, value: str) -> None:
    message = _message(channel, create=True)
    what = args.strip().lower()
    if what == "to":
        message.to = value
    elif what == "from":
        message.from_ = value
    elif what == "body":
        message.body = value
    elif what == "custom_data" and value.lower() in ("mark_all_outbound", "clear_all_outbound"):
        for datum in message.data.values():
            datum.is_outbound = value.lower() == "mark_all_outbound"
    else:
        raise FunctionError(f"MESSAGE({args}) cannot become '{value}'")


@function("MESSAGE_DATA", syntax="MESSAGE_DATA(argument)")
def message_data(channel: Channel | None, args: str) -> str | None:
    """A datum of the channel's message: of a received one a header of its protocol. What is written goes out with the message."""
    datum = _message(channel).find(args.strip())
    return datum.value if datum is not None else None


@message_data.writer
def _set_message_data(channel: Channel | None, args: str, value: str) -> None:
    message = _message(channel, create=True)
    name = args.strip()
    if not name:
        raise FunctionError("MESSAGE_DATA needs a name")
    if not value:
        message.data = {key: datum for key, datum in message.data.items() if key.lower() != name.lower()}
        return
    datum = message.find(name)
    if datum is not None:
        datum.value, datum.is_outbound = value, True
    else:
        message.data[name] = MessageDatum(value, is_outbound=True)

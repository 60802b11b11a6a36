"""app_reception: a menu of departments that ends in a call, a message or the dialplan."""

from globstar import Channel, Options, application, flag, value

DEPARTMENTS = {"1": "PJSIP/sales", "2": "PJSIP/support"}


class ReceptionOptions(Options):
    """The letters of ``Reception(greeting,options)``."""

    is_closed: bool = flag("c")
    ring_seconds: int = value("t", default=20)


@application
async def reception(channel: Channel, greeting: str, options: ReceptionOptions = ReceptionOptions()) -> None:
    """Greet the caller and connect it with a department.

    1 and 2 call a department; without an answer, and when it is closed (option c), the caller may leave a message. 0 goes to the
    extension ``operator`` of the dialplan. Option t(seconds) is how long a department rings.
    """
    await channel.answer()
    await channel.play(greeting)
    if options.is_closed:
        await leave_message(channel)
        return
    key = await channel.choose("vm-options", keys="012", sorry="invalid")
    if key == "0":
        channel.goto(channel.context, "operator")
    if key:
        result = await channel.dial(DEPARTMENTS[key], timeout=options.ring_seconds)
        if result.is_answered:
            return
    await leave_message(channel)


async def leave_message(channel: Channel) -> None:
    """Record the caller and say how long the message is."""
    await channel.play("vm-intro")
    message = await channel.record(f"message-{channel.unique_id}", maximum_seconds=120, silence_seconds=4)
    channel.variables["MESSAGE"] = message.name
    await channel.say_number(round(message.seconds))
    await channel.play("seconds")

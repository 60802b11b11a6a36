"""app_callback: the caller hangs up, and is called back and connected when somebody has time."""

import asyncio

from globstar import Channel, application
from globstar.core.dialing import Origination, originate
from globstar.core.system import System

#: How often and how many seconds apart a caller is tried.
TRIES, PAUSE = 3, 60.0


@application
async def call_back(channel: Channel, context: str, technology: str = "PJSIP") -> None:
    """Promise to call back, and do so after the end of the call.

    Whoever is called back goes on at extension s of ``context``.
    """
    number = channel.caller_number
    if not number:
        await channel.answer()
        number = await channel.read("vm-enter-num-to-call", timeout=10)
    if not number:
        return
    await channel.answer()
    await channel.say_digits(number)
    await channel.play("auth-thankyou")
    destination = f"{technology}/{number}"
    channel.system.tasks.start(reach(channel.system, destination, number, context), name=f"call back {number}")
    channel.hang_up()


async def reach(system: System, destination: str, number: str, context: str) -> None:
    """Call until somebody answers; the call goes on in the dialplan then."""
    for attempt in range(TRIES):
        await asyncio.sleep(PAUSE if attempt else 5.0)
        result = await originate(
            system, Origination(dial_string=destination, context=context, extension="s", caller_id=f"Callback <{number}>")
        )
        if result.channel is not None:
            return

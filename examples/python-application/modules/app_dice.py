"""app_dice: an application and a function of one's own."""

import secrets

from globstar.core.channel import Channel
from globstar.core.registry import application, function


def roll(sides: str) -> int:
    """A number from 1 to ``sides`` (6 unless it is a number above 1)."""
    count = int(sides) if sides.isdecimal() and int(sides) > 1 else 6
    return secrets.randbelow(count) + 1


@application("Dice", syntax="Dice([sides])")
async def dice(channel: Channel, data: str) -> None:
    """Throw a die and set DICE to what it shows.

    The die has six sides unless sides says otherwise.
    """
    channel.set_variable("DICE", str(roll(data)))


@function("ROLL", syntax="ROLL([sides])")
def dice_function(channel: Channel | None, args: str) -> str:
    """A throw of a die."""
    return str(roll(args))

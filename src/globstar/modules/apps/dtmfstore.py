"""Technology independent async DTMF storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.frame import Frame
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_integer
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

logger = Logger("app_dtmfstore")

_KEY = "stored digits"
_DIRECTIONS = {"tx": "Sent", "rx": "Received"}


class DigitStore:
    """Appends the digits of one direction of a channel to a variable or a function."""

    def __init__(self, channel: Channel, direction: str, target: str, most: int) -> None:
        self.channel = channel
        self._direction = direction
        self._target = target
        self._most = most
        self._digits = ""
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin."""
        bus = self.channel.system.bus
        self._undo = [bus.subscribe(events.DigitEnded, self._digit), bus.subscribe(events.ChannelHungUp, self._hung_up)]
        self.channel.add_read_hook(self._pass)

    def stop(self) -> None:
        """End it."""
        for undo in self._undo:
            undo()
        self._undo = []
        self.channel.remove_hook(self._pass)

    def _pass(self, frame: Frame) -> Frame:
        """Nothing is done to the voice; that it is seen lets digits be seen in a call whose packets would be relayed."""
        return frame

    def _digit(self, event: events.DigitEnded) -> None:
        if event.channel is not self.channel or event.direction != self._direction:
            return
        if self._most and len(self._digits) >= self._most:
            return
        self._digits += event.digit
        name, parenthesis, rest = self._target.partition("(")
        if not parenthesis:
            self.channel.set_variable(name, self._digits)
            return
        try:
            self.channel.system.functions.write(self.channel, name, rest.removesuffix(")"), self._digits)
        except FunctionError as error:
            logger.warning(f"StoreDTMF on {self.channel.name}: {error}")

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if event.channel is self.channel:
            self.stop()


@application("StoreDTMF", syntax="StoreDTMF(direction[,var_name[,max_digits]])")
def store_dtmf(channel: Channel, data: str) -> int:
    """Keep the digits that go to a channel (TX) or come from it (RX) in a variable, from now on.

    ``StoreDTMF(RX,DIGITS,24)`` keeps up to 24; without a number there is no limit. The variable may be a function such as
    CDR(digits). ``StoreDTMF(remove)`` ends it.
    """
    arguments = split_arguments(data)
    word = argument(arguments, 0).strip().lower()
    stores: dict[str, DigitStore] = channel.data.setdefault(_KEY, {})
    if word == "remove":
        if not stores:
            logger.warning(f"StoreDTMF: no digits of {channel.name} are stored")
        for store in stores.values():
            store.stop()
        stores.clear()
        return 0
    target = argument(arguments, 1).strip()
    if word not in _DIRECTIONS or not target:
        logger.warning("StoreDTMF requires TX or RX and a variable, or remove")
        return -1
    if word in stores:
        stores[word].stop()
    most = max(0, leading_integer(argument(arguments, 2)))
    stores[word] = DigitStore(channel, _DIRECTIONS[word], target, most)
    stores[word].start()
    return 0

"""Technology independent async DTMF storage."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.frame import Frame, FrameType
from globstar.core.functions import FunctionError
from globstar.core.numbers import NumberArguments
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_dtmfstore")

_KEY = "stored digits"
_DIRECTIONS = {"tx": False, "rx": True}


class DigitStore:
    """Appends the digits of one direction of a channel to a variable or a function."""

    def __init__(self, channel: Channel, target: str, most: int, *, is_read: bool) -> None:
        self.channel = channel
        self._is_read = is_read
        self._target = target
        self._most = most
        self._digits = ""

    def start(self) -> None:
        """Begin."""
        self.channel.add_signal_hook(self._take)
        self.channel.add_read_hook(self._pass)

    def stop(self) -> None:
        """End it."""
        self.channel.remove_signal_hook(self._take)
        self.channel.remove_hook(self._pass)

    def _pass(self, frame: Frame) -> Frame:
        """Nothing is done to the voice; that it is seen lets digits be seen in a call whose packets would be relayed."""
        return frame

    def _take(self, frame: Frame, is_read: bool) -> Frame:
        if frame.type is FrameType.DTMF_END and is_read is self._is_read:
            self._keep(frame.digit)
        return frame

    def _keep(self, digit: str) -> None:
        if self._most and len(self._digits) >= self._most:
            return
        self._digits += digit
        name, parenthesis, rest = self._target.partition("(")
        if not parenthesis:
            self.channel.set_variable(name, self._digits)
            return
        try:
            self.channel.system.functions.write(self.channel, name, rest.removesuffix(")"), self._digits)
        except FunctionError as error:
            logger.warning(f"StoreDTMF on {self.channel.name}: {error}")


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
    most = NumberArguments("StoreDTMF", arguments, logger.warning).integer(2)
    stores[word] = DigitStore(channel, target, most, is_read=_DIRECTIONS[word])
    stores[word].start()
    return 0

"""Channel Audio Broadcasting."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.audiofeed import AudioFeed
from globstar.core.audioinject import AudioInjection
from globstar.core.audiotap import AudioTap
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType, voice
from globstar.core.registry import application
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.dsp.level import mix

logger = Logger("app_broadcast")

_OPTIONS = dict.fromkeys("blorsw", False)
#: How much waits at the most, ms, and how many blocks a listener may be behind: usually, and with option l.
_QUEUE_MS, _LONG_QUEUE_MS = 200, 1000
_AHEAD, _LONG_AHEAD = 3, 50


@application("Broadcast", syntax="Broadcast([options],channels)")
async def broadcast(channel: Channel, data: str) -> int:
    """Speak to several channels at once, or hear them all, whatever they do meanwhile.

    ``channels`` are whole names of channels, separated by & or commas. It goes on until this channel hangs up or all of them
    have. Options:

    w: what this channel says is heard by those channels (also without any of w and s).
    s: this channel hears what they say, mixed.
    b: those whom they talk to as well: heard by w, spoken to by s.
    r: with w, speak in the place of the channels, to those whom they talk to, instead of to them.
    o: with s, do not mix: hear one channel at a time, the first that says something.
    l: let more sound wait; nothing is lost when packets come irregularly.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 0), _OPTIONS, lambda problem: logger.warning(f"Broadcast: {problem}"))
    names = [name.strip() for part in arguments[1:] for name in part.split("&") if name.strip()]
    if not names:
        logger.warning("Broadcast requires an argument (channels)")
        return -1
    targets: list[Channel] = []
    for name in dict.fromkeys(names):
        target = channel.system.channels.get(name)
        if target is None or target is channel:
            logger.warning(f"Broadcast: there is no other channel '{name}'")
        else:
            targets.append(target)
    if not targets:
        return 0
    if channel.state is not ChannelState.UP:
        await channel.answer()
    await _Broadcast(channel, targets, options).run()
    return 0


class _Broadcast:
    """One run of the application."""

    def __init__(self, channel: Channel, targets: list[Channel], options: ParsedOptions) -> None:
        self.channel = channel
        self.targets = targets
        self.options = options
        self.speaks = "w" in options or "s" not in options
        self.hears = "s" in options
        self._limit_ms = _LONG_QUEUE_MS if "l" in options else _QUEUE_MS
        self._feeds: dict[Channel, AudioFeed] = {}
        self._taps: dict[Channel, AudioTap] = {}
        #: what each target said (and heard) since the last tick
        self._blocks: dict[Channel, bytes] = {}
        self._ended: asyncio.Future[None] = channel.system.loop.create_future()

    async def run(self) -> None:
        """Until nobody is left. Raises ``ChannelGone`` with this channel."""
        channel = self.channel
        undo = channel.system.bus.subscribe(events.ChannelHungUp, self._hung_up)
        channel.set_read_format(slin)
        if self.hears:
            for target in self.targets:
                self._listen_to(target)
            channel.system.ticker.add(self._tick)
        try:
            await channel.wait_for(self._ended, self._take)
        finally:
            undo()
            if self.hears:
                channel.system.ticker.remove(self._tick)
            for tap in self._taps.values():
                tap.stop()
            for feed in self._feeds.values():
                feed.stop()
            if not channel.is_hung_up:
                channel.reset_formats()

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        target = event.channel
        if target not in self.targets:
            return
        self.targets.remove(target)
        feed, tap = self._feeds.pop(target, None), self._taps.pop(target, None)
        if feed is not None:
            feed.stop()
        if tap is not None:
            tap.stop()
        self._blocks.pop(target, None)
        if not self.targets and not self._ended.done():
            self._ended.set_result(None)

    # -- speaking --------------------------------------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if self.speaks and frame.type is FrameType.VOICE:
            for feed in self._current_feeds().values():
                feed.add(frame.data)

    def _current_feeds(self) -> dict[Channel, AudioFeed]:
        """Whom this channel speaks to now: parties of bridges come and go."""
        is_reverse = "r" in self.options
        wanted = list(self.targets)
        if "b" in self.options and not is_reverse:
            for target in self.targets:
                if target.bridge_member is not None:
                    wanted += [peer.channel for peer in target.bridge_member.peers]
        wanted = [target for target in dict.fromkeys(wanted) if target is not self.channel]
        for gone in [target for target in self._feeds if target not in wanted]:
            self._feeds.pop(gone).stop()
        for target in wanted:
            if target not in self._feeds:
                make: type[AudioFeed] = AudioInjection if is_reverse else AudioFeed
                feed = self._feeds[target] = make(target, limit_ms=self._limit_ms)
                feed.start()
        return self._feeds

    # -- hearing ---------------------------------------------------------------------------------------------------------------

    def _listen_to(self, target: Channel) -> None:
        def hear(said: bytes | None, heard: bytes | None) -> None:
            if "b" not in self.options:
                heard = None
            block = mix(said, heard) if said is not None and heard is not None else said or heard
            if block is not None:
                self._blocks[target] = block

        tap = self._taps[target] = AudioTap(target, hear, ahead=_LONG_AHEAD if "l" in self.options else _AHEAD)
        tap.start()

    def _tick(self) -> None:
        """The taps have told what came since the last tick: let it be heard together."""
        blocks, self._blocks = self._blocks, {}
        if not blocks or self.channel.is_hung_up:
            return
        in_order = [blocks[target] for target in self.targets if target in blocks]
        data = in_order[0]
        if "o" not in self.options:
            for block in in_order[1:]:
                data = mix(data, block)
        self.channel.write(voice(slin, data, len(data) // 2))

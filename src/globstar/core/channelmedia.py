"""The media half of a channel: frames in and out, formats, digits, what is generated, and waiting for frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channelhooks import ChannelHooks
from globstar.core.channelstate import ChannelGone, NoTranslation, SoftHangup
from globstar.core.conceal import ConcealingPath, build_concealing_path
from globstar.core.format import Format, FormatCapabilities, slin
from globstar.core.frame import Control, Frame, FrameType, control, digit_begin, digit_end
from globstar.core.silence import sending_silence
from globstar.core.tech import ChannelTech

if TYPE_CHECKING:
    from globstar.core.bridge import BridgeMember
    from globstar.core.channel import Channel
    from globstar.core.generator import Generator
    from globstar.core.system import System
    from globstar.core.translate import TranslationPath

logger = Logger("channel")

#: How many control and digit frames wait for a reader at the most; the oldest digit goes first, control never.
QUEUE_LIMIT = 128
#: What does not follow what was written before within so many seconds is no continuation of it: a prompt that follows another one
#: takes part in the tick in which that ended.
FOLLOWS_WITHIN = 0.015
#: Pause between two digits that are sent whole, ms.
DIGIT_GAP_MS = 45

FrameSink = Callable[[Frame], None]


class ChannelMedia(ChannelHooks):
    """What of a channel moves frames; only :class:`~globstar.core.channel.Channel` is ever made.

    Frames from the endpoint come in by :meth:`deliver` and go to the sink that the owner attached (a bridge, an
    application); without one, digits and control frames wait in a bounded queue and voice is dropped and counted.
    Frames to the endpoint go out by :meth:`write`.
    """

    __slots__ = (
        "_completing",
        "_ending_digit",
        "_free_at",
        "_hangup_listeners",
        "_read_filler",
        "_read_path",
        "_refused_format",
        "_sending_digit",
        "_sink",
        "_told_again",
        "_wanted_write_format",
        "_write_filler",
        "_write_from",
        "_write_path",
        "bridge_member",
        "dropped_voice",
        "generator",
        "hold_state",
        "initial_formats",
        "is_held",
        "is_hung_up",
        "name",
        "native_formats",
        "on_indicate",
        "queue",
        "raw_read_format",
        "raw_write_format",
        "read_format",
        "soft_hangup",
        "system",
        "tech",
    )

    def __init__(self, system: System, tech: ChannelTech, name: str, native_formats: FormatCapabilities | None) -> None:
        super().__init__()
        self.system = system
        self.tech = tech
        self.name: str = name
        self.is_hung_up = False
        self.soft_hangup = SoftHangup.NONE
        self.hold_state = False  # whether this endpoint holds the others
        self.is_held = False  # whether this endpoint is held by another
        self.bridge_member: BridgeMember | None = None
        self.generator: Generator | None = None
        #: hears of every condition that the endpoint is told, before it is
        self.on_indicate: Callable[[Control], None] | None = None
        self.native_formats = native_formats if native_formats is not None else FormatCapabilities([slin])
        #: what the endpoint and we could speak when the call began
        self.initial_formats = self.native_formats
        best = self.native_formats.formats[0] if self.native_formats else slin
        self.raw_read_format: Format = best
        self.raw_write_format: Format = best
        self.read_format: Format = best
        self._read_path: TranslationPath | None = None
        #: the paths again, where they make up for losses
        self._read_filler: ConcealingPath | None = None
        self._write_filler: ConcealingPath | None = None
        self._refused_format: Format | None = None
        self._write_path: TranslationPath | None = None
        #: what was written has ended in the middle of a frame of the encoder: when it is filled up, and what it needs then
        self._completing: tuple[asyncio.TimerHandle, TranslationPath, int] | None = None
        self._write_from: Format = best
        self._wanted_write_format: Format = best
        self.queue: list[Frame] = []
        #: for the first frames in the queue, if they were read before: the events that tell of them again
        self._told_again: list[object | None] | None = None
        self.dropped_voice = 0
        self._sending_digit: tuple[str, float] | None = None
        #: the digit whose end waits for its shortest length: the timer, the digit and its length (ms)
        self._ending_digit: tuple[asyncio.TimerHandle, str, int] | None = None
        #: when the last digit that is sent whole is out, with its pause
        self._free_at = 0.0
        self._sink: FrameSink | None = None
        self._hangup_listeners: list[Callable[[Channel], None]] = []

    @property
    def _channel(self) -> Channel:
        """This channel as what it is; only channels are made of this class."""
        return self  # type: ignore[return-value]  # a cast is a call

    # -- frames in ---------------------------------------------------------------------------------------------------

    def deliver(self, frame: Frame) -> None:
        """A frame from the endpoint. Called by the driver, on the loop."""
        kind = frame.type
        if kind is FrameType.VOICE:
            if self.read_hooks:
                hooked = self._run_hooks(self.read_hooks, frame)
                if hooked is None:
                    return
                frame = hooked
            if frame.format is not self.raw_read_format and frame.format is not None:
                if not self._source_format_changed(frame.format):
                    self.dropped_voice += 1
                    return
            if self._read_path is not None:
                filler = self._read_filler
                if filler is not None and frame.seq != filler.expects and not self._make_up(filler, frame, self._sink):
                    return
                translated = self._read_path.translate(frame)
                if translated is None:
                    return
                frame = translated
            if self._sink is not None:
                self._sink(frame)
            else:
                self.dropped_voice += 1
            return
        if self.is_hung_up:
            return
        if self.signal_hooks:
            signal = self._run_signal_hooks(frame, True)
            if signal is None:
                return
            frame, kind = signal, signal.type
        if kind is FrameType.CONTROL:
            if frame.subtype == Control.HOLD:
                self.hold_state = True
                music_class = frame.data if isinstance(frame.data, str) else ""
                self.system.bus.publish(events.ChannelHeld(self._channel, music_class))
            elif frame.subtype == Control.UNHOLD:
                self.hold_state = False
                self.system.bus.publish(events.ChannelUnheld(self._channel))
            elif frame.subtype == Control.FLASH:
                self.system.bus.publish(events.ChannelFlashed(self._channel))
            elif frame.subtype == Control.WINK:
                self.system.bus.publish(events.ChannelWinked(self._channel))
        elif kind is FrameType.DTMF_BEGIN:
            self.system.bus.publish(events.DigitBegan(self._channel, frame.digit, "Received"))
        elif kind is FrameType.DTMF_END:
            logger.dtmf(f"DTMF end '{frame.digit}' received on {self.name}, duration {frame.duration_ms} ms")
            self.system.bus.publish(events.DigitEnded(self._channel, frame.digit, frame.duration_ms, "Received"))
        if self._sink is not None:
            self._sink(frame)
        else:
            self._enqueue(frame)

    def _make_up(self, filler: ConcealingPath, frame: Frame, sink: FrameSink | None) -> bool:
        """Play what was lost before ``frame``; False when that comes too late to be played."""
        missing = filler.fill(frame)
        if missing is None:
            return False
        if sink is not None:
            for made in missing:
                sink(made)
        return True

    def _send(self, frame: Frame) -> None:
        self.tech.write(self._channel, frame)

    def _poll(self) -> None:
        """A polled technology is asked for a frame on every tick."""
        frame = self.tech.read(self._channel)
        if frame is not None:
            self.deliver(frame)

    def _enqueue(self, frame: Frame) -> None:
        if frame.type not in (FrameType.CONTROL, FrameType.DTMF_BEGIN, FrameType.DTMF_END, FrameType.TEXT):
            return
        self.queue.append(frame)
        if len(self.queue) > QUEUE_LIMIT:
            for index, waiting in enumerate(self.queue):
                if waiting.type is not FrameType.CONTROL:
                    del self.queue[index]
                    self._told_again = None  # it belongs to other frames now
                    return

    def _source_format_changed(self, format: Format) -> bool:
        """The endpoint sends another format than before: build the path to what the reader wants anew.

        False, and nothing changes, when no translators lead there; that is told once.
        """
        if format is self._refused_format:
            return False
        previous, self.raw_read_format = self.raw_read_format, format
        if self.bridge_member is not None and self.tech.passes_formats:
            self._prefer(format)
            self.bridge_member.bridge.media_changed(f"{self.name} passes {format.name} on", is_agreed=False)
        try:
            self._build_read_path()
        except NoTranslation as error:
            self.raw_read_format = previous
            self._refused_format = format
            logger.warning(f"{error}; its audio is dropped")
            return False
        return True

    def attach(self, sink: FrameSink) -> FrameSink | None:
        """Let ``sink`` get the frames from now on, those that wait first; returns the previous sink."""
        previous, self._sink = self._sink, sink
        while self.queue and self._sink is sink:
            frame = self.queue.pop(0)
            if self._told_again:
                event = self._told_again.pop(0)
                if event is not None:
                    self.system.bus.publish(event)
            sink(frame)
        return previous

    def _put_back(self, frames: list[Frame]) -> None:
        """Frames that were read before anybody wanted them wait to be read again.

        Their digits are told of again then; one that came whole, without a begin, is told of as one that begins.
        """
        if not frames:
            return
        begun = ""
        told_again: list[object | None] = []
        for frame in frames:
            event: object | None = None
            if frame.type is FrameType.DTMF_BEGIN:
                begun = frame.digit
                event = events.DigitBegan(self._channel, frame.digit, "Received")
            elif frame.type is FrameType.DTMF_END:
                if begun == frame.digit:
                    event = events.DigitEnded(self._channel, frame.digit, frame.duration_ms, "Received")
                else:
                    event = events.DigitBegan(self._channel, frame.digit, "Received")
                begun = ""
            told_again.append(event)
        self._told_again = told_again
        self.queue[:0] = frames

    def detach(self, sink: FrameSink, previous: FrameSink | None = None) -> None:
        """Stop giving frames to ``sink``; ``previous`` takes its place."""
        if self._sink == sink:  # a bound method is a new object each time
            self._sink = previous

    def unseen_voice(self, sink: FrameSink) -> tuple[tuple[tuple[object, str, object], ...], tuple[list[Any], ...]] | None:
        """What has to stay as it is for voice to pass unchanged and unseen, both ways, between endpoint and ``sink``.

        Attributes with their values, and lists that must be empty; None where that is not so now.
        """
        if self._sink != sink or self._read_path is not None or self._write_path is not None or self.generator is not None:
            return None
        if self.read_hooks or self.write_hooks or self.is_hung_up:
            return None
        attributes = ("_sink", "_read_path", "_write_path", "_write_from", "raw_read_format", "generator", "is_hung_up")
        return tuple((self, name, getattr(self, name)) for name in attributes), (self.read_hooks, self.write_hooks)

    async def wait(self, handler: Callable[[Frame], Any] | None = None, timeout: float | None = None) -> Any:
        """Give frames to ``handler`` until it returns something other than None, and return that.

        None at the ``timeout`` (seconds). Raises :class:`ChannelGone` when the owner must give up the channel.
        Without a handler voice and digits are dropped, control frames too: this is how to pause.
        Only the owner's task may call this.
        """
        if self.soft_hangup:
            raise ChannelGone(self.name)
        if timeout is not None and timeout <= 0 and not self.queue:
            return None
        loop = asyncio.get_running_loop()
        signal: asyncio.Future[Any] = loop.create_future()
        timer = loop.call_later(timeout, _settle, signal, None) if timeout is not None else None
        try:
            return await self._listen(signal, handler)
        finally:
            if timer is not None:
                timer.cancel()
            del signal  # a ChannelGone in it would hold this frame, and this channel with it

    async def wait_for(self, future: asyncio.Future[Any], handler: Callable[[Frame], Any] | None = None) -> Any:
        """Wait for ``future`` while frames go to ``handler`` (or are dropped); :class:`ChannelGone` as in :meth:`wait`.

        If ``handler`` returns something other than None, that is the result and the future goes on alone.
        """
        if self.soft_hangup:
            raise ChannelGone(self.name)
        signal: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(_: asyncio.Future[Any]) -> None:
            if signal is not None:  # else the wait ended when this was on its way already
                _settle(signal, future)

        future.add_done_callback(done)
        try:
            result = await self._listen(signal, handler)
        finally:
            future.remove_done_callback(done)
            signal = None  # type: ignore[assignment]  # as in wait
        return future.result() if result is future else result

    async def _listen(self, signal: asyncio.Future[Any], handler: Callable[[Frame], Any] | None) -> Any:
        """Give frames to ``handler``, whose first answer settles ``signal``, until that is settled.

        What comes after that, and before the owner's task goes on, waits in the queue for the next listener.
        """

        def sink(frame: Frame) -> None:
            if signal.done():
                self._enqueue(frame)
                return
            if handler is None:
                return
            try:
                result = handler(frame)
            except Exception as error:
                signal.set_exception(error)
                return
            if result is not None and not signal.done():
                signal.set_result(result)
                self.detach(sink)  # noqa: F821 - deleted below, after its last use

        def gone(_: ChannelMedia) -> None:
            if not signal.done():
                signal.set_exception(ChannelGone(self.name))

        self._hangup_listeners.append(gone)
        previous = self.attach(sink)
        try:
            return await signal
        finally:
            if self._sink is sink or self._sink is None:
                self._sink = previous
            self._hangup_listeners.remove(gone)
            del sink  # its closure holds it, and this channel with it
            signal = None  # type: ignore[assignment]  # so would a ChannelGone in it, by its traceback

    async def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass; frames that come meanwhile are dropped."""
        with sending_silence(self._channel):
            await self.wait(None, seconds)

    async def wait_for_digit(self, timeout: float | None) -> str | None:
        """The next digit pressed, None at the timeout."""
        result: str | None
        with sending_silence(self._channel):
            result = await self.wait(_digit_of, timeout)
        return result

    # -- frames out --------------------------------------------------------------------------------------------------

    def write(self, frame: Frame) -> None:
        """Send ``frame`` to the endpoint, translated to what the endpoint takes."""
        kind = frame.type
        if kind is FrameType.VOICE:
            if frame.format is not self._write_from and frame.format is not None:
                if self.tech.passes_formats and self.bridge_member is not None and self.generator is None:
                    self.raw_write_format = frame.format
                self._build_write_path(frame.format)
            if self.write_hooks:
                hooked = self._run_hooks(self.write_hooks, frame)
                if hooked is None:
                    return
                frame = hooked
            if self._write_path is not None:
                filler = self._write_filler
                if filler is not None and frame.seq != filler.expects and not self._make_up(filler, frame, self._send):
                    return
                translated = self._write_path.translate(frame)
                if translated is None:
                    return
                frame = translated
            self.tech.write(self, frame)  # type: ignore[arg-type]  # a cast would cost a call per packet
        elif kind is FrameType.DTMF_BEGIN:
            self.system.bus.publish(events.DigitBegan(self._channel, frame.digit, "Sent"))
            self.send_digit_begin(frame.digit)
        elif kind is FrameType.DTMF_END:
            if self._sending_digit is None or self._sending_digit[0] != frame.digit:  # it is sent whole, from its begin
                self.system.bus.publish(events.DigitBegan(self._channel, frame.digit, "Sent"))
            self.system.bus.publish(events.DigitEnded(self._channel, frame.digit, frame.duration_ms, "Sent"))
            self.send_digit_end(frame.digit, frame.duration_ms)
        elif kind is FrameType.CONTROL:
            self.indicate(Control(frame.subtype), frame.data)
        elif not self.signal_hooks:
            self.tech.write(self, frame)  # type: ignore[arg-type]  # a cast would cost a call per packet
        else:
            changed = self._run_signal_hooks(frame, False)
            if changed is not None:
                self.tech.write(self._channel, changed)

    def finish_writing(self) -> None:
        """What was written has come to its end: the frame that the encoder has begun is sent, unless more follows at once."""
        waiting, self._completing = self._completing, None
        if waiting is not None:
            waiting[0].cancel()
        path = self._write_path
        missing = path.missing if path is not None else 0
        if path is not None and missing:
            timer = asyncio.get_running_loop().call_later(FOLLOWS_WITHIN, self.complete_writing)
            self._completing = timer, path, missing

    def complete_writing(self) -> None:
        """Nothing follows what was written last: what waits for the rest of its frame is filled up with silence."""
        waiting, self._completing = self._completing, None
        if waiting is None:
            return
        timer, path, missing = waiting
        timer.cancel()
        if path is self._write_path and path.missing == missing:
            frame = path.complete()
            if frame is not None:
                self.tech.write(self._channel, frame)

    def expect_another_source(self) -> None:
        """What is written next comes from somebody else: its numbers say nothing about what was lost before."""
        if self._write_filler is not None:
            self._write_filler.expects = None

    def set_native_formats(self, formats: FormatCapabilities, *, read: Format | None = None, write: Format | None = None) -> None:
        """The driver agreed on formats with the endpoint: translators are bound anew, once."""
        self.native_formats = formats
        if read is not None:
            self.raw_read_format = read
        if write is not None:
            self.raw_write_format = write
        self._build_read_path()
        self._build_write_path(self._wanted_write_format)

    def set_read_format(self, format: Format) -> None:
        """The reader wants ``format``; raises :class:`NoTranslation` if no translators lead to it."""
        self.read_format = format
        self._build_read_path()

    def set_write_format(self, format: Format) -> None:
        """The writer will send ``format``."""
        self._wanted_write_format = format
        self._build_write_path(format)

    def read_untranslated(self) -> None:
        """The reader wants what the endpoint sends."""
        raw = self.raw_read_format
        is_so = self.read_format is raw and self._read_path is None and self._refused_format is None
        if not is_so or self.system.translation.plc.on_equal_codecs:
            self.set_read_format(raw)

    def reset_formats(self) -> None:
        """Read and write what the endpoint speaks, untranslated."""
        self.read_untranslated()
        raw = self.raw_write_format
        if self._write_path is not None or self._write_from is not raw or self._wanted_write_format is not raw:
            self.set_write_format(raw)

    @property
    def write_format(self) -> Format:
        """What the writer sends now."""
        return self._write_from

    @property
    def read_path(self) -> TranslationPath | None:
        """The translators between endpoint and reader."""
        return self._read_path

    @property
    def write_path(self) -> TranslationPath | None:
        """The translators between writer and endpoint."""
        return self._write_path

    def _build_read_path(self) -> None:
        self._refused_format = None
        source, destination = self.raw_read_format, self.read_format
        path = None
        if source.codec is not destination.codec or self.system.translation.plc.on_equal_codecs:
            path = self._path(source, destination, is_reading=True)
        self._read_path = path
        self._read_filler = path if isinstance(path, ConcealingPath) else None

    def _build_write_path(self, source: Format) -> None:
        if self._completing is not None:
            begun = self._completing[1]
            if begun is self._write_path and begun.source is source and begun.destination is self.raw_write_format:
                return  # it goes on in the same frame
            self.complete_writing()
        self._write_from = source
        destination, path = self.raw_write_format, None
        if source.codec is not destination.codec:
            path = self._path(source, destination, is_reading=False)
        self._write_path = path
        self._write_filler = path if isinstance(path, ConcealingPath) else None

    def _prefer(self, format: Format) -> None:
        """Who is heard here has turned to ``format``: calls that are made for this channel offer it first."""
        known = self.native_formats
        if not format.is_slin and known.formats[:1] != [format]:
            others = [other for other in known if other.codec is not format.codec]
            self.native_formats = FormatCapabilities([format, *others], known.framing_ms)

    def _path(self, source: Format, destination: Format, *, is_reading: bool) -> TranslationPath | None:
        path = build_concealing_path(self.system.translation, source, destination, is_reading=is_reading)
        if path is None and source.codec is not destination.codec:
            raise NoTranslation(f"{self.name}: no translators lead from {source} to {destination}")
        return path

    def send_digit_begin(self, digit: str) -> None:
        """Begin to send ``digit``, as the technology does it or as a tone."""
        if not self.signal_hooks or not self.is_swallowed(digit_begin(digit)):
            self._begin_digit(digit)

    def _begin_digit(self, digit: str) -> None:
        self._finish_waiting()
        self._sending_digit = (digit, self.system.now())
        if not self.tech.send_digit_begin(self._channel, digit):
            self.system.start_digit_tone(self._channel, digit)

    def send_digit_end(self, digit: str, duration_ms: int = 0) -> None:
        """End ``digit``; one that was never begun is sent whole, at least as long as the shortest digit."""
        is_swallowed = bool(self.signal_hooks) and self.is_swallowed(digit_end(digit, duration_ms))
        sending, self._sending_digit = self._sending_digit, None
        if sending is None or sending[0] != digit:
            if is_swallowed:
                return
            self._send_whole(digit, max(duration_ms, self.system.options.mindtmfduration))
            return
        length_ms = round((self.system.now() - sending[1]) * 1000)
        shortest_ms = self.system.options.mindtmfduration
        if length_ms < shortest_ms:
            remaining = (shortest_ms - length_ms) / 1000
            self._finish_later(remaining, digit, max(duration_ms, shortest_ms))
        else:
            self._finish_digit(digit, duration_ms or length_ms)

    def _send_whole(self, digit: str, duration_ms: int) -> None:
        """Send a digit that nobody else ends, after the one before."""
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self._free_at)
        self._free_at = start + (duration_ms + DIGIT_GAP_MS) / 1000
        if start > loop.time():
            loop.call_at(start, self._begin_whole, digit, duration_ms)
        else:
            self._begin_whole(digit, duration_ms)

    def _begin_whole(self, digit: str, duration_ms: int) -> None:
        if self.is_hung_up:
            return
        self._finish_waiting()
        if not self.tech.send_digit_begin(self._channel, digit):
            self.system.start_digit_tone(self._channel, digit)
        self._finish_later(duration_ms / 1000, digit, duration_ms)

    def _finish_later(self, seconds: float, digit: str, duration_ms: int) -> None:
        self._ending_digit = (asyncio.get_running_loop().call_later(seconds, self._finish_waiting), digit, duration_ms)

    def _finish_waiting(self) -> None:
        """End the digit that waits for it: its time is over, or another one begins, which is not to be ended in its stead."""
        waiting, self._ending_digit = self._ending_digit, None
        if waiting is not None:
            waiting[0].cancel()
            self._finish_digit(waiting[1], waiting[2])

    def _finish_digit(self, digit: str, duration_ms: int) -> None:
        if self.is_hung_up:
            return
        self.tech.send_digit_end(self._channel, digit, duration_ms)
        self.system.stop_digit_tone(self._channel)  # who began it may not be who ends it: the media may have changed meanwhile

    async def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Send one whole digit and wait until it is out."""
        self.send_digit_begin(digit)
        try:
            await self.pause(duration_ms / 1000)
        finally:
            if not self.is_hung_up:
                self.send_digit_end(digit, duration_ms)

    def indicate(self, condition: Control, data: Any = b"") -> None:
        """Tell the endpoint of ``condition``; where the technology cannot, its tone is played."""
        if self.signal_hooks and self.is_swallowed(control(condition, data)):
            return
        if self.on_indicate is not None:
            self.on_indicate(condition)
        if condition is Control.HOLD or condition is Control.UNHOLD:
            self.is_held = condition is Control.HOLD
            if not self.soft_hangup:  # else its end tells
                self.system.device_states.channel_changed(self._channel)
        if not self.tech.indicate(self._channel, condition, data):
            self.system.indicate_in_band(self._channel, condition, data)

    def stop_generator(self) -> None:
        """Stop the tone, music or file that is being written."""
        if self.generator is not None:
            self._end_generator()
            if self.bridge_member is not None:
                self.bridge_member.generator_changed()

    def _end_generator(self) -> None:
        generator, self.generator = self.generator, None
        if generator is not None:
            generator.stop()

    def start_generator(self, generator: Generator) -> None:
        """Write what ``generator`` makes, instead of what was generated before; nothing once the channel is gone."""
        self._end_generator()
        if self.is_hung_up:
            return
        self.generator = generator
        generator.start(self._channel)
        if self.bridge_member is not None:
            self.bridge_member.generator_changed()


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _digit_of(frame: Frame) -> str | None:
    return chr(frame.subtype) if frame.type is FrameType.DTMF_END else None

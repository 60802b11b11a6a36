"""SMS/PSTN handler: short messages over a call, as phones and service centres of the fixed network exchange them."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.numbers import leading_integer
from globstar.core.registry import application
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments
from globstar.modules.apps.sms.line import SmsLine
from globstar.modules.apps.sms.queue import SmsQueue, escape, lines_of, queue_name, read_message
from globstar.proto.sms import Deliver, FrameKind, SmsFault, SmsFrame, Submit, parse_deliver, parse_submit
from globstar.proto.sms.tpdu import encode_timestamp

__all__ = ["sms"]

logger = Logger("app_sms")

_OPTIONS = {**dict.fromkeys("asron", False), "p": True}
#: Before the first frame, ms, unless option p says otherwise.
_DELAY_MS = 300
#: How long to wait for a frame, seconds, and how often one is sent before the other side is given up.
_WAIT, _ATTEMPTS = 10.0, 3
#: A frame that comes again later than this after its answer, seconds, is the same message: the answer was not heard.
_REPEATED = 5.0
#: What reports say: delivered, submitted (GSM 03.40 9.2.2.1a, 9.2.2.2a), and that a unit made no sense (9.2.3.22).
_DELIVER_REPORT, _SUBMIT_REPORT, _UNSPECIFIED = b"\x00\x00", b"\x01\x00", 0xFF


@application("SMS", syntax="SMS(name[,options[,addr[,body]]])")
async def sms(channel: Channel, data: str) -> int:
    """Exchange short messages with a phone or a service centre of the fixed network (ETSI ES 201 912, protocol 1).

    ``name`` is the queue: files ``name.*`` of ``<spool>/sms/motx`` are sent (of ``mttx`` as a service centre), and what is
    received goes to ``mtrx`` (``morx``). A file has lines like da=100 (whom to), oa=200 (who from), ud=text; also ud#, ud##, udh#
    (in hexadecimal), pid, dcs, mr, srr, rp, vp and scts. With addr and body nothing is exchanged: that message is put into the
    queue.

    a: this side was called, and begins.
    s: be a service centre that talks to a phone.
    p(ms): wait so long before the first frame (300).
    r: addr's message asks for a report. o: its body is octets, not text of the default alphabet.
    n: do not write the log.
    """
    arguments = split_arguments(data, 4)
    name = queue_name(argument(arguments, 0))
    if not name:
        logger.error("SMS requires an argument (name of the queue)")
        return -1
    options = parse_options(argument(arguments, 1), _OPTIONS, lambda problem: logger.warning(f"SMS: {problem}"))
    queue = SmsQueue(Path(channel.system.directories.astspooldir) / "sms", name, is_centre="s" in options)
    if argument(arguments, 2):
        await channel.system.run_blocking(_enqueue, queue, options, arguments[2].strip(), argument(arguments, 3))
        return 0
    if "a" in options:
        await channel.answer()
    await _Session(channel, queue, options).run()
    return 0


def _enqueue(queue: SmsQueue, options: ParsedOptions, address: str, body: str) -> None:
    lines = [("oa" if queue.is_centre else "da", address)]
    if "r" in options:
        lines.append(("srr", "1"))
    if "o" in options:
        lines.append(("ud#", body.encode("latin-1", "replace").hex()))
    else:
        lines.append(("ud", escape(body)))
    try:
        queue.put(queue.outbox, lines)
    except OSError as error:
        logger.error(f"SMS: the message for {address} is not queued: {error}")


class _Session:
    """One call."""

    def __init__(self, channel: Channel, queue: SmsQueue, options: ParsedOptions) -> None:
        self.channel = channel
        self.queue = queue
        self.options = options
        self.line = SmsLine(channel)
        delay = leading_integer(options.get("p"), _DELAY_MS) if "p" in options else _DELAY_MS
        self._delay = max(0, delay) / 1000

    async def run(self) -> None:
        """Be the called side, which takes messages, or the calling one, which sends them. Raises ``ChannelGone``."""
        if "a" in self.options:
            await self.channel.pause(self._delay)
            await self._take_messages()
        else:
            await self._send_messages()

    # -- the called side -----------------------------------------------------------------------------------------------------

    async def _take_messages(self) -> None:
        last: tuple[FrameKind, bytes] = (FrameKind.ESTABLISHED, b"")
        await self.line.send(*last)
        attempts = 1
        taken, taken_at = b"", 0.0
        while True:
            frame = await self.line.receive(_WAIT)
            if frame is None or (not frame.fault and frame.kind == FrameKind.ERROR):
                if attempts >= _ATTEMPTS:
                    logger.warning(f"SMS: nothing comes on {self.channel.name}")
                    return
                attempts += 1
                await self.line.send(*last)
                continue
            if frame.fault:
                if attempts >= _ATTEMPTS:
                    logger.warning(f"SMS: what comes on {self.channel.name} is damaged")
                    return
                attempts += 1
                await self.line.send(FrameKind.ERROR, bytes([frame.fault]))
            elif frame.kind == FrameKind.RELEASE:
                return
            elif frame.kind == FrameKind.DATA:
                attempts = 1
                if frame.payload != taken or self.channel.system.now() < taken_at + _REPEATED:
                    last = await self._take(frame)
                await self.line.send(*last)
                taken, taken_at = frame.payload, self.channel.system.now()
            else:
                logger.verbose(3, f"SMS: a frame of type {frame.kind:#x} was not expected")

    async def _take(self, frame: SmsFrame) -> tuple[FrameKind, bytes]:
        """Keep a message; what the other side is told."""
        queue, run = self.queue, self.channel.system.run_blocking
        number = self.channel.caller.id.number
        caller = number.text if number.valid else ""
        try:
            message: Submit | Deliver = parse_submit(frame.payload) if queue.is_centre else parse_deliver(frame.payload)
            await run(queue.put, queue.inbox, lines_of(message, caller))
        except (SmsFault, OSError) as fault:
            logger.warning(f"SMS: a message on {self.channel.name} is refused: {fault}")
            return FrameKind.REFUSED, bytes([int(queue.is_centre), _UNSPECIFIED, 0])
        await run(self._log, "received", message.address, message.text)
        if not queue.is_centre:
            return FrameKind.ACKNOWLEDGED, _DELIVER_REPORT
        return FrameKind.ACKNOWLEDGED, _SUBMIT_REPORT + encode_timestamp(self.channel.system.local_time())

    # -- the calling side ----------------------------------------------------------------------------------------------------

    async def _send_messages(self) -> None:
        frame = await self.line.receive(_WAIT)
        while frame is not None and (frame.fault or frame.kind != FrameKind.ESTABLISHED):
            frame = await self.line.receive(_WAIT)
        if frame is None:
            logger.warning(f"SMS: nobody takes messages on {self.channel.name}")
            return
        await self.channel.pause(self._delay)
        for path in await self.channel.system.run_blocking(self.queue.waiting):
            if not await self._send(path):
                break
        await self.line.send(FrameKind.RELEASE)

    async def _send(self, path: Path) -> bool:
        """Send a message; False if the other side does not follow any more."""
        run = self.channel.system.run_blocking
        try:
            now = self.channel.system.local_time()
            message = await run(lambda: read_message(path, is_centre=self.queue.is_centre, now=now))
            unit = message.encode()
        except (SmsFault, OSError) as fault:
            logger.error(f"SMS: {path} is not sent: {fault}")
            return True
        for _ in range(_ATTEMPTS):
            await self.line.send(FrameKind.DATA, unit)
            frame = await self.line.receive(_WAIT)
            if frame is None or frame.fault or frame.kind == FrameKind.ERROR:
                continue
            if frame.kind == FrameKind.ACKNOWLEDGED:
                await run(path.unlink, True)
                await run(self._log, "sent", message.address, message.text)
                return True
            if frame.kind == FrameKind.REFUSED:
                logger.warning(f"SMS: {path} is refused by the other side; it stays in the queue")
                return True
            break
        logger.warning(f"SMS: {path} is not acknowledged; it stays in the queue")
        return False

    def _log(self, what: str, address: str, text: str) -> None:
        """A line of the log. Writes the disk."""
        if "n" in self.options:
            return
        path = Path(self.channel.system.directories.astlogdir) / "sms"
        time = self.channel.system.local_time().isoformat(timespec="seconds")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"{time} {self.queue.name} {what} {address} {escape(text)}\n")
        except OSError as error:
            logger.warning(f"SMS: {path}: {error.strerror}")

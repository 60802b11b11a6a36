"""Frame Trace for internal ast_frame debugging."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.framenames import FrameSet
from globstar.core.frametrace import Tracer, describe
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function
from globstar.core.system import System

_KEY = "frame trace"


@write_function("FRAME_TRACE", syntax="FRAME_TRACE(filter list type)")
def frame_trace(channel: Channel | None, args: str, value: str) -> None:
    """Show the frames that a channel reads and writes, on the console.

    ``Set(FRAME_TRACE(white)=DTMF_BEGIN,DTMF_END)`` shows these alone, ``black`` all others, ``Set(FRAME_TRACE()=)`` all.
    Kinds are DTMF_BEGIN, DTMF_END, VOICE, VIDEO, CONTROL, NULL, IAX, TEXT, TEXT_DATA, IMAGE, HTML, CNG and MODEM.
    """
    if channel is None:
        raise FunctionError("FRAME_TRACE needs a channel")
    kind = args.strip().lower() or "white"
    if kind not in ("white", "black"):
        raise FunctionError(f"FRAME_TRACE knows white and black, not '{args}'")
    frames = FrameSet(value, with_controls=False)
    if frames.unknown:
        raise FunctionError(f"FRAME_TRACE: there are no frames '{', '.join(frames.unknown)}'")
    running = channel.data.pop(_KEY, None)
    if isinstance(running, Tracer):
        running.stop()
    # nothing named: a black list of nothing
    tracer = channel.data[_KEY] = Tracer(channel, frames, is_white=kind == "white" and bool(frames))
    tracer.start()


@cli_command(
    "channel dump frames",
    usage="channel dump frames <channel>",
    complete=lambda system, args: list(system.channels) if len(args) <= 1 else [],
)
def dump_frames(system: System, args: list[str]) -> str:
    """Show the frames of a channel that wait to be read.

    Digits and control frames wait while nothing reads the channel; sound does not.
    """
    if len(args) != 1:
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        raise CliFailure(f"No such channel: {args[0]}")
    frames = [describe(frame) for frame in channel.queue]
    return CliText("\n".join([*frames, f"{len(frames)} frames wait on {channel.name}"]), frames)

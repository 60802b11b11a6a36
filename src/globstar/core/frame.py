"""Frames: what flows between channels. Numbers are Asterisk's (compat/frames.tsv)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from globstar.core.format import Format


class FrameType(IntEnum):
    """Kind of a frame."""

    DTMF_END = 1
    VOICE = 2
    VIDEO = 3
    CONTROL = 4
    NULL = 5
    IAX = 6
    TEXT = 7
    IMAGE = 8
    HTML = 9
    CNG = 10
    MODEM = 11
    DTMF_BEGIN = 12
    BRIDGE_ACTION = 13
    BRIDGE_ACTION_SYNC = 14
    RTCP = 15
    TEXT_DATA = 16
    #: Voice of an audio stream beside the first. Ours: Asterisk's frames carry the number of their stream, which would have to be
    #: looked at for every packet; whoever does not know this type leaves such streams alone.
    MORE_VOICE = 64


class Control(IntEnum):
    """Subtype of a CONTROL frame."""

    HANGUP = 1
    RING = 2
    RINGING = 3
    ANSWER = 4
    BUSY = 5
    TAKEOFFHOOK = 6
    OFFHOOK = 7
    CONGESTION = 8
    FLASH = 9
    WINK = 10
    OPTION = 11
    RADIO_KEY = 12
    RADIO_UNKEY = 13
    PROGRESS = 14
    PROCEEDING = 15
    HOLD = 16
    UNHOLD = 17
    VIDUPDATE = 18
    T38 = 19
    SRCUPDATE = 20
    TRANSFER = 21
    CONNECTED_LINE = 22
    REDIRECTING = 23
    T38_PARAMETERS = 24
    CC = 25
    SRCCHANGE = 26
    READ_ACTION = 27
    AOC = 28
    END_OF_Q = 29
    INCOMPLETE = 30
    MCID = 31
    UPDATE_RTP_PEER = 32
    PVT_CAUSE_CODE = 33
    MASQUERADE_NOTIFY = 34
    STREAM_TOPOLOGY_REQUEST_CHANGE = 35
    STREAM_TOPOLOGY_CHANGED = 36
    STREAM_TOPOLOGY_SOURCE_CHANGED = 37
    STREAM_STOP = 1000
    STREAM_SUSPEND = 1001
    STREAM_RESTART = 1002
    STREAM_REVERSE = 1003
    STREAM_FORWARD = 1004
    PLAYBACK_BEGIN = 1005
    RECORD_CANCEL = 1100
    RECORD_STOP = 1101
    RECORD_SUSPEND = 1102
    RECORD_MUTE = 1103


class Modem(IntEnum):
    """Subtype of a MODEM frame; its data is never touched."""

    T38 = 1
    V150 = 2


class Html(IntEnum):
    """Subtype of an HTML frame."""

    URL = 1
    DATA = 2
    BEGIN = 4
    END = 8
    LDCOMPLETE = 16
    NOSUPPORT = 17
    LINKURL = 18
    UNLINK = 19
    LINKREJECT = 20


class T38Control(IntEnum):
    """Request or state carried in the data of a T38_PARAMETERS control frame."""

    REQUEST_NEGOTIATE = 1
    REQUEST_TERMINATE = 2
    NEGOTIATED = 3
    TERMINATED = 4
    REFUSED = 5
    REQUEST_PARMS = 6


class T38Rate(IntEnum):
    """Fastest rate of a T.38 session, in the data of a T38_PARAMETERS control frame."""

    RATE_14400 = 0
    RATE_2400 = 1
    RATE_4800 = 2
    RATE_7200 = 3
    RATE_9600 = 4
    RATE_12000 = 5


class TransferResult(IntEnum):
    """Data of a TRANSFER control frame."""

    SUCCESS = 0
    FAILED = 1
    PROGRESS = 2
    UNAVAILABLE = 3
    INVALID = 4


class ReadAction(IntEnum):
    """Data of a READ_ACTION control frame."""

    CONNECTED_LINE_MACRO = 0
    SEND_TEXT = 1
    SEND_TEXT_DATA = 2


class ChannelOption(IntEnum):
    """Options of ``ChannelTech.set_option`` and ``query_option``."""

    TONE_VERIFY = 1
    TXGAIN = 5
    RXGAIN = 6
    CHANNEL_WRITE = 9
    T38_STATE = 10
    FORMAT_READ = 11
    FORMAT_WRITE = 12
    MAKE_COMPATIBLE = 13
    DIGIT_DETECT = 14
    FAX_DETECT = 15
    DEVICE_NAME = 16
    CC_AGENT_TYPE = 17
    SECURE_SIGNALING = 18
    SECURE_MEDIA = 19


class OptionFlag(IntEnum):
    """Flags of an OPTION control frame."""

    REQUEST = 0
    ACCEPT = 1
    REJECT = 2
    QUERY = 4
    ANSWER = 5
    WTF = 6


class Frame:
    """One unit of media or signalling.

    ``format`` is set on media frames. ``subtype`` is a :class:`Control` member on CONTROL, ``ord(digit)`` on DTMF, and on
    VIDEO, TEXT and MORE_VOICE the number of the stream among its kind. ``data`` is the payload (bytes) or the control's argument.
    ``samples`` counts samples at the format's sampling rate; ``rtp_time`` and ``seq`` are the sender's, None when
    made here; ``source`` names whose they are, where that is told ("" elsewhere): frames of another source have other numbers.
    ``duration_ms`` is the length of a DTMF_END. ``data`` is shared, never changed in place.
    """

    __slots__ = ("data", "duration_ms", "format", "marker", "rtp_time", "samples", "seq", "source", "subtype", "type")

    def __init__(
        self,
        type: FrameType,
        subtype: int = 0,
        data: Any = b"",
        *,
        format: Format | None = None,
        samples: int = 0,
        rtp_time: int | None = None,
        seq: int | None = None,
        marker: bool = False,
        duration_ms: int = 0,
        source: str = "",
    ) -> None:
        self.type = type
        self.subtype = subtype
        self.data = data
        self.format = format
        self.samples = samples
        self.rtp_time = rtp_time
        self.seq = seq
        self.marker = marker
        self.duration_ms = duration_ms
        self.source = source

    def __repr__(self) -> str:
        what = self.format.name if self.format is not None else str(self.subtype)
        if self.type is FrameType.CONTROL:
            what = Control(self.subtype).name
        elif self.type in (FrameType.DTMF_BEGIN, FrameType.DTMF_END):
            what = chr(self.subtype)
        return f"<Frame {self.type.name} {what} samples={self.samples}>"

    def in_stream(self, number: int) -> Frame:
        """The same media frame in another stream of its kind."""
        type_ = FrameType.MORE_VOICE if number and self.type is FrameType.VOICE else self.type
        return Frame(
            type_, number, self.data, format=self.format, samples=self.samples, rtp_time=self.rtp_time, seq=self.seq,
            marker=self.marker, source=self.source,
        )  # fmt: skip

    @property
    def digit(self) -> str:
        """The digit of a DTMF frame."""
        return chr(self.subtype)


def voice(format: Format, data: bytes, samples: int) -> Frame:
    """A VOICE frame of ``samples`` samples."""
    return Frame(FrameType.VOICE, 0, data, format=format, samples=samples)


def control(subtype: Control, data: Any = b"") -> Frame:
    """A CONTROL frame."""
    return Frame(FrameType.CONTROL, subtype, data)


def digit_begin(digit: str) -> Frame:
    """The start of a digit."""
    return Frame(FrameType.DTMF_BEGIN, ord(digit))


def digit_end(digit: str, duration_ms: int = 0) -> Frame:
    """The end of a digit of ``duration_ms`` (0: not known)."""
    return Frame(FrameType.DTMF_END, ord(digit), duration_ms=duration_ms)


NULL_FRAME = Frame(FrameType.NULL)

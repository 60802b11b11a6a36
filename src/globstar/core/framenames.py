"""Kinds of frames by the names that dialplans use for them."""

from __future__ import annotations

from globstar.core.frame import Control, Frame, FrameType

#: Kinds that FRAME_TRACE and FRAME_DROP know.
FRAME_NAMES: dict[str, FrameType] = {
    name: FrameType[name]
    for name in (
        "DTMF_BEGIN", "DTMF_END", "VOICE", "VIDEO", "CONTROL", "NULL", "IAX", "TEXT", "TEXT_DATA", "IMAGE", "HTML", "CNG",
        "MODEM",
    )
}  # fmt: skip
#: Conditions that FRAME_DROP knows besides.
CONTROL_NAMES: dict[str, Control] = {
    name: Control[name]
    for name in (
        "RING", "RINGING", "ANSWER", "BUSY", "TAKEOFFHOOK", "OFFHOOK", "CONGESTION", "FLASH", "WINK", "PROGRESS", "PROCEEDING",
        "HOLD", "UNHOLD", "VIDUPDATE", "CONNECTED_LINE", "REDIRECTING",
    )
}  # fmt: skip


class FrameSet:
    """Some kinds of frames; ``unknown`` are the words of the text that name none."""

    __slots__ = ("_controls", "_kinds", "unknown")

    def __init__(self, text: str, *, with_controls: bool) -> None:
        self._kinds: set[FrameType] = set()
        self._controls: set[int] = set()
        self.unknown: list[str] = []
        for word in (part.strip().upper() for part in text.split(",")):
            if word in FRAME_NAMES:
                self._kinds.add(FRAME_NAMES[word])
                if word == "VOICE":  # of whichever stream
                    self._kinds.add(FrameType.MORE_VOICE)
            elif with_controls and word in CONTROL_NAMES:
                self._controls.add(CONTROL_NAMES[word])
            elif word:
                self.unknown.append(word)

    def __bool__(self) -> bool:
        return bool(self._kinds or self._controls)

    def __contains__(self, frame: Frame) -> bool:
        return frame.type in self._kinds or (frame.type is FrameType.CONTROL and frame.subtype in self._controls)

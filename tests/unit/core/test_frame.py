"""Frames: every number of compat/frames.tsv, and the helpers that make frames."""

from __future__ import annotations

import csv
from enum import IntEnum
from pathlib import Path

import pytest

from globstar.core.format import ulaw
from globstar.core.frame import (
    NULL_FRAME,
    ChannelOption,
    Control,
    Frame,
    FrameType,
    Html,
    Modem,
    OptionFlag,
    ReadAction,
    T38Control,
    T38Rate,
    TransferResult,
    control,
    digit_begin,
    digit_end,
    voice,
)

ENUMS: dict[str, tuple[type[IntEnum], str]] = {
    "frame": (FrameType, ""),
    "control": (Control, ""),
    "modem": (Modem, ""),
    "html": (Html, ""),
    "ast_control_t38": (T38Control, "AST_T38_"),
    "ast_control_t38_rate": (T38Rate, "AST_T38_"),
    "ast_control_transfer": (TransferResult, "AST_TRANSFER_"),
    "ast_frame_read_action": (ReadAction, "AST_FRAME_READ_ACTION_"),
}


def rows(shared: Path) -> list[dict[str, str]]:
    with (shared / "compat" / "frames.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_number_is_asterisks(shared: Path) -> None:
    seen: set[tuple[type[IntEnum], str]] = set()
    for row in rows(shared):
        name, value = row["name"], int(row["value"])
        if row["kind"] == "option":
            enum: type[IntEnum] = OptionFlag if name.startswith("FLAG_") else ChannelOption
            prefix = "FLAG_" if name.startswith("FLAG_") else ""
        else:
            enum, prefix = ENUMS[row["kind"]]
        member = enum[name.removeprefix("_XXX_").removeprefix(prefix)]
        assert int(member) == value, row
        seen.add((enum, member.name))
    enums: list[type[IntEnum]] = [*(enum for enum, _ in ENUMS.values()), OptionFlag, ChannelOption]
    assert {(enum, member.name) for enum in enums for member in enum} == seen | {(FrameType, "MORE_VOICE")}


def test_makers() -> None:
    frame = voice(ulaw, b"\xff" * 160, 160)
    assert (frame.type, frame.format, frame.samples, frame.rtp_time, frame.seq) == (FrameType.VOICE, ulaw, 160, None, None)
    hold = control(Control.HOLD, "music")
    assert (hold.type, hold.subtype, hold.data) == (FrameType.CONTROL, Control.HOLD, "music")
    assert (digit_begin("5").type, digit_begin("5").digit) == (FrameType.DTMF_BEGIN, "5")
    assert (digit_end("#", 90).digit, digit_end("#", 90).duration_ms) == ("#", 90)
    assert NULL_FRAME.type is FrameType.NULL


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (voice(ulaw, b"", 160), "<Frame VOICE ulaw samples=160>"),
        (control(Control.RINGING), "<Frame CONTROL RINGING samples=0>"),
        (digit_end("7"), "<Frame DTMF_END 7 samples=0>"),
        (Frame(FrameType.MODEM, Modem.T38, b"x"), "<Frame MODEM 1 samples=0>"),
    ],
)
def test_repr_says_what_it_is(frame: Frame, text: str) -> None:
    assert repr(frame) == text

"""Formats of the core as SDP names them, and what of them two sides agree on."""

from __future__ import annotations

import pytest

from globstar.core import format as formats
from globstar.core.format import FMTP, Format, FormatCapabilities
from globstar.modules.channels.pjsip.codecs import agreed, describe, describe_all
from globstar.proto.sdp import CodecDescription, NegotiatedCodec


@pytest.mark.parametrize(
    ("format", "framing", "fmtp", "ptime"),
    [
        (formats.ulaw, 0, "", 20),
        (formats.ulaw, 30, "", 30),
        (formats.gsm, 30, "", 20),  # frames of 20 ms
        (formats.gsm, 60, "", 60),
        (formats.g729, 15, "annexb=no", 10),
        (formats.lpc10, 60, "", 45),
        (formats.opus, 60, "useinbandfec=1", 60),
        (formats.ilbc, 0, "mode=20", 20),
        (formats.ilbc, 40, "mode=20", 40),
        (formats.ilbc, 60, "mode=20", 60),
        (formats.ilbc, 30, "mode=30", 30),
        (formats.ilbc, 90, "mode=30", 90),
        (formats.ilbc30, 0, "mode=30", 30),
        (formats.amr, 0, "octet-align=1", 20),
        (formats.amr_efficient, 0, "octet-align=0", 20),
    ],
    ids=lambda value: value.codec.name if isinstance(value, Format) else None,
)
def test_parameters_and_packet_time(format: Format, framing: int, fmtp: str, ptime: int) -> None:
    description = describe(format, framing)
    assert description is not None
    assert (description.fmtp, description.ptime_ms) == (fmtp, ptime)


@pytest.mark.parametrize(
    ("format", "ours", "theirs", "wanted"),
    [
        (formats.ilbc, "mode=20", "mode=20", formats.ilbc),
        (formats.ilbc, "mode=20", "", formats.ilbc30),
        (formats.ilbc30, "mode=30", "mode=20", formats.ilbc30),
        (formats.amr, "octet-align=1", "octet-align=1", formats.amr),
        (formats.amr, "octet-align=1", "", formats.amr_efficient),
        (formats.amrwb_efficient, "octet-align=0", "octet-align=1", formats.amrwb),
        (formats.ulaw, "", "x=1", formats.ulaw),
    ],
)
def test_what_is_agreed(format: Format, ours: str, theirs: str, wanted: Format) -> None:
    assert agreed(format, NegotiatedCodec(CodecDescription("any", fmtp=ours), 97, 97, theirs)) is wanted


def test_modes_of_amr_are_kept_in_one_format_for_all_calls() -> None:
    negotiated = NegotiatedCodec(CodecDescription("AMR"), 97, 97, "mode-set=0,2; octet-align=1; max-red=20")
    first, second = (agreed(formats.amr, negotiated) for _ in range(2))
    assert first is second
    assert first.codec is formats.amr.codec
    assert first.attributes == {FMTP: "octet-align=1; mode-set=0,2"}
    described = describe(first, 0)
    assert described is not None
    assert described.fmtp == first.attributes[FMTP]


def test_what_rtp_cannot_carry_is_left_out() -> None:
    found = describe_all([formats.codec2, formats.ulaw, formats.slin16], FormatCapabilities())
    assert [(description.name, description.clock_rate) for description in found] == [("PCMU", 8000), ("L16", 16000)]

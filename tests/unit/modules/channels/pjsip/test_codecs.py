"""Formats of the core as SDP names them, and what of them two sides agree on."""

from __future__ import annotations

import pytest

from globstar.core import format as formats
from globstar.core.format import Format, FormatCapabilities
from globstar.modules.channels.pjsip.codecs import describe, describe_all, form_of
from globstar.proto.sdp import CodecDescription, NegotiatedCodec


@pytest.mark.parametrize(
    ("format", "framing", "fmtp", "ptime"),
    [
        (formats.ulaw, 0, "", 20),
        (formats.ulaw, 30, "", 30),
        (formats.gsm, 30, "", 20),  # frames of 20 ms
        (formats.gsm, 60, "", 60),
        (formats.g729, 15, "annexb=no", 10),
        (formats.lpc10, 60, "", 22),  # 20 ms are the most, a frame has 22.5
        (formats.opus, 60, "useinbandfec=1", 60),
        (formats.opus, 45, "useinbandfec=1", 40),
        (formats.opus, 5, "useinbandfec=1", 10),
        (formats.opus, 500, "useinbandfec=1", 120),
        (formats.ulaw, 500, "", 140),
        (formats.speex, 50, "", 40),
        (formats.amr, 70, "octet-align=1; mode-change-capability=2", 60),
        (formats.ilbc, 0, "mode=20", 20),
        (formats.ilbc, 40, "mode=20", 40),
        (formats.ilbc, 60, "mode=20", 60),
        (formats.ilbc, 30, "mode=30", 30),
        (formats.ilbc, 90, "mode=30", 90),
        (formats.ilbc30, 0, "mode=30", 30),
        (formats.codec2, 0, "", 20),
        (formats.silk24, 60, "", 60),
        (formats.amr, 0, "octet-align=1; mode-change-capability=2", 20),
        (formats.amr_efficient, 0, "octet-align=0; mode-change-capability=2", 20),
    ],
    ids=lambda value: value.codec.name if isinstance(value, Format) else None,
)
def test_parameters_and_packet_time(format: Format, framing: int, fmtp: str, ptime: int) -> None:
    description = describe(format, framing)
    assert description is not None
    assert (description.fmtp, description.ptime_ms) == (fmtp, ptime)
    assert description.max_ptime_ms >= ptime


MINE = describe_all([formats.ulaw, formats.ilbc, formats.amr, formats.amrwb], FormatCapabilities())


@pytest.mark.parametrize(
    ("name", "clock", "fmtp", "wanted"),
    [
        ("iLBC", 8000, "mode=20", formats.ilbc),
        ("iLBC", 8000, "mode=30", formats.ilbc30),
        ("AMR", 8000, "octet-align=1", formats.amr),
        ("AMR", 8000, "", formats.amr_efficient),
        ("AMR-WB", 16000, "", formats.amrwb_efficient),
        ("PCMU", 8000, "", formats.ulaw),
        ("PCMA", 8000, "", None),
    ],
)
def test_the_form_that_is_agreed_on(name: str, clock: int, fmtp: str, wanted: Format | None) -> None:
    negotiated = NegotiatedCodec(CodecDescription(name, clock, fmtp=fmtp), 97, 97)
    assert form_of(negotiated, MINE) is wanted


def test_modes_of_amr_are_kept_in_one_format_for_all_calls() -> None:
    negotiated = NegotiatedCodec(CodecDescription("AMR", fmtp="octet-align=1; mode-set=0,2"), 97, 97)
    first, second = (form_of(negotiated, MINE) for _ in range(2))
    assert first is second
    assert first is not None
    assert first.codec is formats.amr.codec
    described = describe(first, 0)
    assert described is not None
    assert described.fmtp == "octet-align=1; mode-set=0,2; mode-change-capability=2"


def test_what_rtp_cannot_carry_is_left_out() -> None:
    found = describe_all([formats.none, formats.ulaw, formats.slin16], FormatCapabilities())
    assert [(description.name, description.clock_rate) for description in found] == [("PCMU", 8000), ("L16", 16000)]

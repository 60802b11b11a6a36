"""SDP attributes of T.38 (ITU-T T.38 table D.1)."""

from __future__ import annotations

import pytest

from globstar.proto.t38 import Correction, FaxDescription

USUAL = [
    ("T38FaxVersion", "0"),
    ("T38MaxBitRate", "14400"),
    ("T38FaxRateManagement", "transferredTCF"),
    ("T38FaxMaxDatagram", "400"),
]


def test_the_usual() -> None:
    assert FaxDescription().attributes() == USUAL
    assert FaxDescription.parse(USUAL) == FaxDescription()


@pytest.mark.parametrize(
    "description",
    [
        FaxDescription(3, 9600, True, True, True, True, 2000, 176, Correction.REDUNDANCY),
        FaxDescription(correction=Correction.FEC, max_datagram=0, max_buffer=72),
    ],
)
def test_round_trip(description: FaxDescription) -> None:
    read = FaxDescription.parse(description.attributes())
    assert read == (description if description.max_datagram else FaxDescription(correction=Correction.FEC, max_buffer=72))


def test_names_in_any_case_and_values_of_old_gateways() -> None:
    read = FaxDescription.parse(
        [
            ("t38faxversion", " 2 "),
            ("T38faxFillBitRemoval", "0"),
            ("T38FAXTRANSCODINGMMR", "1"),
            ("T38FaxUdpEC", "T38UDPRedundancy"),
            ("T38MaxBitRate", "fast"),
        ]
    )
    assert read == FaxDescription(version=2, transcoding_mmr=True, correction=Correction.REDUNDANCY)

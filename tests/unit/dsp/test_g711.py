"""G.711 against the standard's own values."""

import pytest

from globstar.dsp import g711


def samples(data):
    return list(memoryview(data).cast("h"))


def test_g711_table_2b_decision_values_of_mu_law():
    # The largest code is 8031 of 8159 in 14 bits, the smallest 0 (ITU-T G.711 table 2).
    assert samples(g711.ulaw_to_linear(bytes((0x80, 0x00, 0xFF, 0x7F)))) == [32124, -32124, 0, 0]


def test_g711_table_1a_decision_values_of_a_law():
    # The largest code is 4032 of 4096 in 13 bits, the smallest 1 (ITU-T G.711 table 1).
    assert samples(g711.alaw_to_linear(bytes((0xAA, 0x2A, 0xD5, 0x55)))) == [32256, -32256, 8, -8]


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_code_survives_the_way_through_linear(law):
    expand = getattr(g711, f"{law}_to_linear")
    compress = getattr(g711, f"linear_to_{law}")
    codes = bytes(code for code in range(256) if not (law == "ulaw" and code == 0x7F))  # minus zero becomes plus zero
    assert compress(expand(codes)) == codes


def test_direct_tables_are_what_linear_gives():
    codes = bytes(range(256))
    assert g711.ulaw_to_alaw(codes) == g711.linear_to_alaw(g711.ulaw_to_linear(codes))
    assert g711.alaw_to_ulaw(codes) == g711.linear_to_ulaw(g711.alaw_to_linear(codes))


def test_g711_table_5_digital_milliwatt_is_the_same_tone_in_both_laws():
    mu = samples(g711.ulaw_to_linear(g711.ULAW_MILLIWATT))
    a = samples(g711.alaw_to_linear(g711.ALAW_MILLIWATT))
    assert sum(mu) == 0
    assert all(abs(x - y) < 200 for x, y in zip(mu, a))


@pytest.mark.parametrize("compress", [g711.linear_to_ulaw, g711.linear_to_alaw])
def test_an_odd_byte_is_left_out(compress):
    assert len(compress(bytes(321))) == 160
    assert compress(b"") == b""


def test_silence_codes_are_linear_zero():
    assert g711.linear_to_ulaw(bytes(2)) == bytes((g711.ULAW_SILENCE,))
    assert g711.linear_to_alaw(bytes(2)) == bytes((g711.ALAW_SILENCE,))

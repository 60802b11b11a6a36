"""SRTP of a session: test vectors, replay, re-keying, counters, and the packet relay between secured and plain sessions."""

from __future__ import annotations

import asyncio
import random

import pytest

from globstar.media import libsrtp, native
from globstar.media.relay import Relay
from globstar.media.session import RtpSession
from globstar.media.srtp import OVERLAP, Refused, SrtpContext
from globstar.proto.rtp import RtpPacket
from globstar.proto.sdp.crypto import AES_80, GCM_128, SUITES, CryptoKey, Suite
from tests.conftest import IN_CI
from tests.unit.media.rig import Ear, Rig

pytestmark = pytest.mark.virtual_time


@pytest.fixture(params=["native", "python"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs with libsrtp called natively and through pylibsrtp."""
    if request.param == "python":
        monkeypatch.setattr(libsrtp, "is_available", lambda: False)
    elif not native.is_available():
        assert not IN_CI, "the native module was not built"
        pytest.skip("the native module was not built")  # in CI a skip fails the run


STRANGER = ("203.0.113.9", 4444)


def key_of(suite: Suite, start: int) -> bytes:
    return bytes((start + index) % 256 for index in range(suite.key + suite.salt))


def contexts(suite: Suite = AES_80, *, mki: int = 0) -> tuple[SrtpContext, SrtpContext]:
    """Two ends with keys of their own."""
    one, two = SrtpContext(), SrtpContext()
    one.set_send_key(suite, key_of(suite, 1))
    two.set_receive_key(CryptoKey(1, suite, key_of(suite, 1), mki))
    two.set_send_key(suite, key_of(suite, 100))
    one.set_receive_key(CryptoKey(1, suite, key_of(suite, 100), mki))
    return one, two


def packet(sequence: int, payload: bytes = b"voice", ssrc: int = 0xCAFE) -> bytes:
    return bytes(RtpPacket(0, sequence, sequence * 160, ssrc, payload))


def test_a_known_packet_of_aes_cm_with_hmac_sha1() -> None:
    """The packet that implementations of RFC 3711 exchange: key, salt, header and cipher text are published with libsrtp."""
    master = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")
    plain = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
    secret = bytes.fromhex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
    context = SrtpContext()
    context.set_send_key(AES_80, master)
    context.set_receive_key(CryptoKey(1, AES_80, master))
    assert context.encrypt(plain) == secret
    assert context.decrypt(secret) == plain


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
@pytest.mark.parametrize("mki", [0, 4])
def test_rfc3711_3_1_what_one_end_sends_the_other_understands(suite: Suite, mki: int) -> None:
    one, two = contexts(suite)
    report = bytes.fromhex("80c80006") + bytes(24)
    for plain, tag in ((packet(1), suite.tag), (report, suite.rtcp_tag)):
        secret = one.encrypt(plain)
        assert plain[12:] not in secret
        if mki:
            two.mki = mki
            cut = len(secret) if suite.name.startswith("AEAD") else len(secret) - tag
            secret = secret[:cut] + b"\x00" * mki + secret[cut:]
        assert two.decrypt(secret) == plain
    assert (two.not_authentic, two.replayed, two.unkeyed) == (0, 0, 0)


@pytest.mark.parametrize("size", [1, 1344, 1460, 2000])
def test_pictures_fill_whole_datagrams(size: int) -> None:
    one, two = contexts()
    plain = packet(1, bytes(size))
    assert two.decrypt(one.encrypt(plain)) == plain


def test_packets_beyond_every_datagram_are_refused() -> None:
    one, two = contexts()
    for way in (one.encrypt, two.decrypt):
        with pytest.raises(Refused):
            way(packet(1, bytes(9000)))


def test_rfc3711_3_3_2_replayed_and_altered_packets_are_dropped_and_counted() -> None:
    one, two = contexts()
    secret = one.encrypt(packet(7))
    for position in (2, 13, len(secret) - 1):
        altered = bytearray(secret)
        altered[position] ^= 1
        with pytest.raises(Refused):
            two.decrypt(bytes(altered))
    two.decrypt(secret)
    with pytest.raises(Refused):
        two.decrypt(secret)
    for cut in (b"", b"\x80", secret[:11]):
        with pytest.raises(Refused):
            two.decrypt(cut)
    assert two.replayed == 1
    assert two.not_authentic >= 4


def test_rfc3711_3_3_1_the_roll_over_counter_goes_on() -> None:
    one, two = contexts()
    for number in range(65530, 65545):
        plain = packet(number & 0xFFFF)
        assert two.decrypt(one.encrypt(plain)) == plain


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_rfc3711_3_3_1_losses_and_late_packets_around_the_wrap(suite: Suite) -> None:
    """What comes of two rounds of numbers, with most packets about each wrap lost and some late, is all understood."""
    one, two = contexts(suite)
    chance = random.Random(7)
    late: list[tuple[bytes, bytes]] = []
    for number in range(65000, 2 * 65536 + 300, 11):
        plain = packet(number & 0xFFFF)
        secret = one.encrypt(plain)
        near = min(number % 65536, 65536 - number % 65536) < 200
        if near and chance.random() < 0.6:
            continue  # lost
        if near and chance.random() < 0.3:
            late.append((secret, plain))
            continue
        assert two.decrypt(secret) == plain
        if late and chance.random() < 0.3:
            secret, plain = late.pop(0)
            assert two.decrypt(secret) == plain
            with pytest.raises(Refused):
                two.decrypt(secret)
    assert two.not_authentic == 0


def test_rfc3711_3_2_3_each_source_counts_for_itself() -> None:
    """A new SSRC begins anywhere and at the first round; the old one goes on where it was."""
    one, two = contexts()
    for number in (65534, 65535, 65536, 65537):
        assert two.decrypt(one.encrypt(packet(number & 0xFFFF)))
    for number in (40000, 40001, 10):  # the second source has gone round when it comes to 10
        assert two.decrypt(one.encrypt(packet(number, ssrc=0xBEEF)))
    assert two.decrypt(one.encrypt(packet(2)))
    assert (two.not_authentic, two.replayed) == (0, 0)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_rfc3711_3_4_reports_count_by_themselves_and_come_once(suite: Suite) -> None:
    one, two = contexts(suite)
    report = bytes.fromhex("80c80006") + bytes(24)
    secrets = [one.encrypt(report) for _ in range(4)]
    assert len(set(secrets)) == 4
    indices = [secret[-suite.rtcp_tag - 4 :][:4] for secret in secrets]
    if suite.name.startswith("AEAD"):
        indices = [secret[-4:] for secret in secrets]  # RFC 7714 section 9.2
    assert [int.from_bytes(index, "big") & 0x7FFFFFFF for index in indices] == [1, 2, 3, 4]
    assert all(index[0] & 0x80 for index in indices), "encrypted"
    for place in (1, 0, 3):
        assert two.decrypt(secrets[place]) == report
    with pytest.raises(Refused):
        two.decrypt(secrets[0])
    assert two.replayed == 1


@pytest.mark.parametrize("other", SUITES.values(), ids=lambda suite: suite.name)
@pytest.mark.parametrize("mki", [0, 2])
def test_packets_under_the_former_key_are_taken_until_the_new_one_is_used(other: Suite, mki: int) -> None:
    """They were on their way when the keys changed."""
    one, two = contexts()
    old = [one.encrypt(packet(number)) for number in range(10)]
    report = one.encrypt(bytes.fromhex("80c80006") + bytes(24))
    assert two.decrypt(old[0]) == packet(0)
    one.set_send_key(other, key_of(other, 50))
    two.set_receive_key(CryptoKey(1, other, key_of(other, 50), mki))
    assert two.opens is None, "native code knows one key at a time"
    for number in (1, 3, 2):
        assert two.decrypt(old[number]) == packet(number)
    assert two.decrypt(report)
    with pytest.raises(Refused):
        two.decrypt(old[3])
    fresh = one.encrypt(packet(11))
    cut = len(fresh) if other.name.startswith("AEAD") else len(fresh) - other.tag
    assert two.decrypt(fresh[:cut] + bytes(mki) + fresh[cut:]) == packet(11)
    assert (two.opens is not None) == native.is_available() or not libsrtp.is_available()
    with pytest.raises(Refused):
        two.decrypt(old[5])
    assert two.not_authentic == 2


def test_the_former_key_is_good_for_so_many_packets_and_no_more() -> None:
    one, two = contexts()
    two.set_receive_key(CryptoKey(1, AES_80, key_of(AES_80, 50)))
    for number in range(OVERLAP):
        assert two.decrypt(one.encrypt(packet(number)))
    with pytest.raises(Refused):
        two.decrypt(one.encrypt(packet(OVERLAP)))


def test_the_same_key_again_keeps_the_replay_window_and_a_new_one_replaces_it() -> None:
    one, two = contexts()
    secret = one.encrypt(packet(7))
    two.decrypt(secret)
    two.set_receive_key(CryptoKey(1, AES_80, key_of(AES_80, 1)))
    with pytest.raises(Refused):
        two.decrypt(secret)
    one.set_send_key(GCM_128, key_of(GCM_128, 9))
    fresh = one.encrypt(packet(8))
    with pytest.raises(Refused):
        two.decrypt(fresh)
    two.set_receive_key(CryptoKey(1, GCM_128, key_of(GCM_128, 9)))
    assert two.decrypt(fresh) == packet(8)
    assert two.suite == "AEAD_AES_128_GCM"


def test_without_keys_nothing_passes() -> None:
    context = SrtpContext()
    for way in (context.encrypt, context.decrypt):
        with pytest.raises(Refused):
            way(packet(1))
    assert (context.unkeyed, context.is_ready) == (2, False)


def secured(rig: Rig, *, mux: bool = False) -> tuple[RtpSession, RtpSession]:
    """Two sessions that talk SRTP with each other."""
    first, second = rig.pair()
    first.rtcp_mux = second.rtcp_mux = mux
    one, two = contexts()
    first.secure(one)
    second.secure(two)
    return first, second


@pytest.mark.parametrize("mux", [False, True])
async def test_sessions_exchange_media_and_reports_under_srtp(mux: bool) -> None:
    rig = Rig()
    first, second = secured(rig, mux=mux)
    ears = Ear(first), Ear(second)
    for number in range(20):  # beyond the probation, so that the sockets are connected
        first.send_media(b"a%d" % number, 160)
        second.send_media(b"b%d" % number, 160)
        await asyncio.sleep(0.02)
    assert len(ears[0].payloads) == len(ears[1].payloads) == 20
    first.handle_report(0)
    await asyncio.sleep(0)
    assert second.statistics().rtcp_received == 1
    assert second.statistics().not_authentic == 0
    rig.engine.close()


async def test_forged_packets_do_not_even_teach_the_source() -> None:
    rig = Rig()
    first, second = secured(rig)
    ear = Ear(second)
    stranger = rig.network.open(*STRANGER)
    for number in range(30):
        stranger.sendto(packet(number), second.local_address)
    await rig.talk(first, 8)
    assert len(ear.payloads) == 8
    assert second.statistics().not_authentic == 30
    assert second.statistics().wrong_source == 0
    rig.engine.close()


@pytest.mark.parametrize("far_is_secure", [False, True])
async def test_the_packet_relay_joins_secured_and_plain_sessions(far_is_secure: bool) -> None:
    """Phone - SRTP - relay - RTP or SRTP - phone; back the same way; a relay under way survives re-keying."""
    rig = Rig()
    phone, near = secured(rig)
    far, other = secured(rig) if far_is_secure else rig.pair()
    ears = Ear(phone), Ear(other)
    relay = Relay(near, far, {0: 0}, {0: 0})
    relay.join()
    for number in range(10):
        phone.send_media(b"to%d" % number, 160)
        other.send_media(b"fro%d" % number, 160)
        await asyncio.sleep(0.02)
    one, two = contexts(GCM_128)
    phone.secure(one)
    near.secure(two)
    phone.send_media(b"new key", 160)
    await asyncio.sleep(0.02)
    assert ears[1].payloads == [*(b"to%d" % number for number in range(10)), b"new key"]
    assert ears[0].payloads == [b"fro%d" % number for number in range(10)]
    assert near.settled is None
    relay.leave()
    near.secure(None)
    assert near.statistics().not_authentic == 0
    rig.engine.close()

"""baresip phones whose media are encrypted: tones cross between secured and plain, and between two secured phones."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.support.audio import tone_seconds
from tests.interop.support.baresip import Baresip
from tests.interop.support.office import Office, Phone
from tests.support.server import ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's reader ends with the phone

DIALPLAN = """\
exten => _1XX,1,Dial(PJSIP/${EXTEN},90)
exten => h,1,Log(NOTICE,the caller is secured: ${CHANNEL(rtp,secure)})
"""
TONES = {"100": 440.0, "101": 1000.0}
SDES = "media_encryption=sdes\n"
WEBRTC = "webrtc=yes\n"
DTLS = "media_encryption=dtls\nuse_avpf=yes\ndtls_verify=fingerprint\ndtls_auto_generate_cert=yes\n"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("srtp-mand", SDES), ("srtp-mand", SDES)),
        (("srtp-mand", SDES), ("", "")),
        (("", ""), ("srtp-mand", SDES)),
        (("srtp", SDES + "media_encryption_optimistic=yes\n"), ("srtp", SDES + "media_encryption_optimistic=yes\n")),
        (("dtls_srtp", DTLS), ("dtls_srtp", DTLS + "dtls_setup=actpass\nrtcp_mux=yes\n")),
        (("dtls_srtp", DTLS + "dtls_setup=passive\n"), ("srtp-mand", SDES)),
        (("dtls_srtp ice", DTLS + "ice_support=yes\n"), ("dtls_srtp ice", WEBRTC)),
        ((" ice", "ice_support=yes\n"), ("srtp-mand ice", SDES + "ice_support=yes\n")),
    ],
    ids=["sdes-sdes", "sdes-plain", "plain-sdes", "optimistic", "dtls-dtls", "dtls-sdes", "webrtc", "ice"],
)
def test_tones_cross(globstar_process: ServerFactory, tmp_path: Path, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Both directions are heard; a phone whose encryption is mandatory ends a call without it."""
    kinds = dict(zip(TONES, (first, second), strict=True))
    office = Office([Phone(name, f"secret-of-{name}", options=kind[1]) for name, kind in kinds.items()], {"phones": DIALPLAN})
    server = globstar_process(office.configuration())
    with ExitStack() as stack:
        a, b = (
            stack.enter_context(
                Baresip(
                    tmp_path / name, name, registrar=office.port, password=f"secret-of-{name}", tone=TONES[name],
                    media_encryption=mode.partition(" ")[0],
                    account=("medianat=ice", "rtcp_mux=" + ("yes" if "webrtc" in options else "no")) if "ice" in mode else (),
                )
            )
            for name, (mode, options) in kinds.items()
        )  # fmt: skip
        a.wait_registered()
        b.wait_registered()
        a.dial("101")
        b.wait_event("CALL_INCOMING")
        b.accept()
        a.wait_event("CALL_ESTABLISHED")
        b.wait_event("CALL_ESTABLISHED")
        a.wait_tone(TONES["101"], 1.5)
        b.wait_tone(TONES["100"], 1.5)
        a.hangup()
        server.wait_idle()
        assert tone_seconds(a.hearing(), TONES["101"]) >= 1.5
        assert tone_seconds(b.hearing(), TONES["100"]) >= 1.5
        server.wait_log(f"the caller is secured: {int('encryption' in first[1])}")

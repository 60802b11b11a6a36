"""baresip over TLS, with an offer that is capable of SRTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.support.baresip import Baresip
from tests.interop.support.office import Office, Phone
from tests.support.certificates import Authority
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import ServerFactory

pytestmark = pytest.mark.leaks_threads  # the phone's reader ends with the phone


def test_over_tls_an_offer_that_is_capable_of_srtp_connects(globstar_process: ServerFactory, tmp_path: Path) -> None:
    """baresip checks the server's certificate and offers a=crypto beside plain RTP."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", "localhost", HOST)
    office, port = Office([Phone("100", "secret-of-100", codecs="ulaw")]), free_port()
    files = office.configuration()
    files["pjsip.conf"] += (
        f"[tls]\ntype=transport\nprotocol=tls\nbind={HOST}:{port}\ncert_file={certificate}\npriv_key_file={key}\n"
    )
    server = globstar_process(files)
    with Baresip(
        tmp_path / "100", "100", registrar=port, password="secret-of-100", transport="tls", authority=authority.path,
        media_encryption="srtp",
    ) as phone:  # fmt: skip
        phone.wait_registered()
        assert "tls" in server.cli("pjsip show contacts").lower()
        phone.dial("601")
        phone.wait_event("CALL_ESTABLISHED")
        wait_until(lambda: "Milliwatt" in server.cli("core show channels"), 5, "the call is in Milliwatt")
        phone.hangup()
        server.wait_idle()

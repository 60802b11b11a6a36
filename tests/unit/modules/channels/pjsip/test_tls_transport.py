"""TLS transports of pjsip.conf over real connections: phones that come, calls that go, certificates that change."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.modules.channels.pjsip.contacts import ContactStatus
from tests.support.certificates import Authority
from tests.support.loopback import free_port
from tests.support.sip_phone import phone_section
from tests.support.switch import LogCapture, running_system
from tests.unit.modules.channels.pjsip.test_transports import message
from tests.unit.net.waiting import until


def tls_section(port: int, *lines: str) -> str:
    return "\n".join(["[tls]", "type=transport", "protocol=tls", f"bind=127.0.0.1:{port}", *lines, ""])


@asynccontextmanager
async def switch(root: Path, *sections: str) -> AsyncIterator[System]:
    files = {"pjsip.conf": "[global]\ntype=global\n" + "".join(sections), "extensions.conf": "[default]\n"}
    async with running_system(root, files) as system:
        yield system


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.path))


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> str:
    """Send a request, give the answer (without a body)."""
    writer.write(data)
    return (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 45)).decode()


async def test_a_phone_registers_and_certificates_change(tmp_path: Path) -> None:
    """After a reload new connections see the new certificate, and what stands goes on."""
    authority, port = Authority(tmp_path), free_port()
    cert, key = authority.issue("server", "localhost", common_name="first")
    section = tls_section(port, f"cert_file={cert}", f"priv_key_file={key}")
    async with switch(tmp_path, section, phone_section("alice")) as system:

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", port, ssl=trusting(authority), server_hostname="localhost")

        reader, writer = await connect()
        answer = await exchange(reader, writer, message("REGISTER", 5999, "TLS"))
        assert answer.startswith("SIP/2.0 200 ")
        assert "Via: SIP/2.0/TLS 127.0.0.1:5999;rport=" in answer

        def shown(one: asyncio.StreamWriter) -> str:
            return str(one.get_extra_info("ssl_object").getpeercert()["subject"][0][0][1])

        authority.issue("server", "localhost", common_name="second")
        await system.loader.reload("chan_pjsip")
        _, second = await connect()
        assert (shown(writer), shown(second)) == ("first", "second")
        assert (await exchange(reader, writer, message("OPTIONS", 5999, "TLS", call="c2"))).startswith("SIP/2.0 200 ")

        cert.write_text("no certificate")
        with LogCapture() as log:
            await system.loader.reload("chan_pjsip")
        assert any("'tls' goes on with what it had" in text for text in log.texts(Level.ERROR))
        _, third = await connect()
        assert shown(third) == "second"
        bound = system.services["pjsip"].transports.get("tls")
        await until(lambda: bound.carrier.describe()["accepted"] == 3)
        text = await run_command(system, "pjsip show transport tls")
        assert " accepted: 3\n" in text
        for one in (writer, second, third):
            one.close()


@pytest.mark.parametrize(("names", "lines", "reached"), [
    (("localhost",), ("verify_server=yes",), True),
    (("example.org",), ("verify_server=yes",), False),
    (("example.org",), (), True),
    (("*.example.org",), ("verify_server=yes", "allow_wildcard_certs=yes"), False),
])  # fmt: skip
async def test_rfc5922_requests_of_ours(tmp_path: Path, names: tuple[str, ...], lines: tuple[str, ...], reached: bool) -> None:
    """A contact with transport=tls is reached over one connection, if its certificate is for the host of the URI."""
    authority, port, own = Authority(tmp_path), free_port(), free_port()
    cert, key = authority.issue("phone", *names)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    told: list[str | None] = []
    context.sni_callback = lambda shown, name, _: told.append(name)  # type: ignore[assignment]
    got: list[bytes] = []

    async def phone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, OSError):
                break
            got.append(head)
            kept = [
                line for line in head.decode().split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
            ]
            writer.write(("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])).encode())
        writer.close()

    server = await asyncio.start_server(phone, "127.0.0.1", own, ssl=context)
    section = tls_section(port, f"ca_list_file={authority.path}", *lines)
    bob = phone_section("bob", contact=f"sip:bob@localhost:{own}\\;transport=tls")
    with LogCapture() as log:
        async with switch(tmp_path, section, bob) as system:
            (contact,) = system.services["pjsip"].contacts.contacts("bob")
            for attempt in (1, 2):
                await run_command(system, "pjsip qualify bob")
                wanted = ContactStatus.AVAILABLE if reached else ContactStatus.UNAVAILABLE
                await until(lambda: contact.status is wanted and len(got if reached else told) == attempt)  # noqa: B023
            assert set(told) == {"localhost"}
            assert len(told) == (1 if reached else 2)
            assert [b"Via: SIP/2.0/TLS 127.0.0.1:" in head for head in got] == ([True, True] if reached else [])
    assert any("no cert_file" in text for text in log.texts(Level.WARNING))
    if not reached:
        assert any("certificate is not for localhost" in text for text in log.texts(Level.NOTICE))
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("line", "complaint"), [
    ("cert_file=/no/such/file.pem", "cert_file '/no/such/file.pem' is missing"),
    ("method=sslv3", "'sslv3' is not offered"),
    ("cipher=NOTHING", "ciphers cannot be used"),
])  # fmt: skip
async def test_a_transport_that_cannot_be_used_is_left_out(tmp_path: Path, line: str, complaint: str) -> None:
    with LogCapture() as log:
        async with switch(tmp_path, tls_section(free_port(), line), phone_section("alice")) as system:
            assert system.services["pjsip"].transports.get("tls") is None
    assert any(complaint in text for text in log.texts(Level.ERROR))

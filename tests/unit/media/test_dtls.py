"""DTLS-SRTP: both ends get the same keys, over small datagrams and losses; certificates are what they should be."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from globstar.media.dtls import (
    DtlsAssociation,
    DtlsFault,
    DtlsKeys,
    DtlsSettings,
    Identity,
    fingerprint,
    load_identity,
    make_context,
    make_identity,
)

NOW = 1_790_000_000.0


class Pair:
    """A client and a server back to back; ``drop`` says which datagrams are lost, counted from 0."""

    def __init__(
        self, drop: frozenset[int] = frozenset(), *, mtu: int = 1200, client: Identity | None = None, may_rekey: bool = True
    ) -> None:
        loop = asyncio.get_running_loop()
        self.drop = drop
        self.sent: list[bytes] = []
        self.keys: dict[str, DtlsKeys] = {}
        self.failures: list[str] = []
        self.identities = client or make_identity(NOW), make_identity(NOW)
        self.client, self.server = (
            DtlsAssociation(loop, DtlsSettings(identity, mtu=mtu, may_rekey=may_rekey), is_client=is_client, transmit=transmit)
            for identity, is_client, transmit in zip(
                self.identities, (True, False), (self._to_server, self._to_client), strict=True
            )
        )
        self.done = asyncio.Event()
        self.client.on_keys = lambda keys: self._have("client", keys)
        self.server.on_keys = lambda keys: self._have("server", keys)
        self.client.on_failure = self.server.on_failure = self._fail

    def _have(self, name: str, keys: DtlsKeys) -> None:
        self.keys[name] = keys
        if len(self.keys) == 2:
            self.done.set()

    def _fail(self, reason: str) -> None:
        self.failures.append(reason)
        self.done.set()

    def _to_server(self, data: bytes) -> None:
        self._carry(data, lambda: self.server.receive(data))

    def _to_client(self, data: bytes) -> None:
        self._carry(data, lambda: self.client.receive(data))

    def _carry(self, data: bytes, deliver: object) -> None:
        self.sent.append(data)
        if len(self.sent) - 1 not in self.drop:
            asyncio.get_running_loop().call_soon(deliver)  # type: ignore[arg-type]

    async def finished(self, seconds: float = 60) -> None:
        self.client.start()
        async with asyncio.timeout(seconds):
            await self.done.wait()


@pytest.mark.parametrize("mtu", [256, 1200])
async def test_rfc5764_4_2_both_ends_have_the_same_keys(mtu: int) -> None:
    pair = Pair(mtu=mtu)
    await pair.finished()
    client, server = pair.keys["client"], pair.keys["server"]
    assert (client.ours, client.theirs) == (server.theirs, server.ours)
    assert client.ours.key != client.theirs.key
    assert len(client.ours.key) == client.ours.suite.key + client.ours.suite.salt
    assert max(map(len, pair.sent)) <= mtu
    shown = fingerprint(server.certificate, "sha-256")
    assert shown == pair.identities[0].fingerprint("SHA-256")
    assert fingerprint(client.certificate, "SHA-1") == pair.identities[1].fingerprint("sha-1")
    assert fingerprint(client.certificate, "md2") == ""
    pair.client.close()
    pair.server.close()


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_rfc6347_4_2_4_lost_flights_are_sent_again(lost: int) -> None:
    pair = Pair(frozenset((lost,)))
    await pair.finished()
    assert pair.failures == []
    assert len(pair.keys) == 2


async def test_rubbish_and_late_datagrams_do_no_harm() -> None:
    pair = Pair()
    pair.server.receive(b"\x16")
    pair.server.receive(b"\x17\xfe\xfd" + bytes(40))
    await pair.finished()
    for data in list(pair.sent):
        pair.server.receive(data)
        pair.client.receive(data)
    assert pair.failures == []
    pair.client.close()
    pair.server.close()
    pair.server.receive(pair.sent[0])


async def test_a_peer_outside_the_authorities_is_refused_where_certificates_are_checked(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    mine, theirs = make_identity(NOW), make_identity(NOW)
    (tmp_path / "ca.pem").write_bytes(mine.certificate)
    settings = DtlsSettings(mine, ca_file=str(tmp_path / "ca.pem"), checks_certificate=True)
    failed: asyncio.Future[str] = loop.create_future()
    server = DtlsAssociation(loop, settings, is_client=False, transmit=lambda data: loop.call_soon(client.receive, data))
    client = DtlsAssociation(
        loop, DtlsSettings(theirs), is_client=True, transmit=lambda data: loop.call_soon(server.receive, data)
    )
    server.on_failure = failed.set_result
    client.start()
    async with asyncio.timeout(60):
        assert "certificate" in await failed
    client.close()


def test_certificates_of_files_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    identity = make_identity(NOW)
    both = tmp_path / "both.pem"
    both.write_bytes(identity.certificate + identity.key)
    assert load_identity(str(both), "").fingerprint("sha-256") == identity.fingerprint("sha-256")
    assert identity.key.decode() not in repr(identity)
    assert x509.load_pem_x509_certificate(identity.certificate).not_valid_before_utc.timestamp() < NOW
    (tmp_path / "broken.pem").write_text("no certificate")
    other = tmp_path / "other.key"
    other.write_bytes(make_identity(NOW).key)
    secret = tmp_path / "secret.key"
    locked = serialization.BestAvailableEncryption(b"word")
    private = serialization.load_pem_private_key(identity.key, None)
    secret.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    for certificate, key, told in (
        (tmp_path / "none.pem", "", f"cannot read {tmp_path}/none.pem: No such file"),
        (tmp_path / "broken.pem", "", f"cannot use {tmp_path}/broken.pem: "),
        (both, tmp_path / "broken.pem", f"cannot use {tmp_path}/broken.pem: "),
        (both, tmp_path / "none.pem", f"cannot read {tmp_path}/none.pem: No such file"),
        (both, secret, f"cannot use {secret}: Password was not given"),
        (both, other, f"the key of {other} does not belong to the certificate of {both}"),
    ):
        with pytest.raises(DtlsFault, match=re.escape(told)):
            load_identity(str(certificate), str(key))
    for wrong, told in (
        ({"ca_file": str(tmp_path / "none.pem")}, "no such file"),
        ({"ca_path": str(tmp_path / "none")}, "no directory"),
    ):
        with pytest.raises(DtlsFault, match=told):
            make_context(DtlsSettings(identity, **wrong))
    with pytest.raises(DtlsFault):
        make_context(DtlsSettings(identity, ciphers="NO-SUCH-CIPHER"))


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Issuer:
    """An authority; ``issue`` gives a certificate and its key, of another authority or of a user."""

    def __init__(self, name: str = "root") -> None:
        self.key: Key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.key, self.name, is_authority=True)

    def _sign(self, key: Key, name: x509.Name, *, is_authority: bool) -> x509.Certificate:
        now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=9))
        return builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True).sign(self.key, hashes.SHA256())

    def authority(self, name: str) -> Issuer:
        """One below this one."""
        made = Issuer(name)
        made.certificate = self._sign(made.key, made.name, is_authority=True)
        return made

    def issue(self, kind: str) -> tuple[x509.Certificate, bytes]:
        """A user's, with its key in PEM."""
        key: Key = ec.generate_private_key(ec.SECP384R1())
        if kind == "rsa":
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "user")])
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self._sign(key, name, is_authority=False), text


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


@pytest.mark.parametrize("order", ["own first", "own last", "own alone"])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_a_chain_is_shown_with_the_certificate(tmp_path: Path, kind: str, order: str) -> None:
    """Whoever trusts the root alone is content, as it sees what lies between; without that it is not."""
    loop = asyncio.get_running_loop()
    root = Issuer()
    between = root.authority("between")
    own, key = between.issue(kind)
    chains = {"own first": (own, between.certificate), "own last": (between.certificate, own), "own alone": (own,)}
    (tmp_path / "chain.pem").write_bytes(pem(*chains[order]))
    (tmp_path / "own.key").write_bytes(key)
    (tmp_path / "root.pem").write_bytes(pem(root.certificate))
    identity = load_identity(str(tmp_path / "chain.pem"), str(tmp_path / "own.key"))
    assert identity.fingerprint("sha-256") == fingerprint(own, "sha-256")
    settings = DtlsSettings(make_identity(time.time()), ca_file=str(tmp_path / "root.pem"), checks_certificate=True)
    outcome: asyncio.Future[object] = loop.create_future()
    server = DtlsAssociation(
        loop, DtlsSettings(identity), is_client=False, transmit=lambda data: loop.call_soon(client.receive, data)
    )
    client = DtlsAssociation(loop, settings, is_client=True, transmit=lambda data: loop.call_soon(server.receive, data))
    client.on_keys = lambda keys: outcome.set_result(fingerprint(keys.certificate, "sha-256"))
    client.on_failure = outcome.set_result
    client.start()
    async with asyncio.timeout(60):
        found = await outcome
    if order == "own alone":
        assert "certificate verify failed" in str(found)
    else:
        assert found == identity.fingerprint("sha-256")
    client.close()
    server.close()


@pytest.mark.parametrize("who", ["client", "server"])
async def test_rfc6347_new_keys_inside_the_association(who: str) -> None:
    pair = Pair()
    await pair.finished()
    for _ in range(2):
        before = dict(pair.keys)
        pair.keys.clear()
        pair.done.clear()
        getattr(pair, who).rekey()
        async with asyncio.timeout(60):
            await pair.done.wait()
        client, server = pair.keys["client"], pair.keys["server"]
        assert (client.ours, client.theirs) == (server.theirs, server.ours)
        assert client.ours.key != before["client"].ours.key
    assert not pair.failures
    pair.client.close()
    pair.server.close()


async def test_a_peer_that_gives_no_new_keys_keeps_the_old_ones() -> None:
    pair = Pair(may_rekey=False)
    await pair.finished()
    before = dict(pair.keys)
    pair.client.rekey()
    await asyncio.sleep(0.2)
    assert pair.keys == before
    assert not pair.failures
    assert not pair.client.is_over


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_new_keys_over_a_lossy_network(lost: int) -> None:
    """OpenSSL sends again what is lost, after a second of its own clock."""
    pair = Pair()
    await pair.finished()
    pair.drop = frozenset((len(pair.sent) + lost,))
    pair.keys.clear()
    pair.done.clear()
    pair.server.rekey()
    async with asyncio.timeout(60):
        await pair.done.wait()
    assert pair.keys["client"].ours == pair.keys["server"].theirs
    pair.client.close()
    pair.server.close()


def test_libraries_are_loaded_when_they_are_known_to_be_needed() -> None:
    code = (
        "import sys; from globstar.media import dtls\n"
        "assert not {'OpenSSL', 'cryptography'} & set(sys.modules)\n"
        "dtls.load_libraries()\n"
        "assert {'OpenSSL.SSL', 'cryptography.x509'} <= set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

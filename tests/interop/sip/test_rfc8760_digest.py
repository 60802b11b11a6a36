"""RFC 8760 and RFC 7616: digest with each algorithm, computed here from the challenge that the server sends."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator

import pytest

from tests.interop.support.batch import Batch
from tests.support.loopback import HOST

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class Client:
    """A phone of one socket."""

    def __init__(self, user: str, port: int) -> None:
        self.user, self.port = user, port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(45)
        self.number = 0

    def register(self, extra: str = "") -> str:
        """REGISTER; the response."""
        self.number += 1
        mine = self.socket.getsockname()[1]
        self.socket.sendto(
            (
                f"REGISTER sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{mine};branch=z9hG4bK{self.user}{self.number};rport\r\n"
                f"From: <sip:{self.user}@{HOST}>;tag=t\r\nTo: <sip:{self.user}@{HOST}>\r\nCall-ID: {self.user}-{mine}\r\n"
                f"CSeq: {self.number} REGISTER\r\nContact: <sip:{self.user}@{HOST}:{mine}>\r\nMax-Forwards: 70\r\n{extra}"
                "Content-Length: 0\r\n\r\n"
            ).encode(),
            (HOST, self.port),
        )
        return self.socket.recv(65536).decode()

    def challenges(self) -> dict[str, dict[str, str]]:
        """The challenges of a first 401 by algorithm, in order."""
        found = {}
        for line in re.findall(r"(?m)^WWW-Authenticate: Digest (.*?)\r$", self.register()):
            fields = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', line)}
            found[fields.get("algorithm", "MD5")] = fields
        return found

    def answer(self, challenge: dict[str, str], password: str = "secret", *, count: int = 1, qop: bool = True) -> str:
        """The status of a REGISTER that answers the challenge."""

        def digest(text: str) -> str:
            return hashlib.new(HASHES[challenge["algorithm"]], text.encode()).hexdigest()

        first = digest(f"{self.user}:{challenge['realm']}:{password}")
        second = digest(f"REGISTER:sip:{HOST}")
        middle = f"{challenge['nonce']}:{count:08x}:cn:auth" if qop else challenge["nonce"]
        more = f',qop=auth,nc={count:08x},cnonce="cn"' if qop else ""
        response = self.register(
            f'Authorization: Digest username="{self.user}",realm="{challenge["realm"]}",nonce="{challenge["nonce"]}",'
            f'uri="sip:{HOST}",response="{digest(f"{first}:{middle}:{second}")}",algorithm={challenge["algorithm"]}{more},'
            f'opaque="{challenge.get("opaque", "")}"\r\n'
        )
        return response.split()[1]

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def client(batch: Batch, request: pytest.FixtureRequest) -> Iterator[Client]:
    made = Client(request.param, batch.port("main", "udp"))
    yield made
    made.close()


def by(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("client", [name], indirect=True, ids=[name])


@by("sha256")
def test_rfc8760_2_4_one_algorithm_is_challenged_and_accepted(client: Client) -> None:
    challenges = client.challenges()
    assert list(challenges) == ["SHA-256"]
    assert client.answer(challenges["SHA-256"]) == "200"


@by("sha512")
def test_rfc8760_2_4_sha_512_256(client: Client) -> None:
    challenges = client.challenges()
    assert list(challenges) == ["SHA-512-256"]
    assert client.answer(challenges["SHA-512-256"]) == "200"


@by("allhashes")
def test_rfc8760_2_3_every_algorithm_has_its_challenge_and_each_may_be_answered(client: Client) -> None:
    for algorithm in HASHES:
        challenges = client.challenges()
        assert set(challenges) == set(HASHES)
        assert client.answer(challenges[algorithm]) == "200", algorithm


@by("sha256")
def test_rfc8760_2_6_an_algorithm_that_was_not_offered_is_refused(client: Client) -> None:
    challenge = client.challenges()["SHA-256"]
    assert client.answer({**challenge, "algorithm": "MD5"}) == "401"


@by("sha256")
def test_rfc7616_3_4_a_wrong_password_is_refused(client: Client) -> None:
    assert client.answer(client.challenges()["SHA-256"], "wrong") == "401"


@by("locked")
def test_rfc2617_3_2_2_1_without_qop_as_rfc_2069_had_it(client: Client) -> None:
    assert client.answer(client.challenges()["MD5"], qop=False) == "200"


@by("locked")
def test_rfc7616_3_4_a_nonce_may_be_used_again_with_a_higher_count(client: Client) -> None:
    challenge = client.challenges()["MD5"]
    assert [client.answer(challenge, count=count) for count in (1, 2, 3)] == ["200", "200", "200"]


@by("digested")
def test_password_digest_holds_no_password_and_is_accepted(client: Client) -> None:
    assert client.answer(client.challenges()["MD5"]) == "200"

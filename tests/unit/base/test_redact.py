"""Secrets do not reach the log; what is none stays."""

from __future__ import annotations

import pytest

from globstar.base.redact import redact


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("secret=abc,def", "secret=<redacted>,def"),
        ("auth_password = s3cr3t!x next", "auth_password = <redacted> next"),
        ("Secret: plain\r\nUser: x", "Secret: <redacted>\r\nUser: x"),
        ('{"password": "a b c", "n": 1}', '{"password": "<redacted>", "n": 1}'),
        ("dbpasswd => 'x y'", "dbpasswd => '<redacted>'"),
        ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
         "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<redacted>"),
        ("Authorization: Bearer abcdefgh.ijkl", "Authorization: Bearer <redacted>"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <redacted>"),
        ("postgresql://asterisk:pass@host/db", "postgresql://asterisk:<redacted>@host/db"),
        ("md5_cred=0123456789abcdef", "md5_cred=<redacted>"),
        ("OPENAI_API_KEY=sk-abc refresh_token: xyz", "OPENAI_API_KEY=<redacted> refresh_token: <redacted>"),
    ],
)  # fmt: skip
def test_secrets_go(text: str, wanted: str) -> None:
    assert redact(text) == wanted
    assert redact(wanted) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "Executing [100@phones:1] Dial(\"PJSIP/alice\", \"PJSIP/bob\")", "sip:alice@example.org", "the password was wrong",
        "bearer capability 3", "Contact: <sip:a@192.0.2.1:5060>", "a basic bridge", "secret agent",
        'UsingPassword="1",SessionTV="x"',
    ],
)  # fmt: skip
def test_the_rest_stays(text: str) -> None:
    assert redact(text) == text

"""application/simple-message-summary (RFC 3842 3.5)."""

from __future__ import annotations

CONTENT_TYPE = "application/simple-message-summary"
MODULE = "res_pjsip_mwi_body_generator"


def render(new: int, old: int, account: str = "") -> bytes:
    """How many voice messages wait; ``account`` is the URI to call for them."""
    lines = [f"Messages-Waiting: {'yes' if new else 'no'}"]
    if account:
        lines.append(f"Message-Account: {account}")
    lines.append(f"Voice-Message: {new}/{old} (0/0)")
    return "".join(f"{line}\r\n" for line in lines).encode()

"""application/simple-message-summary (RFC 3842 3.5)."""

from __future__ import annotations

import re

CONTENT_TYPE = "application/simple-message-summary"
MODULE = "res_pjsip_mwi_body_generator"


def render(new: int, old: int, account: str = "") -> bytes:
    """How many voice messages wait; ``account`` is the URI to call for them."""
    lines = [f"Messages-Waiting: {'yes' if new else 'no'}"]
    if account:
        lines.append(f"Message-Account: {account}")
    lines.append(f"Voice-Message: {new}/{old} (0/0)")
    return "".join(f"{line}\r\n" for line in lines).encode()


_COUNTS = re.compile(r"^voice-message\s*:\s*(\d{1,9})\s*/\s*(\d{1,9})(?:\s*\(\s*(\d{1,9})\s*/\s*\d{1,9}\s*\))?", re.IGNORECASE)
_WAITING = re.compile(r"^messages-waiting\s*:\s*(yes|no)\s*$", re.IGNORECASE)


def parse(body: bytes) -> tuple[int, int, int] | None:
    """New, old and urgent voice messages of a body; without counts one or none. None if it is no message summary."""
    is_waiting: bool | None = None
    for line in body.decode("utf-8", "replace").splitlines():
        waiting = _WAITING.match(line)
        if waiting:
            is_waiting = waiting[1].lower() == "yes"
        counts = _COUNTS.match(line)
        if counts and is_waiting is not None:
            return int(counts[1]), int(counts[2]), int(counts[3] or 0)
    return None if is_waiting is None else (int(is_waiting), 0, 0)

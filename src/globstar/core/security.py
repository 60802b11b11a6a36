"""Security events: what a watcher such as fail2ban reads in the log at level ``security``, and listeners get on the bus.

Names, fields and their order are those of Asterisk's AMI events; the log line has them as ``Key="value"`` pairs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Level, Logger, hub
from globstar.core.events import SecurityEvent

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("res_security_log")

#: Name of the service that is there while events are written to the log (res_security_log).
LOG_SERVICE = "security log"

INFORMATIONAL, ERROR = "Informational", "Error"


class SecurityEventType(Enum):
    """Every kind of event: its name, severity, and the fields that it has beyond those of all."""

    FAILED_ACL = ("FailedACL", ERROR, ("ACLName",))
    INVALID_ACCOUNT_ID = ("InvalidAccountID", ERROR, ())
    SESSION_LIMIT = ("SessionLimit", ERROR, ())
    MEMORY_LIMIT = ("MemoryLimit", ERROR, ())
    LOAD_AVERAGE_LIMIT = ("LoadAverageLimit", ERROR, ())
    REQUEST_NOT_SUPPORTED = ("RequestNotSupported", ERROR, ("RequestType",))
    REQUEST_NOT_ALLOWED = ("RequestNotAllowed", ERROR, ("RequestType", "RequestParams"))
    AUTH_METHOD_NOT_ALLOWED = ("AuthMethodNotAllowed", ERROR, ("AuthMethod",))
    REQUEST_BAD_FORMAT = ("RequestBadFormat", ERROR, ("RequestType", "RequestParams"))
    SUCCESSFUL_AUTH = ("SuccessfulAuth", INFORMATIONAL, ("UsingPassword",))
    UNEXPECTED_ADDRESS = ("UnexpectedAddress", ERROR, ("ExpectedAddress",))
    CHALLENGE_RESPONSE_FAILED = ("ChallengeResponseFailed", ERROR, ("Challenge", "Response", "ExpectedResponse"))
    INVALID_PASSWORD = ("InvalidPassword", ERROR, ("Challenge", "ReceivedChallenge", "ReceivedHash"))
    CHALLENGE_SENT = ("ChallengeSent", INFORMATIONAL, ("Challenge",))
    INVALID_TRANSPORT = ("InvalidTransport", ERROR, ("AttemptedTransport",))

    def __init__(self, title: str, severity: str, extra: tuple[str, ...]) -> None:
        self.title = title
        self.severity = severity
        self.extra = extra


#: The one kind whose name in the log is not that of its AMI event.
_LOG_NAMES = {"RequestBadFormat": "ReqBadFormat"}
#: Fields that are left out unless given.
_OPTIONAL: defaultdict[str, tuple[str, ...]] = defaultdict(
    tuple,
    RequestNotAllowed=("RequestParams",),
    RequestBadFormat=("RequestParams",),
    InvalidPassword=("Challenge", "ReceivedChallenge", "ReceivedHash"),
)
#: What must not reach a log line: a value from the network could begin a line of its own.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_wanted(system: System) -> bool:
    """Whether anybody hears of security events; without that none needs to be built."""
    return _is_logged(system) or bool(system.bus.listeners(SecurityEvent))


def _is_logged(system: System) -> bool:
    return bool(hub.mask & Level.SECURITY) and LOG_SERVICE in system.services


def report(
    system: System,
    kind: SecurityEventType,
    *,
    service: str,
    account: str,
    session: str,
    local: str,
    remote: str,
    module: str = "",
    session_time: float | None = None,
    **extra: str,
) -> None:
    """Log an event and publish it.

    ``local`` and ``remote`` are written as :func:`address_text` does. ``extra`` are the kind's own fields; those not given
    are empty, or left out where they are optional. ``session_time`` is when a session began that lasts (UTC seconds).
    """
    if not is_wanted(system):
        return
    fields = {
        "EventTV": time_text(system.local_time()),
        "Severity": kind.severity,
        "Service": service,
        "EventVersion": "2" if kind is SecurityEventType.INVALID_PASSWORD else "1",
        "AccountID": account,
        "SessionID": session,
        "LocalAddress": local,
        "RemoteAddress": remote,
    }
    for name in kind.extra:
        if name not in _OPTIONAL[kind.title]:
            fields[name] = extra.get(name, "")
    if module:
        fields["Module"] = module
    if session_time is not None:
        fields["SessionTV"] = time_text(system.local_time(session_time))
    for name in _OPTIONAL[kind.title]:
        if name in extra:
            fields[name] = extra[name]
    if kind is SecurityEventType.REQUEST_BAD_FORMAT:  # may come from nobody in particular, so the account stands last
        fields["AccountID"] = fields.pop("AccountID")
    if _is_logged(system):
        logger.security(log_text(_LOG_NAMES.get(kind.title, kind.title), fields))
    system.bus.publish(SecurityEvent(kind.title, dict(fields)))


def log_text(name: str, fields: dict[str, str]) -> str:
    """The log line of an event; quotes in values are escaped, control characters are replaced by ``?``."""
    return ",".join(f'{key}="{_quoted(value)}"' for key, value in {"SecurityEvent": name, **fields}.items())


def _quoted(value: str) -> str:
    return _CONTROL.sub("?", value).replace("\\", "\\\\").replace('"', '\\"')


def time_text(when: datetime) -> str:
    """``2026-01-31T12:00:00.123+0100``."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}{when:%z}"


def address_text(transport: str, host: str, port: int) -> str:
    """``IPV4/UDP/192.0.2.1/5060``."""
    return f"{'IPV6' if ':' in host else 'IPV4'}/{transport.upper()}/{host}/{port}"

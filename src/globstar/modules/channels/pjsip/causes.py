"""Between SIP status codes and hangup causes, as Asterisk maps them (compat/sip_cause_map.tsv)."""

from __future__ import annotations

from globstar.core.cause import Cause
from globstar.proto.sip.headers.reason import Reason
from globstar.proto.sip.message import Header

_CAUSE_OF_STATUS = {
    302: Cause.REDIRECTED_TO_NEW_DESTINATION,
    401: Cause.CALL_REJECTED,
    403: Cause.CALL_REJECTED,
    404: Cause.UNALLOCATED,
    407: Cause.CALL_REJECTED,
    408: Cause.NO_USER_RESPONSE,
    409: Cause.NORMAL_TEMPORARY_FAILURE,
    410: Cause.NUMBER_CHANGED,
    420: Cause.NO_ROUTE_DESTINATION,
    480: Cause.NO_ANSWER,
    483: Cause.NO_ANSWER,
    484: Cause.INVALID_NUMBER_FORMAT,
    485: Cause.UNALLOCATED,
    486: Cause.USER_BUSY,
    488: Cause.BEARERCAPABILITY_NOTAVAIL,
    500: Cause.FAILURE,
    501: Cause.FACILITY_REJECTED,
    502: Cause.DESTINATION_OUT_OF_ORDER,
    503: Cause.CONGESTION,
    504: Cause.RECOVERY_ON_TIMER_EXPIRE,
    600: Cause.USER_BUSY,
    603: Cause.CALL_REJECTED,
    604: Cause.UNALLOCATED,
    606: Cause.BEARERCAPABILITY_NOTAVAIL,
}

_STATUS_OF_CAUSE = {
    Cause.REDIRECTED_TO_NEW_DESTINATION: 302,
    Cause.UNALLOCATED: 404,
    Cause.NO_ROUTE_DESTINATION: 404,
    Cause.NO_ROUTE_TRANSIT_NET: 404,
    Cause.CONGESTION: 503,
    Cause.SWITCH_CONGESTION: 503,
    Cause.CHAN_NOT_IMPLEMENTED: 503,
    Cause.NO_USER_RESPONSE: 408,
    Cause.NO_ANSWER: 480,
    Cause.UNREGISTERED: 480,
    Cause.NORMAL_UNSPECIFIED: 480,
    Cause.CALL_REJECTED: 403,
    Cause.NUMBER_CHANGED: 410,
    Cause.INVALID_NUMBER_FORMAT: 484,
    Cause.USER_BUSY: 486,
    Cause.FAILURE: 500,
    Cause.INTERWORKING: 500,
    Cause.FACILITY_REJECTED: 501,
    Cause.DESTINATION_OUT_OF_ORDER: 502,
    Cause.BEARERCAPABILITY_NOTAVAIL: 488,
}


def cause_of_status(status: int) -> int:
    """The hangup cause for a refusal."""
    return _CAUSE_OF_STATUS.get(status, Cause.INTERWORKING)


def status_of_cause(cause: int) -> int:
    """The refusal for a hangup cause; what has none of its own is 603."""
    return _STATUS_OF_CAUSE.get(cause, 603)  # type: ignore[call-overload, no-any-return]


def tech_cause_of(cause: int) -> int:
    """The SIP status that tells of a hangup cause in events, 0 for those that have none."""
    return _STATUS_OF_CAUSE.get(cause, 0)  # type: ignore[call-overload, no-any-return]


def cause_of_reasons(reasons: tuple[Reason, ...]) -> int | None:
    """The cause that a Reason: Q.850 header states (RFC 3326), None without one."""
    for reason in reasons:
        if reason.protocol.lower() == "q.850" and reason.cause is not None and reason.cause <= 127:
            return reason.cause
    return None


def reason_header(cause: int) -> Header:
    """``Reason: Q.850;cause=16``."""
    return ("Reason", f"Q.850;cause={cause}")

"""Originate: calls that a client makes."""

from __future__ import annotations

import re
from functools import partial

from globstar.core.dialing import OriginateResult, Origination, originate
from globstar.core.format import FormatCapabilities
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ManagerEvent,
    Permission,
    failure,
    is_true_word,
    manager_action,
    success,
)
from globstar.core.party import parse_caller_id

#: Applications, and functions inside their data, that reach outside: only for who may also do ``system``.
_OUTSIDE = re.compile(r"agi|eagi|mixmonitor|system|trysystem|exec\w*|externalivr|tryexec", re.IGNORECASE)
_OUTSIDE_DATA = re.compile(r"\b(shell|eval|curl|file|odbc\w*|db)\s*\(", re.IGNORECASE)
_LONGEST_ID = 149


def _read(request: ActionRequest) -> Origination:
    """What is to be done. The variable that was named last is set first, as in Asterisk. Raises ActionFault."""
    get = request.get
    dial_string = get("Channel")
    if not dial_string:
        raise ActionFault("Channel not specified")
    priority = _priority(request)
    timeout = get("Timeout", "30000")
    if not re.fullmatch(r"\d{1,9}", timeout, re.ASCII):
        raise ActionFault("Invalid timeout")
    tech, slash, rest = dial_string.partition("/")
    if not (tech and slash and rest):
        raise ActionFault("Invalid channel")
    for header in ("ChannelId", "OtherChannelId"):
        if len(get(header)) > _LONGEST_ID:
            raise ActionFault("Uniqueid length exceeds maximum of 149")
    application = get("Application")
    if application:
        is_outside = _OUTSIDE.fullmatch(application) or _OUTSIDE_DATA.search(get("Data"))
        if is_outside and not request.session.write & Permission.SYSTEM:
            raise ActionFault("Originate Access Forbidden: app or data blacklisted")
    elif not (get("Exten") and get("Context") and get("Priority")):
        raise ActionFault("Originate with 'Exten' requires 'Context' and 'Priority'")
    what = Origination(
        dial_string=dial_string, context=get("Context"), extension=get("Exten"), priority=priority, application=application,
        data=get("Data"), timeout=int(timeout) / 1000, caller_id=get("CallerID"), account_code=get("Account"),
        unique_id=get("ChannelId"), second_unique_id=get("OtherChannelId"), early_media=is_true_word(get("EarlyMedia")),
        predial=get("PreDialGoSub"), variables=[*request.session.variables, *reversed(request.variables())],
        is_confined=not request.system.options.live_dangerously,
    )  # fmt: skip
    codecs = get("Codecs")
    if codecs:
        what.capabilities = FormatCapabilities()
        if what.capabilities.update_by_string(codecs):
            raise ActionFault("Invalid codecs")
    return what


def _priority(request: ActionRequest) -> int:
    text = request.get("Priority")
    if not text:
        return 1
    if text.isdecimal() and len(text) < 8:
        return int(text)
    plan = request.system.plan
    found = plan.find_label(request.get("Context"), request.get("Exten"), text)
    if found is None:
        raise ActionFault("Invalid priority")
    return found


@manager_action("Originate", Permission.ORIGINATE, synopsis="Originate a call.")
async def originate_(request: ActionRequest) -> Answer:
    """Call somebody and connect whoever answers to a place in the dialplan or an application.

    With ``Async`` the answer comes at once and the event OriginateResponse later.
    """
    what = _read(request)
    if is_true_word(request.get("Async")):
        name = f"originate {what.dial_string}"
        what.on_failed = partial(_tell_result, request, what)
        request.system.tasks.start(_originate(request, what), name=name)
        return success("Originate successfully queued")
    result = await originate(request.system, what)
    return success("Originate successfully queued") if result.channel is not None else failure("Originate failed")


async def _originate(request: ActionRequest, what: Origination) -> None:
    result = await originate(request.system, what)
    if result.channel is not None:
        _tell_result(request, what, result)


def _tell_result(request: ActionRequest, what: Origination, result: OriginateResult) -> None:
    channel = result.channel
    fields: list[tuple[str, str | None]] = [("ActionID", request.action_id)] if request.action_id else []
    fields.append(("Response", "Success" if channel is not None else "Failure"))
    fields.append(("Channel", channel.name if channel is not None else what.dial_string))
    if what.application:
        fields += [("Application", what.application), ("Data", what.data)]
    else:
        fields += [("Context", what.context), ("Exten", what.extension)]
    name, number = parse_caller_id(what.caller_id)
    fields += [
        ("Reason", str(int(result.reason))),
        ("Uniqueid", channel.unique_id if channel is not None else "<unknown>"),
        ("CallerIDNum", number or "<unknown>"),
        ("CallerIDName", name or "<unknown>"),
    ]
    request.system.bus.publish(ManagerEvent("OriginateResponse", Permission.CALL, fields))

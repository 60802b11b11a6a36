"""Dialing Application."""

from __future__ import annotations

import re

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone
from globstar.core.dialing import CallStatus
from globstar.core.digits import ALL_DIGITS
from globstar.core.frame import Frame, FrameType
from globstar.core.pbx import leads
from globstar.core.playback import play_all
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.apps.dial.answered import connect, screen
from globstar.modules.apps.dial.options import DialArguments, InvalidArguments, read_arguments
from globstar.modules.apps.dial.ringing import Outcome, Ringing, run_predial
from globstar.modules.apps.dial.screening import SCREENING, Screening, prepare_screening

logger = Logger("app_dial")

#: Emptied when Dial begins, in this order.
VARIABLES = (
    "DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME", "DIALEDTIME_MS",
    "RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS",
)  # fmt: skip
_EMPTY = dict.fromkeys(VARIABLES, "")

SYNTAX = "Dial([Technology/Resource[&Technology2/Resource2...]][,timeout[^response_timeout]][,options][,URL])"


@application("Dial", syntax=SYNTAX)
async def dial(channel: Channel, data: str) -> int:
    """Call one or several destinations at once and connect the caller to the first that answers.

    The caller is answered only after the called party, unless it was before. Without a timeout (seconds) it rings until
    somebody answers, all refuse or the caller hangs up. A response timeout gives up destinations of which nothing was heard
    for so long. DIALSTATUS says what became of it: ANSWER, BUSY, CONGESTION, CHANUNAVAIL, NOANSWER, CANCEL, DONTCALL, TORTURE,
    INVALIDARGS.
    After an answered call the dialplan goes on only with option g.

    A(x[:y]): play x to the called party, y to the calling one, before they are connected.
    a: answer the caller as soon as the called party answers.
    b(place[^arg...]), B(place[^arg...]): run a subroutine on each called channel, on the caller, before anyone is called.
    C: reset the caller's call detail record.
    c: hang up as if the call was answered elsewhere.
    D([called][:calling[:progress[:mfprogress[:mfwink[:sfprogress[:sfwink]]]]]]): send digits after the answer, or to the called
    party when it shows progress; as MF and SF signals on progress and on a wink.
    E: the caller hears those MF and SF signals, too.
    d: let the caller leave by a digit that is an extension of the context, or of EXITCONTEXT.
    e: run the h extension on the called channel, too.
    f([x]): tell the called party (with x) or forwarded destinations (without) another caller id; with s(tag) and u(presentation).
    F([place]): when the caller hangs up, the called party goes on in the dialplan there, or at the caller's next priority.
    g: go on in the dialplan when the called party hangs up.
    G(place): no bridge: the caller goes on there, the called party one priority further.
    h, H: let the called, the calling party hang up with the disconnect code (*).
    i: do not follow when a destination forwards the call; it counts as busy.
    I: ignore news of who is at the other end.
    j: offer the called party what the caller offered when its call began, whatever became of that since.
    k, K: let the called, the calling party park the other one (parkcall of features.conf).
    L(x[:y][:z]): end the call after x ms; warn when y ms are left, and every z ms. See the LIMIT_ variables.
    m([class]): play music on hold to the caller until the answer.
    n([1]): the introduction of options P and p is not kept for the caller's next call; with 1 not even until the answer.
    N: do not ask for callers with a caller id (option p).
    O([mode]): for DAHDI channels only, which are not there.
    o([x]): the called channel gets the caller's id, or x, as its own.
    p: screening: the caller says who it is, the called party hears that and decides: 1 takes the call, 2 does not (NOANSWER),
    3 gives TORTURE, 4 gives DONTCALL.
    P([x]): privacy: the same, and the decision is remembered in the AstDB (privacy/x/caller; x is the extension if not given).
    5 takes later calls, but not this one.
    Q(cause): hangup cause for those who did not answer first.
    r([tone]): let the caller hear ringing at once, and nothing of the called party before the answer.
    R: ringing at once, until the called party sends early media.
    S(x): end the call x seconds after the answer.
    t, T: let the called, the calling party transfer the other one (#).
    U(context[^arg...]): run a subroutine on the called party before it is connected; GOSUB_RESULT says how to go on.
    w, W, x, X: let the called (w, x), the calling party (W, X) record the call by the code automixmon of features.conf.
    z: a forwarded call has no timeout any more.
    """
    if channel.cdr is not None and channel.application == "Dial":
        channel.cdr.note_dial(data)
    channel.variables.set_all(_EMPTY)
    try:
        arguments = read_arguments(channel, data)
        screening = await prepare_screening(channel, arguments) if not SCREENING.isdisjoint(arguments.letters) else None
    except InvalidArguments as fault:
        logger.warning(str(fault))
        channel.set_variable("DIALSTATUS", "INVALIDARGS")
        return -1
    if "C" in arguments.letters and channel.cdr is not None:
        channel.cdr.reset(keep_variables=False)
    if "B" in arguments.letters:
        await run_predial(channel, arguments.options.get("B"))
        channel.application, channel.application_data = "Dial", data
        channel.system.bus.publish(events.ApplicationStarted(channel, "Dial", data))
    if screening is not None and screening.status is not None:
        channel.set_variable("DIALSTATUS", screening.status)
        return 0
    ringing = Ringing(channel, arguments)
    try:
        return await _ring_and_connect(channel, arguments, ringing, screening)
    finally:
        ringing.close()
        if screening is not None:
            await screening.forget(is_decided=ringing.winner is not None)


async def _ring_and_connect(channel: Channel, arguments: DialArguments, ringing: Ringing, screening: Screening | None) -> int:
    try:
        await ringing.start()
        outcome = await ringing.wait()
    except ChannelGone:
        ringing.give_up(CallStatus.CANCEL, channel.hangup_cause)
        ringing.stop_entertaining()
        channel.set_variable("DIALSTATUS", CallStatus.CANCEL.value)
        raise
    except BaseException:
        ringing.give_up(CallStatus.CANCEL, Cause.NORMAL_CLEARING)
        raise
    winner = ringing.winner
    if outcome is Outcome.ANSWERED and winner is not None:
        ringing.give_up(CallStatus.CANCEL, arguments.loser_cause, but=winner)
        told = {"DIALSTATUS": "ANSWER", "DIALEDPEERNAME": winner.channel.name, "DIALEDPEERNUMBER": winner.destination}
        channel.variables.set_all(told)
        if screening is not None:
            status = await screen(channel, winner, screening)
            if status is not None:
                ringing.stop_entertaining()
                channel.set_variable("DIALSTATUS", status)
                return 0
        return await connect(channel, winner, arguments, ringing.started_at, ringing.stop_entertaining)
    ringing.stop_entertaining()
    result = ringing.status
    if outcome is Outcome.TIMEOUT:
        ringing.give_up(CallStatus.NOANSWER, 0)
        result = CallStatus.NOANSWER
    elif outcome is Outcome.DIGIT:
        ringing.give_up(CallStatus.CANCEL, Cause.NORMAL_CLEARING)
        result = CallStatus.CANCEL
    channel.set_variable("DIALSTATUS", result.value)
    return 0


@application("RetryDial", syntax="RetryDial(announce,sleep,retries,dialargs)")
async def retry_dial(channel: Channel, data: str) -> int:
    """Dial again and again until somebody answers.

    After each attempt that nobody answered the announcement is played, then sleep seconds pass (10 if not given). After
    ``retries`` attempts (without end if 0, negative or not given) the dialplan goes on. Meanwhile the caller may press a digit
    that is an extension of EXITCONTEXT, or of the present context, and goes there. The rest are the arguments of Dial.
    """
    parts = split_arguments(data, 4, raw=True)
    if len(parts) < 4 and not argument(parts, 3):
        logger.warning("RetryDial requires announce, sleep, retries and the arguments of Dial")
        return -1
    announcement = argument(parts, 0)
    pause = _number(argument(parts, 1), 10.0)
    retries = int(_number(argument(parts, 2), 0)) or -1
    while retries:
        result = await dial(channel, parts[3])
        if result != 0 or channel.goto_target is not None or channel.variables.own("DIALSTATUS") == CallStatus.ANSWER.value:
            return result
        if await _leaves(channel, announcement, pause):
            return 0
        retries -= 1
    return 0


async def _leaves(channel: Channel, announcement: str, pause: float) -> bool:
    """Play the announcement and wait; whether the caller pressed a digit that leads elsewhere."""
    context = channel.variables.get("EXITCONTEXT") or channel.context
    exits = "".join([digit for digit in ALL_DIGITS if await leads(channel, context, digit)])
    pressed = await play_all(channel, [announcement], stop_on=exits) if announcement else None
    if pressed is None:

        def press(frame: Frame) -> str | None:
            return frame.digit if frame.type is FrameType.DTMF_END and frame.digit in exits else None

        pressed = await channel.wait(press, pause)
    if pressed is None:
        return False
    channel.goto(context, pressed, 1)
    return True


def _number(text: str, default: float) -> float:
    found = re.match(r"\s*(-?[0-9]+(?:\.[0-9]+)?)", text)
    return float(found[1]) if found else default

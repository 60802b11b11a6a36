"""Call Detail Record (CDR) dialplan functions."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core.cdr.chain import RecordChain
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.record import AMA_FLAGS, FIELDS
from globstar.core.channel import Channel
from globstar.core.registry import function, write_function
from globstar.dialplan.arguments import split_arguments

logger = Logger("func_cdr")


def _chain(channel: Channel | None) -> tuple[CdrEngine, RecordChain] | None:
    if channel is None:
        return None
    engine = channel.system.service(SERVICE, CdrEngine)
    chain = engine.chain(channel) if engine is not None else None
    return (engine, chain) if engine is not None and chain is not None else None


@function("CDR", syntax="CDR(name[,options])")
def cdr(channel: Channel | None, args: str) -> str:
    """A field of the call detail record, or a variable of it that was set here.

    The fields are clid, src, dst, dcontext, channel, dstchannel, lastapp, lastdata, start, answer, end, duration, billsec,
    disposition, amaflags, accountcode, peeraccount, uniqueid, linkedid, userfield, sequence, tenantid and peertenantid; of
    these userfield can be set.
    Anything else is a variable of your own. If there are several records, the newest is read, and all that are open are set.

    f: duration and billsec with their fractions.
    u: raw values: times as seconds since 1970, dispositions and AMA flags as numbers.
    """
    found = _chain(channel)
    parts = split_arguments(args)
    if found is None or not parts:
        return ""
    engine, chain = found
    options = parts[1] if len(parts) > 1 else ""
    value = chain.last.value(
        parts[0].strip().lower() if parts[0].strip().lower() in FIELDS else parts[0].strip(), engine.now(), raw="u" in options,
        is_fraction="f" in options, rounds_up=engine.settings.initiatedseconds,
    )  # fmt: skip
    return value or ""


@cdr.writer
def set_cdr(channel: Channel | None, args: str, value: str) -> None:
    """Set the user field or a variable; other fields keep what they are."""
    parts = split_arguments(args)
    name = parts[0].strip() if parts else ""
    if not name:
        logger.warning("CDR requires a name")
        return
    field = name.lower()
    if channel is not None and field == "accountcode":
        logger.warning("CDR(accountcode) is an old form of CHANNEL(accountcode)")
        channel.set_account_code(value)
    elif channel is not None and field == "amaflags":
        logger.warning("CDR(amaflags) is an old form of CHANNEL(amaflags)")
        _set_ama_flags(channel, value)
    elif field == "peeraccount":
        logger.warning("CDR(peeraccount) cannot be set; set CHANNEL(accountcode) of the other channel")
    else:
        found = _chain(channel)
        if found is None:
            return
        if field == "userfield":
            found[1].set_variable(field, value)
        elif field in FIELDS:
            logger.notice(f"CDR({field}) cannot be set")
        else:
            found[1].set_variable(name, value)


def _set_ama_flags(channel: Channel, value: str) -> None:
    numbers = {text: number for number, text in AMA_FLAGS.items()}
    number = int(value) if value.isdecimal() else numbers.get(value.upper(), 0)
    if number in AMA_FLAGS:
        channel.ama_flags = number
    else:
        logger.warning(f"'{value}' is no AMA flag")


@write_function("CDR_PROP", syntax="CDR_PROP(name)=value")
def set_cdr_property(channel: Channel | None, args: str, value: str) -> None:
    """Change how the call detail records of the channel are made.

    disable: true keeps its records from the backends. party_a: true makes it party A in records with other channels.
    """
    found = _chain(channel)
    if found is None:
        return
    chain = found[1]
    name = args.strip().lower()
    if name == "disable":
        chain.set_disabled(is_true(value))
    elif name == "party_a":
        chain.is_party_a = is_true(value)
    else:
        logger.warning(f"CDR_PROP: there is no property '{args}'")

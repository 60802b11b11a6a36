"""Commands about variables, the caller id, the database and the log."""

from __future__ import annotations

import inspect
import re

from globstar.base.log import Logger
from globstar.core.agi import AgiDialogue, agi_command
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_integer
from globstar.core.party import parse_caller_id
from globstar.dialplan.substitute import compile_template

logger = Logger("res_agi")

_FUNCTION = re.compile(r"([^()]+)\((.*)\)?$", re.DOTALL)


@agi_command("SET VARIABLE", syntax="<variablename> <value>", least=2, most=2)
async def set_variable(agi: AgiDialogue, words: list[str]) -> str:
    """Set a channel variable.

    Or write a function, with its arguments in parentheses.
    """
    name, value = words
    call = _FUNCTION.match(name) if name.endswith(")") else None
    if call is None:
        agi.channel.set_variable(name, value)
        return "200 result=1"
    try:
        waiting = agi.system.functions.write(agi.channel, call[1], call[2].removesuffix(")"), value)
        if waiting is not None:
            await waiting
    except FunctionError as error:
        logger.error(str(error))
    return "200 result=1"


@agi_command("GET VARIABLE", syntax="<variablename>", least=1, most=1)
async def get_variable(agi: AgiDialogue, words: list[str]) -> str:
    """The value of a channel variable.

    Or of a function, with its arguments in parentheses. The result is 1 with the value in parentheses, or 0 if there is none.
    """
    name = words[0]
    call = _FUNCTION.match(name) if name.endswith(")") else None
    value = agi.channel.get_variable(name) if call is None else await _read(agi, call[1], call[2].removesuffix(")"))
    return "200 result=0" if value is None else f"200 result=1 ({value})"


async def _read(agi: AgiDialogue, name: str, arguments: str) -> str | None:
    spec = agi.system.function_registry.get(name)
    if spec is None or spec.read is None:
        logger.error(f"Function {name} " + ("is not registered" if spec is None else "cannot be read"))
        return None
    try:
        value = spec.read(agi.channel, arguments)
        if inspect.isawaitable(value):
            value = await value
    except FunctionError as error:
        logger.warning(f"{name}: {error}")
        return None
    return "" if value is None else str(value)


@agi_command("GET FULL VARIABLE", syntax="<expression> [<channelname>]", least=1, most=2)
async def get_full_variable(agi: AgiDialogue, words: list[str]) -> str:
    """A text with its variables, functions and expressions replaced.

    By those of this channel, or of the one that is named. The result is 1 with the text in parentheses, or 0 if there is no
    such channel.
    """
    channel = agi.system.channels.get(words[1]) if len(words) > 1 else agi.channel
    if channel is None:
        return "200 result=0"
    rendered = agi.system.functions.render(channel, compile_template(words[0]))
    text = rendered if isinstance(rendered, str) else await rendered
    return f"200 result=1 ({text})"


@agi_command("SET CALLERID", syntax="<number>", least=1, most=None, runs_dead=False)
def set_caller_id(agi: AgiDialogue, words: list[str]) -> str:
    """Change the caller id.

    To a number, a name, or both as "name" <number>, which must then be in quotes.
    """
    name, number = parse_caller_id(words[0])
    agi.channel.set_caller_id(number, name, number)
    return "200 result=1"


@agi_command("DATABASE GET", syntax="<family> <key>", least=2, most=2)
def database_get(agi: AgiDialogue, words: list[str]) -> str:
    """A value of the AstDB.

    The result is 1 with the value in parentheses, or 0 if there is no such key.
    """
    value = agi.system.database.get(words[0], words[1])
    return "200 result=0" if value is None else f"200 result=1 ({value})"


@agi_command("DATABASE PUT", syntax="<family> <key> <value>", least=3, most=3)
def database_put(agi: AgiDialogue, words: list[str]) -> str:
    """Store a value in the AstDB.

    The result is 1, or 0 if it cannot be stored.
    """
    return f"200 result={int(agi.system.database.put(words[0], words[1], words[2]))}"


@agi_command("DATABASE DEL", syntax="<family> <key>", least=2, most=2)
def database_del(agi: AgiDialogue, words: list[str]) -> str:
    """Delete a key of the AstDB.

    The result is 1, also if there is no such key.
    """
    agi.system.database.delete(words[0], words[1])
    return "200 result=1"


@agi_command("DATABASE DELTREE", syntax="<family> [<keytree>]", least=1, most=2)
def database_deltree(agi: AgiDialogue, words: list[str]) -> str:
    """Delete a family of the AstDB.

    Or a part of it. The result is 0.
    """
    agi.system.database.delete_tree(words[0], words[1] if len(words) > 1 else "")
    return "200 result=0"


@agi_command("VERBOSE", syntax="<message> [<level>]", least=1, most=None)
def verbose(agi: AgiDialogue, words: list[str]) -> str:
    """Log a message.

    At a verbosity from 1 to 4; 1 unless given.
    """
    level = leading_integer(words[1]) if len(words) > 1 else 0
    channel = agi.channel
    logger.verbose(max(1, min(level, 10)), f"{channel.application_data.partition(',')[0]}: {words[0]}")
    return "200 result=1"

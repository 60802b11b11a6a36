"""Asterisk configuration file variable access."""

from __future__ import annotations

from globstar.config.errors import ConfigError
from globstar.config.file import ConfigFile
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments


@function("AST_CONFIG", syntax="AST_CONFIG(config_file,category,variable_name[,index])")
async def configuration_value(channel: Channel | None, args: str) -> str:
    """The value of a variable in a configuration file, as the file is now.

    If the category has it several times, ``index`` says which one is meant, from 0; -1 means the last one.
    """
    if channel is None:
        raise FunctionError("AST_CONFIG needs a channel")
    arguments = split_arguments(args, 4)
    name, category, variable = (argument(arguments, index) for index in range(3))
    if not (name and category and variable):
        raise FunctionError("AST_CONFIG needs a file, a category and a variable")
    index = argument(arguments, 3, "0").strip()
    if not index.removeprefix("-").isdecimal():
        raise FunctionError(f"'{index}' is no index")
    try:
        config: ConfigFile | None = await channel.system.run_blocking(channel.system.configuration.read, name)
    except ConfigError as error:
        raise FunctionError(f"{name} is broken: {error}") from error
    values = config.get_all(category, variable) if config is not None else []
    number = int(index)
    return values[number] if -len(values) <= number < len(values) else ""

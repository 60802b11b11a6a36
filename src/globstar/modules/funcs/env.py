"""Environment/filesystem dialplan functions."""

from __future__ import annotations

import os
import posixpath
import stat as stat_module

from globstar.base.log import Logger
from globstar.base.programs import set_environment
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.textfile import FileFault, LineFormat, TextFile
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("func_env")


@function("ENV", syntax="ENV(varname)", dangerous=True)
def environment(channel: Channel | None, args: str) -> str:
    """A variable of the environment. Writing an empty value removes it."""
    return os.environ.get(args, "") if args else ""


@environment.writer
def _set_environment(channel: Channel | None, args: str, value: str) -> None:
    if not args or "=" in args:
        return
    set_environment(args, value)


_FLAGS = "defmsACM"


@function("STAT", syntax="STAT(flag,filename)", dangerous=True)
async def stat(channel: Channel | None, args: str) -> str:
    """What is known of a file.

    ``flag`` is e (does it exist), f (is it a file), d (a directory), s (its size), m (its mode, octal), A, C or M (when it was
    read, changed in its inode, changed, in seconds since 1970). 0 if there is no such file.
    """
    flag, _, name = args.partition(",")
    if channel is None:
        raise FunctionError("STAT needs a channel")
    flag = flag.strip()[:1]
    if not flag or not name or flag not in _FLAGS:
        return "0"
    return await channel.system.run_blocking(_stat, flag, name)


def _stat(flag: str, name: str) -> str:
    try:
        found = os.stat(name)
    except (OSError, ValueError):  # no such file: that is the answer
        return "0"
    match flag:
        case "e":
            return "1"
        case "f":
            return str(int(stat_module.S_ISREG(found.st_mode)))
        case "d":
            return str(int(stat_module.S_ISDIR(found.st_mode)))
        case "s":
            return str(found.st_size)
        case "m":
            return f"{found.st_mode:o}"
        case "A":
            return str(int(found.st_atime))
        case "C":
            return str(int(found.st_ctime))
        case _:
            return str(int(found.st_mtime))


@function("BASENAME", syntax="BASENAME(filename)")
def base_name(channel: Channel | None, args: str) -> str:
    """The last part of a path."""
    path = args.rstrip("/")
    return posixpath.basename(path) or ("/" if args else ".")


@function("DIRNAME", syntax="DIRNAME(filename)")
def directory_name(channel: Channel | None, args: str) -> str:
    """A path without its last part."""
    path = args.rstrip("/")
    return posixpath.dirname(path).rstrip("/") or ("/" if args.startswith("/") else ".")


def _file(args: str) -> tuple[TextFile, str]:
    """The part of a file that ``filename[,offset][,length][,options][,format]`` means, and the options."""
    arguments = split_arguments(args, 5)
    options = argument(arguments, 3)
    name = argument(arguments, 0)
    if not name:
        raise FunctionError("FILE needs the name of a file")
    length = argument(arguments, 2).strip()
    try:
        part = TextFile(
            name,
            offset=int(argument(arguments, 1, "0")),
            length=int(length) if length else None,
            by_lines="l" in options,
            line_format=LineFormat.parse(argument(arguments, 4)),
        )
    except ValueError as error:
        raise FunctionError(f"FILE: {error}") from error
    return part, options


@function("FILE", syntax="FILE(filename[,offset][,length][,options][,format])", dangerous=True)
async def file(channel: Channel | None, args: str) -> str:
    """The contents of a file, or a part of them.

    ``offset`` counts from the beginning, or back from the end if it is negative; ``length`` says how much, or how much to leave
    off at the end if it is negative. Both are bytes, with option l lines. Writing replaces that part of the file by the value:
    all of it from the offset on if no length is given. Option a writes behind the end; d, with l, adds no end of line.
    ``format`` is u (lines end in LF), d (CR LF) or m (CR); otherwise it is found out from the file.
    """
    if channel is None:
        raise FunctionError("FILE needs a channel")
    part, _ = _file(args)
    try:
        return await channel.system.run_blocking(part.read)
    except FileFault as error:
        raise FunctionError(str(error)) from error


@file.writer
async def _write_file(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("FILE needs a channel")
    part, options = _file(args)
    try:
        if "a" in options:
            await channel.system.run_blocking(part.append, value, "d" in options)
        else:
            await channel.system.run_blocking(part.replace, value, "d" in options)
    except FileFault as error:
        raise FunctionError(str(error)) from error


@function("FILE_COUNT_LINE", syntax="FILE_COUNT_LINE(filename[,format])", dangerous=True)
async def file_count_line(channel: Channel | None, args: str) -> str:
    """How many lines a file has, -1 if it cannot be read.

    ``format`` is u (lines end in LF), d (CR LF) or m (CR); otherwise it is found out from the file.
    """
    if channel is None:
        raise FunctionError("FILE_COUNT_LINE needs a channel")
    arguments = split_arguments(args, 2)
    try:
        part = TextFile(argument(arguments, 0), line_format=LineFormat.parse(argument(arguments, 1)))
        return str(await channel.system.run_blocking(part.count_lines))
    except (FileFault, ValueError) as error:
        logger.error(f"FILE_COUNT_LINE: {error}")
        return "-1"


@function("FILE_FORMAT", syntax="FILE_FORMAT(filename)", dangerous=True)
async def file_format(channel: Channel | None, args: str) -> str:
    """How the lines of a file end: u (LF), d (CR LF), m (CR), or x if it has no end of line."""
    if channel is None:
        raise FunctionError("FILE_FORMAT needs a channel")
    try:
        found = await channel.system.run_blocking(TextFile(args).detect_format)
    except FileFault as error:
        logger.error(f"FILE_FORMAT: {error}")
        return LineFormat.NONE.value
    return found.value

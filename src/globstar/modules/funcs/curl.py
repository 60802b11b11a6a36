"""Load external URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.curl import SECRETS, SERVICE, Curl, CurlFault, option_text, set_option
from globstar.core.functions import FunctionError
from globstar.core.loader import ModuleDeclined
from globstar.core.registry import function
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_raw

logger = Logger("func_curl")

REQUIRES = ("res_curl",)
#: where a channel keeps its options
_KEY = "curl options"
#: Names of the columns of the row that was read last, for HASH() and ARRAY().
_COLUMNS = "~ODBCFIELDS~"


def load(system: System) -> None:
    """Decline where there is no libcurl."""
    if SERVICE not in system.services:
        raise ModuleDeclined("res_curl is not loaded")


def _curl(channel: Channel | None) -> tuple[Channel, Curl]:
    if channel is None:
        raise FunctionError("a channel is needed")
    curl = channel.system.service(SERVICE, Curl)
    if curl is None:
        raise FunctionError("res_curl is not loaded")
    return channel, curl


@function("CURL", syntax="CURL(url[,post-data])", writes_outside=True)
async def curl(channel: Channel | None, args: str) -> str:
    """What a web or FTP server answers for a URL; with ``post-data`` that is posted to it.

    Blanks and line ends at the end are left out. CURLOPT() sets options; with hashcompat the answer, ``a=1&b=2``, is for
    ``Set(HASH(name)=${CURL(...)})``. Writing, ``Set(CURL(url)=file)``, fetches the URL into a file. When the transfer fails
    the value is empty and a warning tells why.
    """
    channel, transfers = _curl(channel)
    arguments = split_raw(args, 2)
    url = argument(arguments, 0)
    if not url:
        raise FunctionError("CURL needs a URL")
    options: dict[str, Any] = channel.data.get(_KEY, {})
    post = arguments[1] if len(arguments) > 1 and arguments[1] else None
    try:
        answer = await transfers.fetch(url, options, post=post)
    except CurlFault as fault:
        raise FunctionError(str(fault)) from fault
    text = answer.text.partition("\0")[0].rstrip()
    mode = options.get("hashcompat", transfers.defaults.get("hashcompat", "no"))
    return text if mode == "no" else _as_hash(channel, text, is_legacy=mode == "legacy")


def _as_hash(channel: Channel, text: str, *, is_legacy: bool) -> str:
    """``a=1&b=2`` as values, its names kept for HASH(). In legacy mode a plus sign is no blank."""
    decode = unquote if is_legacy else unquote_plus
    names: list[str] = []
    values: list[str] = []
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name:
            names.append(_escaped(decode(name)))
            values.append(_escaped(decode(value)))
    channel.variables.set(_COLUMNS, ",".join(names))
    return ",".join(values)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")


@curl.writer
async def _fetch_into_file(channel: Channel | None, args: str, value: str) -> None:
    channel, transfers = _curl(channel)
    url = argument(split_raw(args, 2), 0)
    if not url or not value.strip():
        raise FunctionError("syntax is Set(CURL(url)=file)")
    try:
        await transfers.fetch(url, channel.data.get(_KEY, {}), file=Path(value.strip()))
    except CurlFault as fault:
        raise FunctionError(str(fault)) from fault


@function("CURLOPT", syntax="CURLOPT(key)")
def curl_option(channel: Channel | None, args: str) -> str:
    """An option of this channel's CURL() from now on, which goes before that of res_curl.conf; headers and cookies add to those.

    Keys: cookie, conntimeout, dnstimeout, followlocation, ftptext, ftptimeout, header, httpauth (basic, digest), httpheader,
    httptimeout, maxredirs, proxy, proxytype (http, socks4, socks5), proxyport, proxyuserpwd, referer, useragent, userpwd,
    ssl_verifypeer, ssl_verifyhost, ssl_cainfo, ssl_capath, ssl_cert, ssl_certtype, ssl_key, ssl_keytype, ssl_keypasswd,
    hashcompat (yes, no, legacy) and failurecodes. Times are seconds.
    """
    channel, transfers = _curl(channel)
    options = {**transfers.defaults, **channel.data.get(_KEY, {})}
    name = args.strip().lower()
    if name in SECRETS and name not in channel.data.get(_KEY, {}):
        raise FunctionError(f"{name} of res_curl.conf is not shown")
    try:
        return option_text(options, name)
    except CurlFault as fault:
        raise FunctionError(str(fault)) from fault


@curl_option.writer
def _set_curl_option(channel: Channel | None, args: str, value: str) -> None:
    channel, _ = _curl(channel)
    try:
        set_option(channel.data.setdefault(_KEY, {}), args, value)
    except CurlFault as fault:
        raise FunctionError(str(fault)) from fault

"""What a transport object says about sockets and TLS, in the words of ``net``."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from globstar.net.sockopts import SocketOptions
from globstar.net.tls import TlsContexts, TlsError, TlsOptions, make_contexts

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.objects import TransportObject

#: Values of ``method`` that leave the choice to us.
_UNSPECIFIED = ("", "default", "unspecified", "sslv23")
#: Names of the byte of the IP header, beside numbers.
_TOS = {"ef": 0xB8, "va": 0xB0, "lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "mincost": 0x02, "none": 0}
_TOS |= {f"cs{number}": number << 5 for number in range(8)}
_TOS |= {f"af{cls}{drop}": (cls << 5) | (drop << 3) for cls in range(1, 5) for drop in range(1, 4)}


def tos(text: str) -> int:
    """Read the byte of the IP header: a number (0x.. for base 16) or the name of a DSCP (cs3, af31, ef)."""
    text = text.strip().lower()
    if text in _TOS:
        return _TOS[text]
    try:
        value = int(text, 0)
    except ValueError:
        raise ValueError("expected a number, or a name like cs3, af31 or ef") from None
    if not 0 <= value <= 255:
        raise ValueError("expected 0 to 255")
    return value


def socket_options(config: TransportObject) -> SocketOptions:
    """The options of the transport's sockets."""
    return SocketOptions(
        tos=config.tos,
        cos=config.cos,
        keepalive=config.tcp_keepalive_enable,
        keepalive_idle=config.tcp_keepalive_idle_time,
        keepalive_interval=config.tcp_keepalive_interval_time,
        keepalive_count=config.tcp_keepalive_probe_count,
    )


def tls_options(config: TransportObject) -> TlsOptions:
    """The options of the transport's TLS; raises TlsError for a version that is not offered or a file that cannot be read."""
    for option in ("cert_file", "priv_key_file", "ca_list_file", "ca_list_path"):
        path = getattr(config, option)
        if path and not os.access(path, os.R_OK):
            raise TlsError(f"{option} '{path}' is missing or cannot be read")
    method = config.method.strip().lower()
    return TlsOptions(
        certificate=config.cert_file,
        private_key=config.priv_key_file,
        password=config.password,
        authorities=config.ca_list_file,
        authorities_path=config.ca_list_path,
        ciphers=config.cipher,
        method="" if method in _UNSPECIFIED else method,
        verify_server=config.verify_server,
        verify_client=config.verify_client,
        require_client_certificate=config.require_client_cert,
        allow_wildcards=config.allow_wildcard_certs,
    )


async def load_tls(config: TransportObject) -> TlsContexts:
    """Read the files of a TLS transport, off the loop; raises TlsError."""
    return await asyncio.to_thread(lambda: make_contexts(tls_options(config)))

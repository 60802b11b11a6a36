"""http.conf."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from globstar.config import ConfigFile
from globstar.config.file import Category
from globstar.config.options import Options, Report, handles, option
from globstar.config.values import address, address_and_port, boolean, integer, string
from globstar.net.flow import Address
from globstar.net.tls import TlsOptions

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NO_CLIENTS = "the HTTP server makes no connections"


def _prefix(text: str) -> str:
    text = text.strip().strip("/")
    return f"/{text}" if text else ""


class HttpOptions(Options):
    """``[general]``."""

    enabled = option(boolean, False, help="Whether the server listens.")
    bindaddr = option(address, "", help="Address for HTTP.")
    bindport = option(integer(0, 65535), 8088, help="Port for HTTP.")
    prefix = option(_prefix, "", help="What every path begins with.")
    servername = option(string, "", help="Name in the Server header.")
    sessionlimit = option(integer(1), 100, help="Connections at a time.")
    session_inactivity = option(integer(1), 30000, unit="ms", help="How long a request may take to arrive.")
    session_keep_alive = option(integer(0), 15000, unit="ms", help="How long a connection waits for its next request.")
    enable_static = option(boolean, False, aliases=("enablestatic",), help="Serve the folder static-http.")
    enable_status = option(boolean, False, help="Serve a page about the server.")
    tlsenable = option(boolean, False, aliases=("sslenable",), help="Whether it listens for HTTPS.")
    tlsbindaddr = option(address_and_port, ("", 0), aliases=("sslbindaddr",), help="Address and port for HTTPS.")
    tlscertfile = option(string, "", aliases=("sslcert", "tlscert"), help="Certificate.")
    tlsprivatekey = option(string, "", aliases=("sslprivatekey",), help="Its private key, unless the certificate's file has it.")
    tlscipher = option(string, "", aliases=("sslcipher",), help="Ciphers, names of OpenSSL.")
    tlscafile = option(string, "", help="Authorities that sign certificates of clients.")
    tlscapath = option(string, "", aliases=("tlscadir",), help="Folder with such authorities.")
    tlsverifyclient = option(boolean, False, help="Clients must show a certificate.")
    tlsservercipherorder = option(boolean, True, help="Our order of ciphers counts.")
    tlsdisablev1 = option(boolean, True, help="TLS 1.0 is never offered.")
    tlsdisablev11 = option(boolean, True, help="TLS 1.1 is never offered.")
    tlsdisablev12 = option(boolean, False, help="Only TLS 1.3 is offered.")
    tlsclientmethod = option(string, "", aliases=("sslclientmethod",), help="Accepted for compatibility.")
    tlsdontverifyserver = option(boolean, False, help="Accepted for compatibility.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.redirects: list[tuple[str, str]] = []

    @handles("redirect", help="``from to``: another place for a path; may be repeated.")
    def _redirect(self, text: str) -> None:
        source, _, target = text.strip().partition(" ")
        if not source.startswith("/") or not target.strip():
            raise ValueError("expected two paths: /from /to")
        self.redirects.append((source.rstrip("/") or "/", target.strip()))

    @property
    def tls_address(self) -> Address:
        """Where HTTPS is bound: the plain address and port 8089 unless said otherwise."""
        host, port = self.tlsbindaddr
        return host or self.bindaddr or "0.0.0.0", port or 8089

    @property
    def tls(self) -> TlsOptions:
        """For the context of HTTPS."""
        return TlsOptions(
            certificate=self.tlscertfile,
            private_key=self.tlsprivatekey,
            ciphers=tuple(name for name in self.tlscipher.replace(",", ":").split(":") if name),
            method="tlsv1_3" if self.tlsdisablev12 else "",
            authorities=self.tlscafile,
            authorities_path=self.tlscapath,
            require_client_certificate=self.tlsverifyclient,
            prefer_server_ciphers=self.tlsservercipherorder,
        )


@dataclass(frozen=True, slots=True)
class Restriction:
    """``type=restriction``: who may use the paths below the category's name. The last rule that fits counts, else all may."""

    path: str
    #: (allow, network) in order
    rules: tuple[tuple[bool, Network], ...]
    #: lists of acl.conf, which must let in, too
    lists: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        """Whether it is about ``path``."""
        return path == self.path or path.startswith(f"{self.path}/")

    def allows(self, host: str) -> bool:
        """Whether ``host`` may."""
        address = ipaddress.ip_address(host.partition("%")[0])
        verdict = True
        for allow, network in self.rules:
            if address in network:
                verdict = allow
        return verdict


@dataclass(slots=True)
class HttpSettings:
    """All of http.conf."""

    general: HttpOptions
    restrictions: tuple[Restriction, ...] = ()


def read_http(config: ConfigFile | None, report: Report) -> HttpSettings:
    """Build the settings; what is wrong with single options goes to ``report``."""
    general = HttpOptions()
    restrictions: list[Restriction] = []
    for category in config or ():
        if category.name.lower() == "general":
            general = HttpOptions.read(category, report)
            for name in ("tlsclientmethod", "tlsdontverifyserver"):
                variable = category.find(name)
                if variable is not None:
                    report(variable, f"option '{name}' has no effect: {_NO_CLIENTS}")
            for name in ("tlsdisablev1", "tlsdisablev11"):
                variable = category.find(name)
                if variable is not None and not getattr(general, name):
                    report(variable, f"option '{name}' has no effect: TLS 1.0 and 1.1 are never offered")
        elif category.name.lower() == "post_mappings":
            continue  # those of res_http_post
        elif (category.get("type") or "").strip().lower() == "restriction":
            restrictions.append(_read_restriction(category, report))
        else:
            for variable in category:
                report(variable, f"section [{category.name}] is unknown; a restriction has type=restriction")
                break
    if general.enabled and not general.bindaddr:
        general.bindaddr = "0.0.0.0"
    return HttpSettings(general, tuple(restrictions))


def _read_restriction(category: Category, report: Report) -> Restriction:
    rules: list[tuple[bool, Network]] = []
    lists: list[str] = []
    for variable in category:
        name = variable.name.lower()
        if name == "type":
            continue
        if name == "acl":
            lists += [text.strip() for text in variable.value.split(",") if text.strip()]
            continue
        if name not in ("permit", "deny"):
            report(
                variable,
                f"[{category.name}] option '{variable.name}' of a restriction is unknown; there are permit, deny and acl",
            )
            continue
        for part in variable.value.split(","):
            try:
                rules.append((name == "permit", ipaddress.ip_network(part.strip(), strict=False)))
            except ValueError as error:
                report(variable, f"[{category.name}] {error}; nobody is let in by this restriction")
                rules += [(False, ipaddress.ip_network("0.0.0.0/0")), (False, ipaddress.ip_network("::/0"))]
    return Restriction(category.name.strip().strip("/"), tuple(rules), tuple(lists))

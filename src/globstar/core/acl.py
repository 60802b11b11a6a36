"""Access lists: which addresses are let in (acl.conf, and permit and deny of other files)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from globstar.config.file import ConfigFile

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Name of the service that holds the :class:`AccessLists` of a system.
SERVICE = "access lists"


def read_network(text: str) -> Network:
    """Read an address or a network (``10.0.0.0/8``, ``10.0.0.0/255.0.0.0``, ``[2001:db8::]/32``); raises ValueError."""
    return ipaddress.ip_network(text.strip().replace("[", "").replace("]", ""), strict=False)


class AccessRules:
    """Rules in the order of the file; the last one that fits an address decides, and without one it is let in.

    Once a line could not be read nobody is let in: a rule left out could let in whom it was to keep away.
    """

    def __init__(self) -> None:
        self._rules: list[tuple[bool, Network]] = []
        self.is_broken = False

    def __bool__(self) -> bool:
        return bool(self._rules) or self.is_broken

    def __iter__(self) -> Iterator[tuple[bool, Network]]:
        return iter(self._rules)

    def add(self, is_permitted: bool, text: str) -> None:
        """Add the addresses and networks of a line; ``!`` before one turns its sense round. Raises ValueError."""
        try:
            for part in filter(None, map(str.strip, text.split(","))):
                turned = part.startswith("!")
                self._rules.append((is_permitted != turned, read_network(part[turned:])))
        except ValueError:
            self.is_broken = True
            raise

    def allows(self, host: str) -> bool:
        """Whether an address is let in. A host name is not: it could lead anywhere."""
        if self.is_broken:
            return False
        if not self._rules:
            return True
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return next((is_permitted for is_permitted, net in reversed(self._rules) if address in net), True)


@runtime_checkable
class AccessLists(Protocol):
    """Service ``access lists``: the lists of acl.conf by name."""

    def get(self, name: str) -> AccessRules | None:
        """The list called ``name``, None if acl.conf has none of that name."""


class NamedLists:
    """The lists of one reading of acl.conf."""

    def __init__(self) -> None:
        self.lists: dict[str, AccessRules] = {}

    def get(self, name: str) -> AccessRules | None:
        """See AccessLists."""
        return self.lists.get(name)


def read_lists(config: ConfigFile | None) -> tuple[NamedLists, list[str]]:
    """The lists of acl.conf, and what is wrong with single lines."""
    named, problems = NamedLists(), []
    for category in config or ():
        rules = named.lists[category.name] = AccessRules()
        for variable in category:
            where = f"{variable.file}:{variable.line}"
            kind = variable.name.lower()
            if kind not in ("permit", "deny"):
                problems.append(f"{where}: '{variable.name}' is no rule; known are permit and deny")
                continue
            try:
                rules.add(kind == "permit", variable.value)
            except ValueError as error:
                problems.append(f"{where}: {error}; the list '{category.name}' lets nobody in")
    return named, problems


def allows_all(lists: AccessLists | None, names: tuple[str, ...], host: str) -> str:
    """The name of the first of several named lists that refuses ``host``, empty if all let it in.

    A list that does not exist refuses everybody, as a missing lock must not open the door.
    """
    for name in names:
        rules = lists.get(name) if lists is not None else None
        if rules is None or not rules.allows(host):
            return name
    return ""


def rule_text(network: Network) -> str:
    """A network as ``acl show`` prints it: with a mask for IPv4, with a prefix length for IPv6."""
    return str(network) if network.version == 6 else f"{network.network_address}/{network.netmask}"

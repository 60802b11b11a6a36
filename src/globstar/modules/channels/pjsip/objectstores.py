"""Objects of the driver that sorcery.conf keeps elsewhere than in pjsip.conf."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.file import Category, Variable
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.sorcery import SERVICE, Sorcery, SorceryObject, TypeStore

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.modules.channels.pjsip.driver import PjsipDriver

logger = Logger("res_pjsip")

#: The types of objects, and the modules under whose names sorcery.conf maps them.
MODULES = {
    "endpoint": "res_pjsip",
    "auth": "res_pjsip",
    "aor": "res_pjsip",
    "domain_alias": "res_pjsip",
    "transport": "res_pjsip",
    "global": "res_pjsip",
    "system": "res_pjsip",
    "identify": "res_pjsip_endpoint_identifier_ip",
    "registration": "res_pjsip_outbound_registration",
    "outbound-publish": "res_pjsip_outbound_publish",
    "inbound-publication": "res_pjsip_pubsub",
    "resource_list": "res_pjsip_pubsub",
    "asterisk-publication": "res_pjsip_publish_asterisk",
    "acl": "res_pjsip_acl",
    "phoneprov": "res_pjsip_phoneprov_provider",
}
#: attributes of the settings that hold objects, by type
_TABLES = {
    "auth": "auths",
    "aor": "aors",
    "transport": "transports",
    "identify": "identifies",
    "registration": "registrations",
    "outbound-publish": "publishes",
    "inbound-publication": "inbound_publications",
    "resource_list": "resource_lists",
    "asterisk-publication": "asterisk_publications",
    "acl": "acls",
    "phoneprov": "phoneprovs",
}
#: Types that requests and calls look up; the others count as they were when the configuration was read.
LOOKED_UP = ("endpoint", "auth", "aor", "domain_alias", "identify")
#: the registered contacts, which are mapped like an object but come from REGISTER
CONTACT = "contact"


@dataclass(slots=True)
class ObjectStores:
    """What sorcery.conf maps of the driver's types, and what was read of it last, by type and id."""

    stores: dict[str, TypeStore] = field(default_factory=dict)
    contacts: TypeStore | None = None
    known: dict[str, dict[str, SorceryObject]] = field(default_factory=dict)

    @classmethod
    def of(cls, system: System) -> ObjectStores:
        """What is mapped now."""
        sorcery = system.service(SERVICE, Sorcery)
        if sorcery is None:
            return cls()
        for kind, module in MODULES.items():
            sorcery.defaults[module, kind] = ("config", f"pjsip.conf,criteria=type={kind}")
        sorcery.defaults["res_pjsip", CONTACT] = ("astdb", "registrar")
        found = {kind: store for kind, module in MODULES.items() if (store := sorcery.store(module, kind)) is not None}
        return cls(found, sorcery.store("res_pjsip", CONTACT))

    @staticmethod
    def describe(driver: PjsipDriver) -> None:
        """Let others ask for the fields of objects, with their defaults (AST_SORCERY)."""
        from globstar.modules.channels.pjsip.cli_show import endpoint_pairs
        from globstar.modules.channels.pjsip.cli_tables import option_pairs

        sorcery = driver.system.service(SERVICE, Sorcery)
        if sorcery is None:
            return

        def fields(kind: str, id: str) -> tuple[tuple[str, str], ...] | None:
            if kind == "endpoint":
                endpoint = driver.settings.endpoints.get(id)
                return tuple(endpoint_pairs(endpoint)) if endpoint is not None else None
            one = getattr(driver.settings, _TABLES[kind]).get(id)
            return tuple(option_pairs(one)) if one is not None else None

        for kind in ("endpoint", *_TABLES):
            sorcery.describers[MODULES[kind], kind] = partial(fields, kind)

    @property
    def dynamic(self) -> dict[str, TypeStore]:
        """Those whose objects may change at any time, of the types that requests and calls look up."""
        return {kind: self.stores[kind] for kind in LOOKED_UP if kind in self.stores and self.stores[kind].is_dynamic}

    async def fetch(self, before: ObjectStores | None = None) -> dict[str, list[Category]]:
        """All objects of the mapped types; where they cannot be read those of ``before`` stay."""
        found: dict[str, list[Category]] = {}
        for kind, store in self.stores.items():
            try:
                await store.reload()
                objects = await store.retrieve_all()
            except RealtimeFault as fault:
                objects = list(before.known.get(kind, {}).values()) if before is not None else []
                kept = f"; {len(objects)} read before stay" if objects else ""
                logger.error(f"the objects of type {kind} cannot be read: {fault}{kept}")
            self.known[kind] = {one.id: one for one in objects}
            found[kind] = [as_category(one) for one in objects]
        return found


def as_category(one: SorceryObject) -> Category:
    """An object as the section of a file that it would be."""
    place = f"{one.type} in sorcery"
    # allow after disallow, whatever the order of columns
    fields = sorted(one.fields, key=lambda pair: pair[0].lower() != "disallow")
    variables = [Variable("type", one.type, file=place), *(Variable(name, value, file=place) for name, value in fields)]
    return Category(one.id, file=place, variables=variables)

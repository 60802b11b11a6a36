"""PJSIP Channel Driver."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.loader import ModuleDeclined
from globstar.core.services import HttpServer
from globstar.core.system import System
from globstar.core.tech import TechSpec
from globstar.modules.channels.pjsip.cli_control import (
    dump_endpoint,
    show_identifiers,
    show_settings,
    show_unidentified,
    show_version,
)
from globstar.modules.channels.pjsip.cli_defence import allow, drop, flush, show_defence, show_overload
from globstar.modules.channels.pjsip.cli_maintenance import set_maintenance, show_maintenance
from globstar.modules.channels.pjsip.cli_messages import set_history, set_logger, show_history
from globstar.modules.channels.pjsip.cli_qualify import (
    qualify,
    reload_qualify_aor,
    reload_qualify_endpoint,
    show_qualify_aor,
    show_qualify_endpoint,
    show_scheduled_tasks,
)
from globstar.modules.channels.pjsip.cli_registration import (
    list_registrations,
    send_register,
    send_unregister,
    show_registration,
    show_registrations,
)
from globstar.modules.channels.pjsip.cli_show import (
    list_aors,
    list_auths,
    list_channels,
    list_contacts,
    list_endpoints,
    list_identifies,
    list_transports,
    show_aor,
    show_aors,
    show_auth,
    show_auths,
    show_channel,
    show_channel_statistics,
    show_channels,
    show_contact,
    show_contacts,
    show_endpoint,
    show_endpoints,
    show_identifies,
    show_identify,
    show_transport,
    show_transports,
)
from globstar.modules.channels.pjsip.cli_sources import export_mapping, export_wizard, show_mapping
from globstar.modules.channels.pjsip.cli_transports import list_ciphers, show_transport_monitors
from globstar.modules.channels.pjsip.coverage import show_coverage
from globstar.modules.channels.pjsip.device_states import EndpointReports
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.functions import (
    pjsip_aor,
    pjsip_contact,
    pjsip_dial_contacts,
    pjsip_dtmf_mode,
    pjsip_endpoint,
    pjsip_header,
    pjsip_header_param,
    pjsip_headers,
    pjsip_inheritable_header,
    pjsip_media_offer,
    pjsip_moh_passthrough,
    pjsip_parse_uri,
    pjsip_parse_uri_from,
    pjsip_response_header,
    pjsip_response_headers,
    pjsip_send_session_refresh,
)
from globstar.modules.channels.pjsip.hangup_app import manager_hangup, pjsip_hangup
from globstar.modules.channels.pjsip.manager_actions import (
    manager_notify,
    manager_qualify,
    manager_register,
    manager_show_aors,
    manager_show_auths,
    manager_show_contact_statuses,
    manager_show_contacts,
    manager_show_endpoint,
    manager_show_endpoints,
    manager_show_registrations_inbound,
    manager_show_registrations_outbound,
    manager_unregister,
)
from globstar.modules.channels.pjsip.manager_maintenance import (
    maintenance_status,
    manager_set_maintenance,
    manager_show_maintenance,
)
from globstar.modules.channels.pjsip.network import SocketNetwork
from globstar.modules.channels.pjsip.notify_app import pjsip_notify
from globstar.modules.channels.pjsip.objectstores import ObjectStores
from globstar.modules.channels.pjsip.pubsub.cli import (
    list_subscriptions_inbound,
    list_subscriptions_outbound,
    show_subscription_inbound,
    show_subscription_outbound,
    show_subscriptions_inbound,
    show_subscriptions_outbound,
)
from globstar.modules.channels.pjsip.pubsub.manager_actions import (
    manager_resource_lists,
    manager_subscriptions_inbound,
    manager_subscriptions_outbound,
)
from globstar.modules.channels.pjsip.settings import PjsipSettings
from globstar.modules.channels.pjsip.sources import read_all
from globstar.modules.channels.pjsip.supplement import discover
from globstar.modules.channels.pjsip.tech import PjsipTech
from globstar.modules.channels.pjsip.transfer_handling import pjsip_transfer_handling

logger = Logger("chan_pjsip")

#: what the loader finds here
__all__ = [
    "allow",
    "drop",
    "dump_endpoint",
    "export_mapping",
    "export_wizard",
    "flush",
    "list_aors",
    "list_auths",
    "list_channels",
    "list_ciphers",
    "list_contacts",
    "list_endpoints",
    "list_identifies",
    "list_registrations",
    "list_subscriptions_inbound",
    "list_subscriptions_outbound",
    "list_transports",
    "load",
    "maintenance_status",
    "manager_hangup",
    "manager_notify",
    "manager_qualify",
    "manager_register",
    "manager_resource_lists",
    "manager_set_maintenance",
    "manager_show_aors",
    "manager_show_auths",
    "manager_show_contact_statuses",
    "manager_show_contacts",
    "manager_show_endpoint",
    "manager_show_endpoints",
    "manager_show_maintenance",
    "manager_show_registrations_inbound",
    "manager_show_registrations_outbound",
    "manager_subscriptions_inbound",
    "manager_subscriptions_outbound",
    "manager_unregister",
    "parts_of_start",
    "pjsip_aor",
    "pjsip_contact",
    "pjsip_dial_contacts",
    "pjsip_dtmf_mode",
    "pjsip_endpoint",
    "pjsip_hangup",
    "pjsip_header",
    "pjsip_header_param",
    "pjsip_headers",
    "pjsip_inheritable_header",
    "pjsip_media_offer",
    "pjsip_moh_passthrough",
    "pjsip_notify",
    "pjsip_parse_uri",
    "pjsip_parse_uri_from",
    "pjsip_response_header",
    "pjsip_response_headers",
    "pjsip_send_session_refresh",
    "pjsip_transfer_handling",
    "qualify",
    "reload",
    "reload_qualify_aor",
    "reload_qualify_endpoint",
    "send_register",
    "send_unregister",
    "set_history",
    "set_logger",
    "set_maintenance",
    "show_aor",
    "show_aors",
    "show_auth",
    "show_auths",
    "show_channel",
    "show_channel_statistics",
    "show_channels",
    "show_contact",
    "show_contacts",
    "show_coverage",
    "show_defence",
    "show_endpoint",
    "show_endpoints",
    "show_history",
    "show_identifiers",
    "show_identifies",
    "show_identify",
    "show_maintenance",
    "show_mapping",
    "show_overload",
    "show_qualify_aor",
    "show_qualify_endpoint",
    "show_registration",
    "show_registrations",
    "show_scheduled_tasks",
    "show_settings",
    "show_subscription_inbound",
    "show_subscription_outbound",
    "show_subscriptions_inbound",
    "show_subscriptions_outbound",
    "show_transport",
    "show_transport_monitors",
    "show_transports",
    "show_unidentified",
    "show_version",
    "start_part",
    "stop_part",
    "switchable_parts",
    "unload",
]

REQUIRES = ("res_rtp_asterisk",)
MODULE = "chan_pjsip"


async def _read(system: System, before: ObjectStores | None = None) -> tuple[PjsipSettings | None, ObjectStores]:
    """pjsip.conf and its like, and what sorcery.conf keeps elsewhere, as objects, with their warnings logged.

    No settings if there are none. Raises ConfigError.
    """
    with_wizard = "res_pjsip_config_wizard" not in system.loader.parts.left_out
    stores = ObjectStores.of(system)
    mapped = await stores.fetch(before) if stores.stores else {}
    return read_all(system.configuration, with_wizard=with_wizard, mapped=mapped), stores


def _real_network(system: System) -> SocketNetwork:
    return SocketNetwork(system.loop, lambda: _websocket_server(system), lambda: system.services.get("dns"))


def _websocket_server(system: System) -> HttpServer | None:
    """The HTTP server, where transports ws and wss are not left out."""
    return None if "res_pjsip_transport_websocket" in system.loader.parts.left_out else system.services.get("http")


async def load(system: System) -> None:
    """Read pjsip.conf, bind its transports and offer the technology PJSIP."""
    settings, stores = await _read(system)
    if settings is None:
        raise ModuleDeclined("there is no pjsip.conf, pjsip_wizard.conf or sip.conf")
    tech = PjsipTech()
    network = system.services.get("sip network") or _real_network(system)
    driver = PjsipDriver(
        system, tech, settings, network=network, rtp=system.services["rtp"], rng=system.services.get("sip rng"), stores=stores
    )
    tech.driver = driver
    await driver.start()
    system.services["pjsip"] = driver
    stores.describe(driver)
    system.services["endpoints"] = EndpointReports(driver)
    system.techs.register(TechSpec(name=tech.name, tech=tech, module=MODULE))


async def reload(system: System) -> None:
    """Read pjsip.conf again; a broken file leaves everything as it is."""
    driver = system.service("pjsip", PjsipDriver)
    settings, stores = await _read(system, driver.stores if driver is not None else None)
    if driver is not None and settings is not None:
        await driver.apply(settings, stores)


def switchable_parts() -> set[str]:
    """The ``res_pjsip_*`` modules of Asterisk that may be left out, unloaded and loaded."""
    return {cls.module for cls in discover()}


def parts_of_start() -> set[str]:
    """Those that ``noload`` leaves out, and that stay as they are while the server runs."""
    bodies = {f"res_pjsip_{kind}_body_generator" for kind in ("dialog_info", "mwi", "pidf", "xpidf")}
    return bodies | {"res_pjsip_transport_websocket"}


async def start_part(system: System, name: str) -> None:
    """``module load res_pjsip_...``: hook its features in."""
    driver = system.service("pjsip", PjsipDriver)
    if driver is not None:
        await driver.start_part(name)


async def stop_part(system: System, name: str) -> None:
    """``module unload res_pjsip_...``: leave its features out."""
    driver = system.service("pjsip", PjsipDriver)
    if driver is not None:
        await driver.stop_part(name)


async def unload(system: System) -> None:
    """Give the transports back."""
    system.services.pop("endpoints", None)
    driver = system.services.pop("pjsip", None)
    if driver is not None:
        spec = system.techs.get(driver.tech.name)
        if spec is not None:
            system.techs.unregister(spec)
        await driver.stop()
        driver.tech.driver = None

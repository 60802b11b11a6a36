"""Asterisk Manager Interface CEL Backend."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.cdr.record import AMA_FLAGS, format_time
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.manager import ManagerEvent, Permission
from globstar.core.system import System

logger = Logger("cel_manager")

_STATE = "cel_manager"


class ManagerOptions(Options):
    """``[manager]`` of cel.conf."""

    enabled = option(boolean, False, help="Tell manager clients of events of channels.")
    show_user_defined = option(boolean, False, help="Show USER_DEFINED and the name apart instead of the name alone.")


def _read(system: System) -> ManagerOptions:
    config = system.configuration.read("cel.conf")
    sections = config.categories_named("manager") if config is not None else []
    report = Report()
    options = ManagerOptions.read(sections[-1], report) if sections else ManagerOptions()
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return options


def load(system: System) -> None:
    """Read cel.conf; without its section manager nothing is told."""
    reload(system)


def reload(system: System) -> None:
    """Read it again; the backend is there only while it is enabled."""
    options = system.services[_STATE] = _read(system)
    backends = system.registry("cel backend")
    if options.enabled and _BACKENDS[0].name not in backends:
        backends.register(_BACKENDS[0])
    elif not options.enabled:
        backends.unregister(_BACKENDS[0])


def unload(system: System) -> None:
    """Stop."""
    system.registry("cel backend").unregister(_BACKENDS[0])
    system.services.pop(_STATE, None)


def _post(system: Any, event: CelEvent) -> None:
    options: ManagerOptions | None = system.services.get(_STATE)
    if options is None or not options.enabled or not system.bus.listeners(ManagerEvent):
        return
    fields: list[tuple[str, str | None]] = [
        ("EventName", event.kind if options.show_user_defined else event.name), ("AccountCode", event.account_code),
        ("CallerIDnum", event.cid_num), ("CallerIDname", event.cid_name), ("CallerIDani", event.cid_ani),
        ("CallerIDrdnis", event.cid_rdnis), ("CallerIDdnid", event.cid_dnid), ("Exten", event.exten),
        ("Context", event.context), ("Channel", event.channel), ("Application", event.app), ("AppData", event.app_data),
        ("EventTime", format_time(event.time)), ("AMAFlags", AMA_FLAGS.get(event.ama_flags, "Unknown")),
        ("UniqueID", event.unique_id), ("LinkedID", event.linked_id), ("UserField", event.user_field), ("Peer", event.peer),
        ("PeerAccount", event.peer_account), ("Extra", event.extra),
    ]  # fmt: skip
    if options.show_user_defined and event.kind == "USER_DEFINED":
        fields.append(("UserDefType", event.user_defined))
    system.bus.publish(ManagerEvent("CEL", Permission.CALL, fields))


#: in a tuple, so that the loader does not register it: it is shown only while it is enabled
_BACKENDS = (CelBackendSpec(module="cel_manager", name="cel_manager", description="Manager Event Logging", post=_post),)

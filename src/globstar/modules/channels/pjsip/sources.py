"""Where the objects of the driver come from: pjsip.conf, pjsip_wizard.conf, and sip.conf and users.conf of chan_sip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.file import Category
from globstar.config.options import Report
from globstar.config.values import is_true
from globstar.modules.channels.pjsip.settings import PjsipSettings, read_settings
from globstar.modules.channels.pjsip.sipconf import Mapping, map_sip_conf
from globstar.modules.channels.pjsip.wizard import Expansion, expand

if TYPE_CHECKING:
    from globstar.core.boot import Configuration

logger = Logger("chan_pjsip")


@dataclass(slots=True)
class Sources:
    """What was read other than pjsip.conf."""

    wizard: Expansion = field(default_factory=Expansion)
    #: what sip.conf and users.conf became; None when they were not used
    mapping: Mapping | None = None


def read_all(
    configuration: Configuration, *, with_wizard: bool = True, mapped: dict[str, list[Category]] | None = None
) -> PjsipSettings | None:
    """Read all files and log what is wrong; None when there is nothing to configure SIP with. Raises ConfigError.

    Objects of pjsip.conf win over those of the same kind and name of the wizard, and both over those of sip.conf. sip.conf is
    used when pjsip.conf has no endpoint, or when its ``[general]`` says ``pjsip_map=yes``. ``mapped`` are objects that
    sorcery.conf keeps elsewhere, by their types: pjsip.conf has no say in these.
    """
    report = Report()
    own = configuration.read("pjsip.conf")
    wizards = configuration.read("pjsip_wizard.conf") if with_wizard else None
    expansion = expand(wizards, report) if wizards is not None else Expansion()
    sections = list(own.sections) if own is not None else []
    if mapped:
        sections = [one for one in sections if one.is_template or _kind(one) not in mapped]
        sections += [category for categories in mapped.values() for category in categories]
    _merge(sections, expansion.categories, "pjsip_wizard.conf", report)
    mapping = _old_files(configuration, sections)
    if mapping is not None:
        _merge(sections, mapping.categories, "sip.conf", report)
    elif own is None and wizards is None and not mapped:
        return None
    files = [*(own.files if own is not None else ()), *(wizards.files if wizards is not None else ())]
    settings = read_settings(ConfigFile("pjsip.conf", sections, files=files), report)
    for warning in report.warnings:
        logger.warning(str(warning))
    settings.sources = Sources(expansion, mapping)
    return settings


def _kind(category: Category) -> str:
    return (category.get("type") or "").strip().lower()


def _merge(sections: list[Category], more: list[Category], file: str, report: Report) -> None:
    """Add categories whose kind and name are not taken."""
    taken = {(_kind(category), category.name) for category in sections if not category.is_template}
    singles = {kind for kind, _ in taken if kind in ("global", "system")}
    for category in more:
        key = (_kind(category), category.name)
        if key in taken or key[0] in singles:
            where = category.find("type")
            if where is not None and key[0] not in singles:
                report(where, f"[{category.name}] type={key[0]} of {file} is left out: pjsip.conf has one")
        else:
            sections.append(category)


def _old_files(configuration: Configuration, sections: list[Category]) -> Mapping | None:
    """The mapping of sip.conf and users.conf, when they are there and wanted."""
    has_endpoints = any(_kind(category) == "endpoint" for category in sections if not category.is_template)
    sip = configuration.read("sip.conf")
    wanted = sip.get("general", "pjsip_map") if sip is not None else None
    if wanted is not None and not is_true(wanted):
        return None
    if has_endpoints and wanted is None:
        if sip is not None:
            logger.notice("sip.conf is left alone, as pjsip.conf has endpoints; pjsip_map=yes in its [general] adds what it has")
        return None
    users = configuration.read("users.conf")
    if sip is None and (users is None or not any(is_true(category.get("hassip")) for category in users)):
        return None
    has_transports = any(_kind(category) == "transport" for category in sections if not category.is_template)
    mapping = map_sip_conf(sip or ConfigFile("sip.conf"), users, with_transports=not has_transports)
    for note in mapping.notes:
        logger.log(note.level, str(note))
    counts = mapping.counts()
    logger.notice(
        f"sip.conf: {counts['mapped']} options mapped, {counts['changed']} changed, {counts['dropped']} without a "
        "counterpart; 'sip show mapping' lists them"
    )
    return mapping

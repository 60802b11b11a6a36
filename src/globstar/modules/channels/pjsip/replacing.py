"""Single objects of a running configuration put in the place of what they were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.config.file import Category, Variable
from globstar.config.options import Report
from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.objects import AorObject, AuthObject, DomainAliasObject, IdentifyObject, PjsipObject
from globstar.modules.channels.pjsip.settings import PjsipSettings, prepare_endpoint, prepare_identify, read_object

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver

_CLASSES: dict[str, type[PjsipObject]] = {
    "endpoint": EndpointObject,
    "auth": AuthObject,
    "aor": AorObject,
    "identify": IdentifyObject,
    "domain_alias": DomainAliasObject,
}
#: objects that others refer to come before those
_ORDER = ("auth", "aor", "domain_alias", "endpoint", "identify")


def replace_objects(driver: PjsipDriver, changes: Iterable[tuple[str, str, Category | None]], report: Report) -> None:
    """Take objects of another content, new ones, and those that are gone (None) into the configuration in force.

    Calls that run keep the endpoint that they began with. What is wrong goes to ``report``.
    """
    settings = driver.settings
    ordered = sorted((change for change in changes if change[0] in _ORDER), key=lambda change: _ORDER.index(change[0]))
    kinds = set()
    for kind, name, category in ordered:
        kinds.add(kind)
        one = read_object(_CLASSES[kind], category, report) if category is not None else None
        _put(settings, kind, name, one)
        if isinstance(one, EndpointObject):
            _prepare(settings, one, category, report)
        elif isinstance(one, IdentifyObject):
            prepare_identify(settings, one, _teller(category, report))
        if kind == "auth":
            driver.authenticator.forget(name)
            _index_auth(settings, name)
    if "aor" in kinds or "endpoint" in kinds:
        settings.forget_aor_index()
    if "identify" in kinds or _is_matched(settings, {name for kind, name, _ in ordered if kind == "endpoint"}):
        driver.renew_identifier()
    for kind, name, _ in ordered:
        if kind == "aor":
            driver.contacts.aor_replaced(name)


def _put(settings: PjsipSettings, kind: str, name: str, one: PjsipObject | None) -> None:
    if kind == "domain_alias":
        settings.domain_aliases.pop(name.lower(), None)
        if isinstance(one, DomainAliasObject):
            settings.domain_aliases[name.lower()] = one.domain
        return
    tables = {
        "endpoint": settings.endpoints,
        "auth": settings.auths,
        "aor": settings.aors,
        "identify": settings.identifies,
    }
    table: dict[str, PjsipObject] = tables[kind]  # type: ignore[assignment]
    if one is None:
        table.pop(name, None)
    else:
        table[name] = one
    if kind == "endpoint":
        for user in [user for user, endpoint in settings.by_auth_username.items() if endpoint == name]:
            del settings.by_auth_username[user]


def _teller(category: Category | None, report: Report):  # type: ignore[no-untyped-def]
    def tell(kind: str, name: str, option: str, message: str) -> None:
        variable = category.find(option) if category is not None else None
        place = category.file if category is not None else ""
        report(variable or Variable(name, "", file=place), f"[{name}] {message}")

    return tell


def _prepare(settings: PjsipSettings, endpoint: EndpointObject, category: Category | None, report: Report) -> None:
    """Check an endpoint; what it refers to may not have been read yet, so that is not told."""
    tell = _teller(category, report)

    def quiet(kind: str, name: str, option: str, message: str) -> None:
        if option not in ("auth", "outbound_auth", "aors"):
            tell(kind, name, option, message)

    prepare_endpoint(settings, endpoint, quiet)


def _index_auth(settings: PjsipSettings, name: str) -> None:
    """The user name of an auth that was read after its endpoint."""
    auth = settings.auths.get(name)
    if auth is None or not auth.username:
        return
    for endpoint in settings.endpoints.values():
        if name in endpoint.auth:
            settings.by_auth_username[auth.username.lower()] = endpoint.name


def _is_matched(settings: PjsipSettings, endpoints: set[str]) -> bool:
    """Whether identify objects lead to one of these endpoints."""
    return bool(endpoints) and any(identify.endpoint in endpoints for identify in settings.identifies.values())

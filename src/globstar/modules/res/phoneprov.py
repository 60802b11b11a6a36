"""Phone provisioning over HTTP: profiles of files and templates for the phones of users."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.errors import ConfigError
from globstar.config.file import Category, Variable
from globstar.config.values import is_true
from globstar.core.channel import Channel
from globstar.core.cli import cli_command
from globstar.core.functions import FunctionError
from globstar.core.loader import ModuleDeclined
from globstar.core.registry import function
from globstar.core.services import HttpRoute, HttpServer, PhoneUser, PhoneUsers
from globstar.core.system import System
from globstar.dialplan.arguments import split_arguments
from globstar.dialplan.substitute import substitute

if TYPE_CHECKING:
    from aiohttp import web

logger = Logger("res_phoneprov")

#: Largest template and static file.
MAX_TEMPLATE = 1 << 20
MAX_STATIC = 256 << 20
DEFAULT_TYPE = "application/octet-stream"
#: users.conf's names of what templates call otherwise
_VARIABLES = {
    "macaddress": "MAC", "profile": "PROFILE", "username": "USERNAME", "fullname": "DISPLAY_NAME", "secret": "SECRET",
    "label": "LABEL", "cid_number": "CALLERID", "timezone": "TIMEZONE", "linenumber": "LINE", "linekeys": "LINEKEYS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DynamicFile:
    """A path that is made for each user, and the template that answers there."""

    path: str
    template: str
    mime_type: str


@dataclass(slots=True)
class Profile:
    """What a kind of phone fetches."""

    name: str
    mime_type: str = DEFAULT_TYPE
    static_dir: str = ""
    #: path to its type
    static_files: dict[str, str] = field(default_factory=dict)
    dynamic_files: list[DynamicFile] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Settings:
    """phoneprov.conf, and the users of users.conf and phoneprov_users.conf."""

    server: str = ""
    port: str = "5060"
    default_profile: str = ""
    profiles: dict[str, Profile] = field(default_factory=dict)
    users: list[PhoneUser] = field(default_factory=list)


class _Scope:
    """Variables of one user in a template; what they do not have, global variables may."""

    def __init__(self, provisioning: Provisioning, variables: dict[str, str]) -> None:
        self.provisioning = provisioning
        self.variables = variables

    def get_variable(self, name: str) -> str | None:
        """A variable of the user, or a global one."""
        value = self.variables.get(name)
        return value if value is not None else self.provisioning.system.globals.get(name)

    def call_function(self, name: str, args: str) -> str:
        """A dialplan function; those that must wait give nothing."""
        if name == "PP_EACH_USER":
            return self.provisioning.each_user(args)
        if name == "PP_EACH_EXTENSION":
            return self.provisioning.each_extension(args, self.variables)
        return self.provisioning.system.functions.read(None, name, args)

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)


class Provisioning:
    """The service: knows users and routes, and answers below ``phoneprov/``."""

    def __init__(self, system: System, settings: Settings) -> None:
        self.system = system
        self.settings = settings
        self.served = self.missing = 0
        self.route = HttpRoute("phoneprov", self.answer, "Phone provisioning", has_subtree=True)

    # -- users -------------------------------------------------------------------------------------------------------

    def users(self) -> list[PhoneUser]:
        """Users of the configuration files and of other modules."""
        found = list(self.settings.users)
        for service in self.system.services.values():
            if isinstance(service, PhoneUsers):
                found += service.phone_users()
        return found

    def variables_of(self, user: PhoneUser) -> dict[str, str]:
        """What templates may refer to for a user: built-in, the profile's, the user's own."""
        settings = self.settings
        own = dict(user.variables)
        found = {"SERVER_PORT": settings.port, "LINE": "1", "LINEKEYS": "1", "MAC": user.mac, "PROFILE": user.profile}
        if settings.server:
            found["SERVER"] = settings.server
        found |= zone_variables(own.get("TIMEZONE", ""), self.system.wall_time())
        found |= own
        profile = self.profile_of(user)
        if profile is not None:
            for name, value in profile.variables:
                if name not in own:
                    found[name] = substitute(value, _Scope(self, found))
        return found

    def profile_of(self, user: PhoneUser) -> Profile | None:
        """The user's profile, or the default one."""
        return self.settings.profiles.get(user.profile or self.settings.default_profile)

    def each_user(self, args: str) -> str:
        """``string,exclude_mac``: the text for each user, with %{VARIABLE} as ${VARIABLE}."""
        parts = split_arguments(args, 2)
        text = (parts[0] if parts else "").replace("%{", "${")
        excluded = _plain_mac(parts[1]) if len(parts) > 1 else ""
        out: list[str] = []
        seen: set[str] = set()
        for user in self.users():
            if (excluded and _plain_mac(user.mac) == excluded) or user.name in seen:
                continue
            seen.add(user.name)
            out.append(substitute(text, _Scope(self, self.variables_of(user))))
        return "".join(out)

    def each_extension(self, args: str, context: dict[str, str]) -> str:
        """``mac,template``: the template for each user of one phone, by line."""
        parts = split_arguments(args, 2)
        if len(parts) != 2:
            logger.warning("PP_EACH_EXTENSION needs a MAC and a template")
            return ""
        mac = _plain_mac(parts[0])
        text = self._template(parts[1])
        if text is None:
            return ""
        lines = [self.variables_of(user) for user in self.users() if _plain_mac(user.mac) == mac]
        lines.sort(key=lambda variables: (len(variables["LINE"]), variables["LINE"]))
        server = {"SERVER": context["SERVER"]} if "SERVER" in context else {}
        return "".join(substitute(text, _Scope(self, {**server, **variables})) for variables in lines)

    # -- routes ------------------------------------------------------------------------------------------------------

    def _base(self) -> Path:
        return Path(self.system.directories.astdatadir) / "phoneprov"

    def static_routes(self) -> dict[str, tuple[Path, str]]:
        """Paths of files that are the same for all phones, of the profiles that users have."""
        found: dict[str, tuple[Path, str]] = {}
        for profile in self._used_profiles():
            for name, mime_type in profile.static_files.items():
                found[name] = (self._base() / profile.static_dir / name, mime_type)
        return found

    def _used_profiles(self) -> list[Profile]:
        names: dict[str, Profile] = {}
        for user in self.users():
            profile = self.profile_of(user)
            if profile is not None:
                names[profile.name] = profile
        return list(names.values())

    def dynamic_routes(self) -> dict[str, tuple[PhoneUser, DynamicFile]]:
        """Paths that are made for one phone; the first user of a phone has them."""
        found: dict[str, tuple[PhoneUser, DynamicFile]] = {}
        for user in self.users():
            profile = self.profile_of(user)
            if profile is None:
                continue
            variables = self.variables_of(user)
            for file in profile.dynamic_files:
                path = substitute(file.path, _Scope(self, variables)).strip("/")
                found.setdefault(path, (user, file))
        return found

    # -- answers -----------------------------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest, rest: str) -> web.StreamResponse:
        """GET of a file or a rendered template."""
        from aiohttp import web

        if request.method not in ("GET", "HEAD"):
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD"])
        path = rest.strip("/")
        static = self.static_routes().get(path)
        if static is not None:
            content = await self.system.run_blocking(_read_file, static[0], MAX_STATIC)
            if content is not None:
                self.served += 1
                return web.Response(body=content, content_type=static[1])
            logger.warning(f"phoneprov: the file {static[0]} cannot be read")
        found = self.dynamic_routes().get(path)
        text = self._template(found[1].template) if found is not None else None
        if found is None or text is None:
            self.missing += 1
            raise web.HTTPNotFound
        user, file = found
        variables = self.variables_of(user)
        if "SERVER" not in variables:
            transport = request.transport
            address = transport.get_extra_info("sockname") if transport is not None else None
            variables["SERVER"] = str(address[0]) if address else ""
        self.served += 1
        body = substitute(text, _Scope(self, variables)).encode("utf-8", "surrogateescape")
        return web.Response(body=body, content_type=file.mime_type)

    def _template(self, name: str) -> str | None:
        """The text of a template below the folder of templates; None, with a warning, without one."""
        if not _is_inside(name):
            logger.warning(f"phoneprov: the template '{name}' lies outside of {self._base()}")
            return None
        content = _read_file(self._base() / name, MAX_TEMPLATE)
        if content is None:
            logger.warning(f"phoneprov: the template {self._base() / name} cannot be read")
            return None
        return content.decode("utf-8", "surrogateescape")


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _read_file(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError:
        return None
    return content if len(content) <= limit else None


def _plain_mac(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def zone_variables(name: str, wall_time: float) -> dict[str, str]:
    """TZOFFSET (seconds east of UTC without summer time) and DST_* of a time zone, for this year."""
    if not name:
        return {}
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        logger.warning(f"phoneprov: there is no time zone '{name}'")
        return {}
    start = datetime(datetime.fromtimestamp(wall_time, UTC).year, 1, 1, tzinfo=UTC)
    changes: list[tuple[datetime, bool]] = []
    offset = min((start + timedelta(days=day)).astimezone(zone).utcoffset() or timedelta() for day in (0, 182))
    before = start.astimezone(zone).dst()
    for hour in range(1, 366 * 24):
        at = (start + timedelta(hours=hour)).astimezone(zone)
        if at.dst() != before:
            before = at.dst()
            wall = (start + timedelta(hours=hour - 1)).astimezone(zone) + timedelta(hours=1)
            changes.append((wall, bool(before)))
    found = {"TZOFFSET": str(int(offset.total_seconds())), "DST_ENABLE": "1" if changes else "0"}
    for at, begins in changes:
        what = "START" if begins else "END"
        found |= {f"DST_{what}_MONTH": str(at.month), f"DST_{what}_MDAY": str(at.day), f"DST_{what}_HOUR": str(at.hour)}
    return found


# -- configuration -------------------------------------------------------------------------------------------------------


def read_settings(config: ConfigFile, user_files: Iterable[ConfigFile], local_address: str = "") -> Settings:
    """Build the settings; what is wrong is logged by file and line."""
    settings = Settings()
    for category in config:
        if category.name.lower() == "general":
            settings.server = category.get("serveraddr") or category.get("serveriface") or ""
            settings.port = category.get("serverport") or "5060"
            settings.default_profile = category.get("default_profile") or ""
        else:
            settings.profiles[category.name] = _read_profile(category)
    if not settings.server and local_address:
        settings.server = local_address
    for file in user_files:
        settings.users += _read_users(file, settings)
    return settings


def _tell(variable: Variable, message: str) -> None:
    logger.warning(f"{variable.file}:{variable.line}: {message}")


def _read_profile(category: Category) -> Profile:
    profile = Profile(category.name, category.get("mime_type") or DEFAULT_TYPE, category.get("staticdir") or "")
    if not _is_inside(profile.static_dir):
        _tell(category.find("staticdir") or Variable("", ""), "staticdir must be below the folder of templates")
        profile.static_dir = ""
    for variable in category:
        name = variable.name.lower()
        first, _, mime_type = (part.strip() for part in variable.value.partition(","))
        if name in ("mime_type", "staticdir"):
            continue
        if name == "setvar":
            key, equals, value = variable.value.partition("=")
            if equals:
                profile.variables.append((key.strip(), value.strip()))
            else:
                _tell(variable, "setvar needs NAME=value")
        elif not _is_inside(first):
            _tell(variable, f"'{first}' must be below the folder of templates")
        elif name == "static_file":
            profile.static_files[first] = mime_type or profile.mime_type
        else:
            profile.dynamic_files.append(DynamicFile(variable.name, first, mime_type or profile.mime_type))
    return profile


def _read_users(config: ConfigFile, settings: Settings) -> list[PhoneUser]:
    defaults = [variable for category in config.categories_named("general") for variable in category]
    found: list[PhoneUser] = []
    for category in config:
        if category.name.lower() == "general":
            continue
        values = {variable.name.lower(): variable for variable in (*defaults, *category)}
        if "autoprov" not in values or not is_true(values["autoprov"].value):
            continue
        variables = {"USERNAME": category.name, "LABEL": category.name}
        for name, variable in values.items():
            known = _VARIABLES.get(name)
            if known is not None:
                variables[known] = variable.value
            elif variable.name.isupper():
                variables[variable.name] = variable.value
        mac = variables.get("MAC", "")
        profile = variables.get("PROFILE", "") or settings.default_profile
        where = values["autoprov"]
        if not mac:
            _tell(where, f"[{category.name}] has autoprov but no macaddress and is left out")
        elif profile not in settings.profiles:
            _tell(where, f"[{category.name}] has the profile '{profile}', which does not exist, and is left out")
        else:
            variables["PROFILE"] = profile
            found.append(PhoneUser(category.name, mac, profile, tuple(variables.items())))
    return found


# -- module --------------------------------------------------------------------------------------------------------------


def _service(system: System) -> Provisioning | None:
    return system.service("phone provisioning", Provisioning)


@function("PP_EACH_USER", syntax="PP_EACH_USER(string[,exclude_mac])")
def pp_each_user(channel: Channel | None, args: str) -> str:
    """A text for each user that phones are provisioned for.

    Variables stand as ``%{NAME}`` in ``string``. The user of ``exclude_mac`` is left out.
    """
    service = _service(channel.system) if channel is not None else None
    if service is None:
        raise FunctionError("res_phoneprov is not loaded, or there is no channel")
    return service.each_user(args)


@function("PP_EACH_EXTENSION", syntax="PP_EACH_EXTENSION(mac,template_file)")
def pp_each_extension(channel: Channel | None, args: str) -> str:
    """A template rendered for each extension of the phone with this MAC."""
    service = _service(channel.system) if channel is not None else None
    if service is None:
        raise FunctionError("res_phoneprov is not loaded, or there is no channel")
    return service.each_extension(args, {})


@cli_command("phoneprov show routes")
def show_routes(system: System, args: list[str]) -> str:
    """Show what phones may fetch: files that are the same for all, and those made for one."""
    service = _service(system)
    if service is None:
        return "res_phoneprov is not loaded\n"
    lines = ["Static routes", "", f"{'Relative URI':<40}  Physical location"]
    lines += [f"{path:<40}  {file}" for path, (file, _) in sorted(service.static_routes().items())]
    lines += ["", "Dynamic routes", "", f"{'Relative URI':<40}  {'Template':<30}  User"]
    lines += [f"{path:<40}  {file.template:<30}  {user.name}" for path, (user, file) in sorted(service.dynamic_routes().items())]
    return "\n".join(lines) + "\n"


def _read(system: System) -> Settings | None:
    config = system.configuration.read("phoneprov.conf")
    if config is None:
        return None
    names = ("users.conf", "phoneprov_users.conf")
    files = [file for name in names if (file := system.configuration.read(name)) is not None]
    return read_settings(config, files)


async def load(system: System) -> None:
    """Read phoneprov.conf and answer below ``phoneprov/`` of the HTTP server."""
    try:
        settings = _read(system)
    except ConfigError as error:
        raise ModuleDeclined(str(error)) from error
    server: HttpServer | None = system.services.get("http")
    if settings is None or server is None:
        raise ModuleDeclined("there is no phoneprov.conf" if settings is None else "there is no HTTP server")
    service = Provisioning(system, settings)
    system.services["phone provisioning"] = service
    server.add_route(service.route)


async def reload(system: System) -> None:
    """Read the files again; a broken one leaves everything as it is."""
    service, settings = _service(system), _read(system)
    if service is not None and settings is not None:
        service.settings = settings


async def unload(system: System) -> None:
    """Answer there no more."""
    service = system.services.pop("phone provisioning", None)
    server: HttpServer | None = system.services.get("http")
    if service is not None and server is not None:
        server.remove_route(service.route)

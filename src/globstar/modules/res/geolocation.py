"""Geolocation."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, enumeration, string
from globstar.core.channel import Channel
from globstar.core.cli import LIKE, cli_command
from globstar.core.cli_data import CliText
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.services import GEO_PROFILE
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dialplan.substitute import substitute
from globstar.proto.geo import (
    BUILT_IN,
    FORMATS,
    METHODS,
    PRECEDENCES,
    SHAPES,
    GeoError,
    Location,
    Profile,
    parse_pairs,
    show_pairs,
)

logger = Logger("res_geolocation")

SERVICE = "geolocation"
STATUS = "GEOLOCPROFILESTATUS"


class LocationOptions(Options):
    """``type=location`` of geolocation.conf."""

    type = option(string, "", help="Kind of this object.")
    format = option(enumeration(*FORMATS), "", help="How the place is written.")
    location_info = option(parse_pairs, (), repeat="extend", help="The place as name=value pairs; may be repeated.")
    location_source = option(string, "", help="Host that tells the place.")
    method = option(enumeration(*METHODS), "", help="How the place became known.")
    confidence = option(parse_pairs, (), help="How sure it is: value=percent, pdf=distribution.")

    def location(self) -> Location:
        """As a value."""
        return Location(self.format, self.location_info, self.method, self.location_source, self.confidence)


class ProfileOptions(LocationOptions):
    """``type=profile``: a place, its own or one of ``type=location``, and what is done with it."""

    location_reference = option(string, "", help="Name of a location.")
    location_info_refinement = option(parse_pairs, (), repeat="extend", help="Pairs added to the place.")
    location_variables = option(parse_pairs, (), repeat="extend", help="Values of ${NAME} in the place.")
    usage_rules = option(parse_pairs, (), repeat="extend", help="What others may do with it.")
    notes = option(string, "", help="Words for people.")
    allow_routing_use = option(boolean, False, help="Proxies may route by the place.")
    suppress_empty_ca_elements = option(boolean, False, help="Leave out elements without a value.")
    profile_precedence = option(
        enumeration(*PRECEDENCES), "discard_incoming", help="Which place counts: this or that of the call."
    )
    pidf_element = option(enumeration("tuple", "device", "person"), "device", help="What the place belongs to.")
    pidf_element_id = option(string, "", help="Its id.")
    device_id = option(string, "", help="Id of the device.")


class GeolocationService:
    """Profiles by name, with their locations put in."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.locations: dict[str, Location] = {}
        self.profiles: dict[str, Profile] = dict(BUILT_IN)

    def profile(self, name: str) -> Profile | None:
        """A configured or built-in profile."""
        return self.profiles.get(name)

    def load(self) -> None:
        """Read geolocation.conf; without one there are just the built-in profiles."""
        config = self._system.configuration.read("geolocation.conf")
        locations: dict[str, Location] = {}
        read: dict[str, ProfileOptions] = {}
        report = Report()
        for category in config or ():
            kind = (category.get("type") or "").strip().lower()
            if kind == "location":
                location = LocationOptions.read(category, report).location()
                if self._is_good(category.name, location):
                    locations[category.name] = location
            elif kind == "profile":
                read[category.name] = ProfileOptions.read(category, report)
            else:
                logger.warning(f"geolocation.conf: [{category.name}] is neither a location nor a profile")
        for warning in report.warnings:
            logger.warning(str(warning))
        profiles = dict(BUILT_IN)
        for name, options in read.items():
            profile = self._made(name, options, locations)
            if profile is not None:
                profiles[name] = profile
        self.locations, self.profiles = locations, profiles

    def _is_good(self, name: str, location: Location) -> bool:
        try:
            location.check()
        except GeoError as error:
            logger.error(f"geolocation.conf: [{name}] is left out: {error}")
            return False
        return True

    def _made(self, name: str, options: ProfileOptions, locations: dict[str, Location]) -> Profile | None:
        location = options.location()
        if options.location_reference:
            known = locations.get(options.location_reference)
            if known is None or location.info:
                why = "has a place of its own as well" if known is not None else "does not exist"
                logger.error(f"geolocation.conf: [{name}] is left out: its location_reference {why}")
                return None
            location = known
        elif location.info and not self._is_good(name, location):
            return None
        return Profile(
            id=name, precedence=options.profile_precedence, pidf_element=options.pidf_element,
            pidf_element_id=options.pidf_element_id, device_id=options.device_id, allow_routing_use=options.allow_routing_use,
            suppress_empty_ca_elements=options.suppress_empty_ca_elements, location_reference=options.location_reference,
            location=location, refinement=options.location_info_refinement, variables=options.location_variables,
            usage_rules=options.usage_rules, notes=options.notes,
        )  # fmt: skip

    def effective(self, profile: Profile, channel: Channel) -> Profile:
        """The profile as others are told it: refined, its variables and those of ``channel`` replaced."""
        return profile.effective(lambda text: substitute(text, channel.variables))


def _service(system: System) -> GeolocationService:
    service = system.services[SERVICE]
    assert isinstance(service, GeolocationService)
    return service


def load(system: System) -> None:
    """Offer the service."""
    service = GeolocationService(system)
    service.load()
    system.services[SERVICE] = service


def reload(system: System) -> None:
    """Read geolocation.conf again; calls keep what they have."""
    _service(system).load()


def unload(system: System) -> None:
    """Take the service back."""
    system.services.pop(SERVICE, None)


# -- GEOLOC_PROFILE ------------------------------------------------------------------------------------------------

_READ: dict[str, Callable[[Profile], str]] = {
    "id": lambda p: p.id,
    "location_reference": lambda p: p.location_reference,
    "method": lambda p: p.location.method,
    "allow_routing_use": lambda p: "yes" if p.allow_routing_use else "no",
    "profile_precedence": lambda p: p.precedence,
    "format": lambda p: p.location.format,
    "pidf_element": lambda p: p.pidf_element,
    "pidf_element_id": lambda p: p.pidf_element_id,
    "location_source": lambda p: p.location.source,
    "notes": lambda p: p.notes,
    "location_info": lambda p: show_pairs(p.location.info),
    "location_info_refinement": lambda p: show_pairs(p.refinement),
    "location_variables": lambda p: show_pairs(p.variables),
    "usage_rules": lambda p: show_pairs(p.usage_rules),
    "confidence": lambda p: show_pairs(p.location.confidence),
    "device_id": lambda p: p.device_id,
}
_TEXTS = {"id": "id", "notes": "notes", "pidf_element_id": "pidf_element_id", "device_id": "device_id"}
_CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "profile_precedence": ("precedence", PRECEDENCES),
    "pidf_element": ("pidf_element", ("tuple", "device", "person")),
}
_PAIRS = {"location_info_refinement": "refinement", "location_variables": "variables", "usage_rules": "usage_rules"}
_LOCATION_PAIRS = {"location_info": "info", "confidence": "confidence"}


@function("GEOLOC_PROFILE", syntax="GEOLOC_PROFILE(parameter[,options])")
def geoloc_profile(channel: Channel | None, args: str) -> str:
    """Read or write a parameter of the geolocation profile of this channel.

    effective_location reads the place as others are told it. With option a what is written is added to lists, with
    option r variables in it are replaced before. GEOLOCPROFILESTATUS says how it went: 0 well, -1 no profile, -2 unknown
    parameter, -3 bad value.
    """
    if channel is None:
        raise FunctionError("GEOLOC_PROFILE needs a channel")
    name = argument(split_arguments(args), 0).strip().lower()
    profile: Profile | None = channel.data.get(GEO_PROFILE)
    if profile is None:
        channel.set_variable(STATUS, "-1")
        return ""
    if name == "effective_location":
        channel.set_variable(STATUS, "0")
        return show_pairs(_service(channel.system).effective(profile, channel).location.info)
    reader = _READ.get(name)
    if reader is None:
        channel.set_variable(STATUS, "-2")
        raise FunctionError(f"a geolocation profile has no '{name}'")
    channel.set_variable(STATUS, "0")
    return reader(profile)


@geoloc_profile.writer
def set_geoloc_profile(channel: Channel | None, args: str, value: str) -> None:
    """See GEOLOC_PROFILE."""
    if channel is None:
        raise FunctionError("GEOLOC_PROFILE needs a channel")
    parts = split_arguments(args)
    name, letters = argument(parts, 0).strip().lower(), argument(parts, 1).strip().lower()
    if "r" in letters:
        value = substitute(value, channel.variables)
    profile = channel.data.get(GEO_PROFILE) or Profile(id=channel.name)
    try:
        changed = _changed(channel.system, profile, name, value.strip(), "a" in letters)
    except GeoError as error:
        channel.set_variable(STATUS, "-3")
        raise FunctionError(f"{name}: {error}") from None
    except KeyError:
        channel.set_variable(STATUS, "-2")
        raise FunctionError(f"a geolocation profile has no '{name}' that can be written") from None
    channel.data[GEO_PROFILE] = changed
    channel.set_variable(STATUS, "0")


def _changed(system: System, profile: Profile, name: str, value: str, appends: bool) -> Profile:
    """The profile with one parameter changed; raises GeoError for a bad value, KeyError for an unknown name."""
    fields: dict[str, Any] = {}
    location = profile.location
    if name in _TEXTS:
        fields[_TEXTS[name]] = value
    elif name in _CHOICES:
        field, known = _CHOICES[name]
        if value not in known:
            raise GeoError(f"'{value}' is none of {', '.join(known)}")
        fields[field] = value
    elif name in _PAIRS:
        old = getattr(profile, _PAIRS[name]) if appends else ()
        fields[_PAIRS[name]] = (*old, *parse_pairs(value))
    elif name in _LOCATION_PAIRS:
        old = getattr(location, _LOCATION_PAIRS[name]) if appends else ()
        pairs = (*old, *parse_pairs(value))
        fields["location"] = replace(location, info=pairs) if name == "location_info" else replace(location, confidence=pairs)
    elif name == "location_reference":
        known_place = _service(system).locations.get(value)
        if known_place is None:
            raise GeoError(f"there is no location '{value}'")
        fields = {"location_reference": value, "location": known_place}
    elif name in ("format", "method"):
        if value not in (FORMATS if name == "format" else METHODS):
            raise GeoError(f"'{value}' is not known")
        fields["location"] = replace(location, format=value) if name == "format" else replace(location, method=value)
    elif name == "location_source":
        fields["location"] = replace(location, source=value)
    elif name == "allow_routing_use":
        try:
            fields["allow_routing_use"] = boolean(value)
        except ValueError as error:
            raise GeoError(str(error)) from None
    else:
        raise KeyError(name)
    return replace(profile, **fields)


# -- CLI -----------------------------------------------------------------------------------------------------------


def _like(args: list[str]) -> str:
    """The pattern of ``like <pattern>``: a shell pattern, or a part of the name."""
    if len(args) >= 2 and args[0].lower() == "like":
        return args[1] if any(char in args[1] for char in "*?[") else f"*{args[1]}*"
    return "*"


@cli_command("geoloc list locations", usage="geoloc list locations [ like <pattern> ]", complete=LIKE)
def list_locations(system: System, args: list[str]) -> str:
    """List the locations of geolocation.conf."""
    found = {n: p for n, p in sorted(_service(system).locations.items()) if fnmatch.fnmatch(n, _like(args))}
    lines = ["Geolocation Location Objects:", "", f"{'<Object ID>':<32} {'<Format>':<14} {'<Details>'}", "=" * 80]
    lines += [f"{name:<32} {place.format:<14} {show_pairs(place.info)}" for name, place in found.items()]
    data = [{"object": name, "format": place.format, "details": show_pairs(place.info)} for name, place in found.items()]
    return CliText("\n".join([*lines, "", f"Total Location Objects: {len(found)}"]), data)


@cli_command("geoloc list profiles", usage="geoloc list profiles [ like <pattern> ]", complete=LIKE)
def list_profiles(system: System, args: list[str]) -> str:
    """List the profiles of geolocation.conf and the built-in ones."""
    found = {n: p for n, p in sorted(_service(system).profiles.items()) if fnmatch.fnmatch(n, _like(args))}
    lines = [
        "Geolocation Profile Objects:",
        "",
        f"{'<Object ID>':<32} {'<Profile Action>':<20} {'<Location Reference>'}",
        "=" * 80,
    ]
    lines += [f"{name:<32} {p.precedence:<20} {p.location_reference or '<none>'}" for name, p in found.items()]
    data = [
        {"object": name, "profile_action": str(p.precedence), "location_reference": p.location_reference}
        for name, p in found.items()
    ]
    return CliText("\n".join([*lines, "", f"Total Profile Objects: {len(found)}"]), data)


@cli_command("geoloc show profiles", usage="geoloc show profiles [ like <pattern> ]", complete=LIKE)
def show_profiles(system: System, args: list[str]) -> str:
    """Show the profiles with all their parameters."""
    data = []
    for name, profile in sorted(_service(system).profiles.items()):
        if fnmatch.fnmatch(name, _like(args)):
            one = {key: read(profile) for key, read in _READ.items()}
            data.append({**one, "effective_location": show_pairs(profile.effective().location.info)})
    lines = [line for one in data for line in (*(f"{key:<26}: {value}" for key, value in one.items()), "")]
    return CliText("\n".join(lines), data)


@cli_command("geoloc show gml_shape_defs")
def show_shapes(system: System, args: list[str]) -> str:
    """Show which attributes the shapes of GML have."""
    lines = [f"{'Shape':<12} {'crs':<7} Attributes"]
    lines += [f"{name:<12} {'/'.join(shape.dimensions):<7} {', '.join(shape.attributes)}" for name, shape in SHAPES.items()]
    return "\n".join(lines)


@cli_command("geoloc reload")
def geoloc_reload(system: System, args: list[str]) -> str:
    """Read geolocation.conf again."""
    reload(system)
    return "Geolocation reloaded."

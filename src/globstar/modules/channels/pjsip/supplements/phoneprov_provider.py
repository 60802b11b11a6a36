"""Users of ``type=phoneprov``: what the provisioning of phones learns from pjsip.conf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.services import PhoneUser
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.objects_outbound import PhoneprovObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_phoneprov_provider")

SERVICE = "phone users of pjsip"


class PhoneprovProvider(Supplement):
    """Service for res_phoneprov: the users of pjsip.conf."""

    module = "res_pjsip_phoneprov_provider"

    _users: tuple[PhoneUser, ...] = ()

    def phone_users(self) -> tuple[PhoneUser, ...]:
        """The users of the configuration in force."""
        return self._users

    def configure(self, settings: PjsipSettings) -> None:
        """Take over the objects."""
        users = []
        for config in settings.phoneprovs.values():
            user = _user_of(settings, config)
            if user is not None:
                users.append(user)
        self._users = tuple(users)
        self.driver.system.services[SERVICE] = self

    async def stop(self) -> None:
        """They are gone."""
        self.driver.system.services.pop(SERVICE, None)


def _user_of(settings: PjsipSettings, config: PhoneprovObject) -> PhoneUser | None:
    given = {name.upper(): value for name, value in config.variables}
    mac, profile = config.mac, config.profile
    given |= {name: value for name, value in (("MAC", mac), ("PROFILE", profile)) if value}
    if not mac:
        logger.warning(f"phoneprov '{config.name}' has no MAC and is left out")
        return None
    variables: dict[str, str] = {}
    endpoint = settings.endpoints.get(config.endpoint)
    if config.endpoint and endpoint is None:
        logger.warning(f"phoneprov '{config.name}' names the endpoint '{config.endpoint}', which does not exist")
    if endpoint is not None:
        auth = settings.auths.get(endpoint.auth[0]) if endpoint.auth else None
        variables = {
            "USERNAME": auth.username if auth is not None else "",
            "SECRET": auth.password if auth is not None else "",
            "CALLERID": endpoint.caller_number,
            "DISPLAY_NAME": endpoint.caller_name,
            "LABEL": config.name,
            "ENDPOINT_ID": endpoint.name,
            "TRANSPORT_ID": endpoint.transport,
            "AUTH_ID": auth.name if auth is not None else "",
        }
    variables |= given
    return PhoneUser(config.name, mac, profile, tuple(variables.items()))

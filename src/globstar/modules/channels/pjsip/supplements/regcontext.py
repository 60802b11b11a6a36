"""``regcontext``: an extension for each aor that somebody has registered at, for dialplans that look whether it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.dialplan.context import PriorityInUse, Step
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_registrar")

REGISTRAR = "SIP"


class RegistrationContext(Supplement):
    """Adds ``NoOp`` at priority 1 of the aor's name while the aor has a registered contact."""

    module = "res_pjsip_registrar"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._context = ""
        self._present: set[str] = set()

    def configure(self, settings: PjsipSettings) -> None:
        """The context may be another one now."""
        context = settings.globals.regcontext.strip()
        if context == self._context:
            return
        for aor in list(self._present):
            self._remove(aor)
        self._context = context
        if context:
            self.driver.system.plan.add_context(context, REGISTRAR)
            for aor in settings.aors:
                if self.driver.contacts.registered(aor):
                    self._add(aor)

    async def start(self) -> None:
        """Registrations that outlived a restart count."""
        if self._context:
            for aor in self.driver.settings.aors:
                if self.driver.contacts.registered(aor):
                    self._add(aor)

    async def stop(self) -> None:
        """Nobody is registered any more."""
        for aor in list(self._present):
            self._remove(aor)

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """The first contact of an aor makes its extension, the last takes it away."""
        if not self._context:
            return
        if is_new:
            self._add(contact.aor)
        elif not self.driver.contacts.registered(contact.aor):
            self._remove(contact.aor)

    def _add(self, aor: str) -> None:
        if aor in self._present:
            return
        step = Step(self._context, aor, 1, "NoOp", aor, registrar=REGISTRAR)
        try:
            self.driver.system.plan.add_step(step)
        except PriorityInUse:
            logger.notice(f"regcontext: {aor}@{self._context} exists already")
            return
        self._present.add(aor)

    def _remove(self, aor: str) -> None:
        if aor in self._present:
            self._present.discard(aor)
            self.driver.system.plan.remove_steps(self._context, aor, 1, registrar=REGISTRAR)

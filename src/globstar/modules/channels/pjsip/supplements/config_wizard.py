"""The hints that ``pjsip_wizard.conf`` makes (its objects are read with pjsip.conf)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.events import DialplanReplaced
from globstar.dialplan.context import HINT, PriorityInUse, Step
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.modules.channels.pjsip.wizard import Hint

logger = Logger("res_pjsip_config_wizard")

REGISTRAR = "res_pjsip_config_wizard"


class ConfigWizard(Supplement):
    """Puts hints, and the extensions that go with them, into the dialplan and takes them back."""

    module = "res_pjsip_config_wizard"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._made: list[Hint] = []

    def configure(self, settings: PjsipSettings) -> None:
        """Hints as they are now."""
        wanted = settings.sources.wizard.hints if settings.sources is not None else []
        if wanted == self._made:
            return
        self._remove()
        plan = self.driver.system.plan
        for hint in wanted:
            steps = [Step(hint.context, hint.exten, HINT, hint.device, registrar=REGISTRAR)]
            application, parenthesis, rest = hint.application.partition("(")
            if application.strip():
                data = rest.rpartition(")")[0] if parenthesis else ""
                steps.append(Step(hint.context, hint.exten, 1, application.strip(), data, registrar=REGISTRAR))
            for step in steps:
                try:
                    plan.add_step(step)
                except PriorityInUse:
                    logger.warning(f"{hint.exten}@{hint.context} has that priority already; the wizard's is left out")
        self._made = list(wanted)
        self.driver.system.bus.publish(DialplanReplaced())

    async def stop(self) -> None:
        """They go with the module."""
        self._remove()

    def _remove(self) -> None:
        for hint in self._made:
            self.driver.system.plan.remove_steps(hint.context, hint.exten, registrar=REGISTRAR)
        self._made = []

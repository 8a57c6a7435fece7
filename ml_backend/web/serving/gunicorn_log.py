"""gunicorn's log, written as all other records are."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger


class PropagatingLogger(Logger):  # type: ignore[misc]
    """Leaves its records to the root logger, which has the format of the settings; requests are not logged.

    What it says about its own start and stop is for people who look for a fault in it, as at the level DEBUG.
    """

    def setup(self, cfg: Any) -> None:
        """Use the level of the configuration, and no handlers of its own."""
        self.cfg = cfg
        self.loglevel = self.LOG_LEVELS[cfg.loglevel]
        self.error_log.setLevel(self.loglevel)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Its greetings: "Starting", "Listening at", "Booting worker"."""
        self.debug(msg, *args, **kwargs)

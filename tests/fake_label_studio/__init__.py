"""A Label Studio in memory, served over HTTP, with the habits of the real one that the live loop depends on.

`FakeLabelStudio` is the server; each other module has one concern. It does what Label Studio 1.23.2 does: the tests
marked `both` run against it and against the real one, so that a difference is noticed.
"""

from fake_label_studio.faults import Faults, WebhookMode
from fake_label_studio.server import FakeLabelStudio

__all__ = ["FakeLabelStudio", "Faults", "WebhookMode"]

"""Values that are a link to a text instead of the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

ADDRESS = re.compile(r"(?:([a-z][a-z0-9+.\-]*)://\S+|data:[\w.+\-]+/[\w.+\-]+[;,]\S*)", re.IGNORECASE)
OWN_PATH = re.compile(
    r"(?:/[\w.\-]++)*?"
    r"/(?:data/(?:upload|local-files)/|storage-data/uploaded/|(?:tasks|projects)/\d+/(?:resolve|presign)/)([^\n]*)"
)
"""Files of Label Studio itself, behind any prefix of its address."""
FILE_WITH_SPACES = re.compile(r"[^\n]*\.\w{1,5}")
STORAGES = ("s3", "s3a", "s3n", "gs", "gcs", "azure-blob", "azure", "wasb", "wasbs", "abfss", "redis", "hdfs", "dbfs")


@dataclass(frozen=True)
class Link:
    """A link: kind: what it leads to, for messages; is_stored: whether Label Studio or a storage keeps the text."""

    kind: str
    is_stored: bool


def link_in(text: str) -> Link | None:
    """The link that a text is; None if it is more than a link."""
    text = text.strip()
    path = OWN_PATH.fullmatch(text)
    if path and (not re.search(r"\s", path[1]) or FILE_WITH_SPACES.fullmatch(path[1])):
        return Link("a file of Label Studio (/…)", is_stored=True)
    address = ADDRESS.fullmatch(text)
    if address is None:
        return None
    scheme = (address[1] or "data").lower()
    if scheme in STORAGES:
        return Link(f"a link to a storage ({scheme}://…)", is_stored=True)
    return Link(f"an address ({scheme}:…)", is_stored=False)

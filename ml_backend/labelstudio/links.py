"""Values that are a link to a text instead of the text."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"(?:([a-z][a-z0-9+.\-]*)://\S+|data:[\w.+\-]+/[\w.+\-]+[;,]\S*)", re.IGNORECASE)
OWN_PATH = re.compile(
    r"(?:/[\w.\-]++)*?/(?:data/(?:upload|local-files)/|(?:tasks|projects)/\d+/(?:resolve|presign)/)([^\n]*)"
)
"""Files of Label Studio itself, behind any prefix of its address."""
FILE_WITH_SPACES = re.compile(r"[^\n]*\.\w{1,5}")
STORAGES = ("s3", "s3a", "s3n", "gs", "gcs", "azure-blob", "azure", "wasb", "wasbs", "abfss", "redis", "hdfs", "dbfs")


def link_kind(text: str) -> str | None:
    """What a text links to, as "a link to a storage (s3://…)"; None if it is more than a link."""
    text = text.strip()
    path = OWN_PATH.fullmatch(text)
    if path and (not re.search(r"\s", path[1]) or FILE_WITH_SPACES.fullmatch(path[1])):
        return "a file of Label Studio (/…)"
    address = ADDRESS.fullmatch(text)
    if address is None:
        return None
    scheme = (address[1] or "data").lower()
    return f"a link to a storage ({scheme}://…)" if scheme in STORAGES else f"an address ({scheme}:…)"

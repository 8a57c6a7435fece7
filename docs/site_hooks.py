"""Hooks of `make docs`: the pages of the top level are pages of the site too, with their links rewritten."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP_LEVEL = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
}
"""File of the top level → page of the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the top level, which link to `docs/` and to each other."""
    top = Path(config.config_file_path).parent
    for source, page in TOP_LEVEL.items():
        text = re.sub(r"(\]\(|src=\")docs/", r"\1", (top / source).read_text(encoding="utf-8"))
        for linked, target in TOP_LEVEL.items():
            text = text.replace(f"]({linked}", f"]({target}")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links from a page of `docs/` to the top level lead to its page of the site."""
    to_docs = "../" * (len(PurePosixPath(page.file.src_uri).parts) - 1)
    for linked, target in TOP_LEVEL.items():
        markdown = markdown.replace(f"](../{to_docs}{linked}", f"]({to_docs}{target}")
    return markdown

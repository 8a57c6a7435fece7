"""What the documents say is checked against the code they are about."""

import re
from pathlib import Path

import pytest

from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(document: Path):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


def test_every_variable_of_the_service_is_explained():
    text = (REPOSITORY / "docs" / "deployment.md").read_text()
    assert [name.upper() for name in Settings.model_fields if f"`{name.upper()}`" not in text] == []


def test_every_setting_of_a_project_is_explained_with_its_default():
    text = (REPOSITORY / "docs" / "labelling.md").read_text()
    for name, field in ProjectSettings.model_fields.items():
        row = re.search(rf"^\| `{name}` \| (.*?) \|", text, flags=re.MULTILINE)
        assert row is not None, name
        assert field.default is None or row.group(1).strip("`") == str(field.default)

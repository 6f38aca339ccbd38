import numpy as np
import pandas as pd
import pytest

from scellm.model._saved import decoded, encoded, is_saved_model, read_model, write_model
from tests.reference.cards import tensors


def test_values_come_back_as_they_were():
    table = pd.DataFrame({"loss": [0.1, 1 / 3]}, index=[1, 2])
    given = {"a": np.array(["x", "y"], object), "n": np.arange(3), "t": table, "l": [1, (2.5, None)], "s": np.int64(4)}
    found = decoded(encoded(given))
    assert found["a"].tolist() == ["x", "y"]
    assert found["a"].dtype == object
    assert found["n"].dtype == given["n"].dtype
    pd.testing.assert_frame_equal(found["t"], table)
    assert found["l"] == [1, [2.5, None]]
    assert found["s"] == 4
    with pytest.raises(TypeError, match="set cannot be saved"):
        encoded({"x": set()})


def test_a_file_without_its_parts_is_refused(tmp_path):
    assert not is_saved_model(tmp_path)
    write_model(tmp_path, "", tensors(), {"class": "CellLM"})
    assert is_saved_model(tmp_path)
    with pytest.raises(ValueError, match=r"without \['options', 'registry', 'types', 'configs'\]"):
        read_model(tmp_path, "")

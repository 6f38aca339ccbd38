import numpy as np
import pytest

import scellm
from scellm.datasets import _depmap

MODELS = "ModelID,SangerModelID,OncotreeLineage\nACH-1,SIDM1,Lung\nACH-2,SIDM2,Skin\n"


def test_one_row_per_line(public, unhashed):
    unhashed(_depmap, "EXPRESSION", "MODELS")
    (public / _depmap.EXPRESSION.name).write_text(",TSPAN6 (7105),TNMD (64102)\nACH-2,3.5,0\nACH-1,0,1.25\n")
    (public / _depmap.MODELS.name).write_text(MODELS)
    lines = scellm.datasets.depmap()
    assert list(lines.obs_names) == ["ACH-2", "ACH-1"]
    assert list(lines.obs["SangerModelID"]) == ["SIDM2", "SIDM1"]
    assert list(lines.var_names) == ["TSPAN6", "TNMD"]
    assert list(lines.var["entrez"]) == ["7105", "64102"]
    np.testing.assert_array_equal(lines.X.toarray(), [[3.5, 0], [0, 1.25]])


def test_later_layouts_keep_the_default_entry_of_a_line(tmp_path):
    (tmp_path / "e.csv").write_text(
        ",SequencingID,ModelID,IsDefaultEntryForModel,ModelConditionID,IsDefaultEntryForMC,TSPAN6 (7105)\n"
        "0,CDS-1,ACH-1,No,MC-1,Yes,9\n1,CDS-2,ACH-1,Yes,MC-2,Yes,2\n2,CDS-3,ACH-2,Yes,MC-3,Yes,0\n"
    )
    (tmp_path / "m.csv").write_text(MODELS)
    lines = scellm.datasets.depmap(tmp_path / "e.csv", tmp_path / "m.csv")
    assert list(lines.obs_names) == ["ACH-1", "ACH-2"]
    assert lines.X.toarray().ravel().tolist() == [2, 0]
    (tmp_path / "m.csv").write_text(MODELS.replace("ACH-2", "ACH-9"))
    with pytest.raises(ValueError, match=r"1 lines are not in the table of models, such as \['ACH-2'\]"):
        scellm.datasets.depmap(tmp_path / "e.csv", tmp_path / "m.csv")

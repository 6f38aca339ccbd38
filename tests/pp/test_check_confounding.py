import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scellm.pp import check_confounding
from tests.conftest import real


def cells(**columns):
    n = len(next(iter(columns.values())))
    return ad.AnnData(np.ones((n, 2), np.float32), obs=pd.DataFrame(columns, index=[f"c{i}" for i in range(n)]))


RESPONSE = np.repeat(["sensitive", "resistant"], 100)


def test_one_library_a_label():
    found = check_confounding(cells(response=RESPONSE, library=np.repeat(["A", "B"], 100)), "response")
    assert found.verdict == "not identifiable"
    assert "cannot be separated from obs['library']" in found.sentence
    assert found.keys("not identifiable") == ["library"]


def test_one_label_has_one_library_only():
    library = np.concatenate([np.repeat(["A", "B"], 50), np.repeat("C", 100)])
    found = check_confounding(cells(response=RESPONSE, library=library), "response")
    assert found.verdict == "not identifiable"
    assert "'resistant' is one level only" in found.sentence


def test_replicated_libraries_and_crossed_donors():
    library = np.repeat(list("ABCD"), 50)
    found = check_confounding(cells(response=RESPONSE, library=library, donor=np.tile(["1", "2"], 100)), "response")
    assert found.table["verdict"].to_dict() == {"library": "nested, replicated", "donor": "crossed"}
    assert found.verdict == "nested, replicated"
    assert "leave whole levels of library out" in found.sentence
    assert "crossed with the label" in str(found)


def test_a_few_stray_cells_do_not_hide_it():
    library = np.repeat(["A", "B"], 100)
    library[[0, 150]] = ["B", "A"]
    assert check_confounding(cells(response=RESPONSE, library=library), "response").verdict == "not identifiable"


def test_rare_labels_in_every_donor_are_crossed():
    rare = np.where(np.arange(200) % 50 == 0, "resistant", "sensitive")
    assert check_confounding(cells(response=rare, donor=np.repeat(list("ABCD"), 50)), "response").verdict == "crossed"


def test_what_is_left_out():
    adata = cells(
        response=np.where(np.arange(200) < 5, None, RESPONSE),
        sample=[f"s{i}" for i in range(200)],
        batch=np.random.default_rng(0).random(200),
        weather=np.repeat(["A", "B"], 100),
    )
    found = check_confounding(adata, "response")
    assert not len(found.table)
    assert found.verdict == found.sentence == ""
    assert "no column of obs looks like" in str(found)
    assert check_confounding(adata, "response", keys="weather").verdict == "not identifiable"
    with pytest.raises(ValueError, match="195 levels for 195 cells"):
        check_confounding(adata, "response", keys=["sample"])


def test_numbers_with_a_gap_are_levels_and_measures_are_none():
    library = np.repeat([1.0, 2.0], 100)
    library[7] = np.nan
    size = np.random.default_rng(0).integers(500, 520, 200)
    adata = cells(response=RESPONSE, library=library, library_size=size, n_samples=size)
    found = check_confounding(adata, "response")
    assert found.table["verdict"].to_dict() == {"library": "not identifiable"}


def test_a_donor_that_only_one_label_has():
    donor = np.where(RESPONSE == "sensitive", np.tile(["a", "b"], 100), None)
    assert check_confounding(cells(response=RESPONSE, donor=donor), "response").verdict == "not identifiable"


def test_one_level_says_nothing():
    found = check_confounding(cells(response=RESPONSE, donor=np.repeat("A", 200)), "response")
    assert found.verdict == "one level"
    assert found.sentence == ""


def test_bad_columns():
    adata = cells(response=RESPONSE, one=np.repeat("x", 200))
    with pytest.raises(KeyError, match=r"\['library'\] are not in adata.obs"):
        check_confounding(adata, "response", keys="library")
    with pytest.raises(ValueError, match="fewer than two labels"):
        check_confounding(adata, "one")
    with pytest.raises(TypeError, match="takes an AnnData"):
        check_confounding(adata.obs, "response")


@pytest.mark.parametrize(
    ("name", "label", "key", "verdict"),
    [
        ("eval/pc9_erlotinib.h5ad", "response", None, "not identifiable"),
        ("drug/kang_ifnb_muscat.h5ad", "condition", "library", "not identifiable"),
        ("drug/kang_ifnb_muscat.h5ad", "condition", "donor", "crossed"),
        ("drug/gbm_panobinostat_300genes.h5ad", "condition", "library", "nested, replicated"),
        ("drug/gbm_panobinostat_300genes.h5ad", "condition", "donor", "crossed"),
    ],
)
def test_real_data(name, label, key, verdict):
    assert check_confounding(real(name), label, keys=key).verdict == verdict


def test_nothing_fires_on_types_of_blood():
    assert check_confounding(real("eval/pbmc3k.h5ad"), "cell_type").sentence == ""

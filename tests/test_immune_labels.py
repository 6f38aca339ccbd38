"""The table that says what each source's labels mean."""

from pathlib import Path

import pandas as pd
import pytest

import scellm
from scellm._labels import Labels
from tests.conftest import real

PATH = Path(__file__).parents[1] / "scripts/immune_labels.csv"
FOLDERS = {"ovarian_tumor_qian2020": "corpus", "mbc_liver_htan": "corpus", "heart_san_nuclei": "corpus"}
FOLDERS["kang_ifnb_muscat"] = "drug"


@pytest.fixture(scope="module")
def table():
    if not PATH.exists():
        pytest.skip("installed without the scripts")
    return pd.read_csv(PATH, keep_default_na=False)


def test_a_term_has_one_id_and_a_label_one_row(table):
    assert table["id"].str.fullmatch(r"CL:\d{7}").all()
    terms = pd.concat([table[["name", "id"]], table[["coarse", "coarse_id"]].set_axis(["name", "id"], axis=1)])
    assert (terms.groupby("name")["id"].nunique() == 1).all()
    assert (terms.groupby("id")["name"].nunique() == 1).all()
    assert not table.duplicated(["source", "label"]).any()


def test_coarse_types_hold_the_types_that_a_label_allows(table):
    one = table[(table["types"] != "") & ~table["types"].str.contains(r"\|")]
    coarse = one.groupby("types")["coarse"].agg(set)
    assert (coarse.str.len() == 1).all()
    for row in table[table["types"] != ""].itertuples():
        allowed = set().union(*coarse[row.types.split("|")])
        assert row.coarse == (next(iter(allowed)) if len(allowed) == 1 else "")


def test_the_shipped_head_has_these_types(table):
    card = scellm.CellLM.card("celllm-immune")
    named = {t for row in table["types"] if row for t in row.split("|")}
    assert {t["name"] for t in card["types"]} == named
    assert card["labels"] == table[table["types"] != ""].to_dict("records")


@pytest.mark.parametrize("source", ["pbmc3k", "bmmc_neurips2021_5k", "kang_ifnb_muscat", "mbc_liver_htan"])
def test_every_label_of_a_source_is_in_it(table, source):
    adata = real(f"{FOLDERS.get(source, 'eval')}/{source}.h5ad")
    known = set(Labels.of(adata.obs, "cell_type", quiet=True).names) - {""}
    assert known == set(table.loc[table["source"] == source, "label"])

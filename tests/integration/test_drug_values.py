"""Numbers on the real drug data: known values are reproduced, and ours stand beside them."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scellm
from scellm.baselines.drug import (
    DenoisedRidge,
    DrugLineMean,
    DrugMean,
    Factorization,
    LineMean,
    LineSensitivity,
    RidgePerDrug,
    SimilarDrugs,
    TissueDrugMean,
)
from scellm.bm.drug import DrugData, DrugTask, RandomPairs, UnseenDrugs, UnseenTissues, drug_metrics, run_drugs
from scellm.drug import Molecules, standardize_smiles
from scellm.model import DrugResponseMethod
from tests.conftest import DATA, real

LUNG = {
    "A549": "A549",
    "H1975": "NCIH1975",
    "H2228": "NCIH2228",
    "H838": "NCIH838",
    "HCC827": "HCC827",
    "PC9": "PC14",
}


def table(name, **options):
    path = DATA / "drug" / name
    if not path.exists():
        pytest.skip(f"needs drug/{name} of the shared data folder; set SCELLM_TEST_DATA")
    return pd.read_csv(path, **options)


@pytest.fixture(scope="module")
def tgsa():
    pairs = table("gdsc_ic50_pairs.csv.gz")
    x = table("ccle_580x706_expression.csv.gz", index_col=0)
    notes = table("ccle_cell_line_annotations.tsv.gz", sep="\t").drop_duplicates("depMapID").set_index("depMapID")
    tissue = notes["Site_Primary"].reindex(x.index).fillna("unknown")
    responses = pairs.pivot_table(index="DepMap_ID", columns="drug", values="ic50").reindex(x.index).sort_index(axis=1)
    lines = ad.AnnData(x.to_numpy(np.float32), pd.DataFrame({"tissue": tissue}), pd.DataFrame(index=x.columns))
    return DrugData(lines, responses, pairs.drop_duplicates("drug").set_index("drug")["smiles"], "tissue")


@pytest.fixture(scope="module")
def gdsc2():
    lines = real("drug/gdsc_expression_975x6163.h5ad")
    lines.X = (lines.X / 100).astype(np.float32)
    pairs = table("gdsc2_ic50_pairs.csv.gz").rename(columns={"ln_ic50": "value"})
    return lines, pairs


def wide(lines, pairs):
    found = pairs.pivot_table(index="line", columns="drug", values="value")
    found = found.loc[found.index.intersection(lines.obs_names)]
    return found.loc[:, found.notna().sum() >= 300]


@pytest.fixture(scope="module")
def unseen_lines(tgsa):
    methods = {
        "mean": DrugMean,
        "one number": LineSensitivity,
        "tissue": TissueDrugMean,
        "ridge per drug": RidgePerDrug,
        "ridge": DenoisedRidge,
        "ours": lambda: DrugResponseMethod("standardized", drug_encoder="onehot"),
    }
    return run_drugs([DrugTask("lines", tgsa)], methods, seeds=3).pivot().loc["lines"]


# Mean of five splits in the project's notes; three splits here, whose spread is about .02.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "pearson", "per_drug", "interaction", "hit5"),
    [
        ("mean", 0.831, 0.0, 0.0, 0.038),
        ("one number", 0.866, 0.497, 0.0, 0.038),
        ("tissue", 0.865, 0.419, 0.323, 0.208),
        ("ridge per drug", 0.887, 0.554, 0.444, 0.295),
        ("ridge", 0.886, 0.559, 0.447, 0.302),
    ],
)
def test_known_values_of_unseen_lines(unseen_lines, method, pearson, per_drug, interaction, hit5):
    found = unseen_lines.loc[method]
    for name, want in {"pearson": pearson, "per_drug": per_drug, "interaction": interaction, "hit5": hit5}.items():
        assert found[name] == pytest.approx(want, abs=0.02), name


@pytest.mark.slow
def test_one_number_a_line_has_most_of_the_correlation_per_drug_and_nothing_else(unseen_lines):
    assert unseen_lines.loc["one number", "per_drug"] > 0.8 * unseen_lines.loc["ridge", "per_drug"]
    assert unseen_lines.loc["one number", ["interaction", "per_line", "beyond_tissue"]].eq(0).all()


@pytest.mark.slow
def test_ours_is_as_good_as_ridge_on_unseen_lines(unseen_lines):
    assert unseen_lines.loc["ours", "interaction"] == pytest.approx(unseen_lines.loc["ridge", "interaction"], abs=0.02)
    assert unseen_lines.loc["ours", "beyond_tissue"] > 0.25


@pytest.mark.slow
def test_known_values_of_unseen_tissues_and_drugs(tgsa):
    tissue = run_drugs([DrugTask("t", tgsa, UnseenTissues())], {"ridge": DenoisedRidge}, seeds=5).pivot()
    assert tissue.loc[("t", "ridge"), "interaction"] == pytest.approx(0.304, abs=0.01)
    methods = {"line": LineMean, "similar": SimilarDrugs}
    drugs = run_drugs([DrugTask("d", tgsa, UnseenDrugs())], methods, seeds=5).pivot()
    assert drugs.loc[("d", "similar"), "interaction"] == pytest.approx(0.327, abs=0.01)
    assert drugs.loc[("d", "line"), "per_drug"] == pytest.approx(0.670, abs=0.01)
    assert drugs.loc[("d", "line"), "interaction"] == 0


@pytest.mark.slow
def test_the_published_pairs():
    matrix = table("gdsc_ic50_matrix_deepcdr.csv.gz", index_col=0)
    drugs = table("gdsc_drug_list.csv")
    known = set(table("pubchem_smiles_223.txt", sep="\t", header=None, dtype=str)[0])
    pubchem = drugs["PubCHEM"].astype(str).str.strip()
    named = pubchem.isin(known)
    by_id = dict(zip("GDSC:" + drugs["drug_id"][named].astype(str), pubchem[named], strict=True))
    lines = set((DATA / "drug/deepcdr_561_lines.txt").read_text().split())
    notes = set(table("ccle_cell_line_annotations.tsv.gz", sep="\t")["depMapID"])
    kept = [c for c in matrix.columns if c in lines & notes]
    long = matrix.loc[[d for d in matrix.index if d in by_id], kept].stack().rename("value").reset_index()
    long.columns = ["drug", "line", "value"]
    long["drug"] = long["drug"].map(by_id)
    assert (len(long), long["line"].nunique(), long["drug"].nunique()) == (107_446, 561, 223)
    assert long.duplicated(["line", "drug"]).sum() == 6_383
    responses = long.pivot_table(index="line", columns="drug", values="value")
    cells = ad.AnnData(np.zeros((len(responses), 1), np.float32), obs=pd.DataFrame(index=responses.index))
    methods = {"mean": DrugMean, "both": DrugLineMean, "factors": Factorization}
    found = run_drugs([DrugTask("p", DrugData(cells, responses), RandomPairs())], methods, seeds=2).pivot().loc["p"]
    assert found.loc["mean", "pearson"] == pytest.approx(0.854, abs=0.01)
    assert found.loc["both", "pearson"] == pytest.approx(0.890, abs=0.01)
    assert found.loc["factors", "pearson"] == pytest.approx(0.935, abs=0.005)
    assert found.loc["factors", "interaction"] == pytest.approx(0.634, abs=0.01)
    assert found.loc["mean", "interaction"] == 0


@pytest.mark.slow
def test_the_bar_on_all_genes(gdsc2):
    lines, pairs = gdsc2
    task = DrugTask("g", DrugData(lines, wide(lines, pairs)))
    methods = {
        "ridge": DenoisedRidge,
        "ours": lambda: DrugResponseMethod("standardized", drug_encoder="onehot"),
    }
    found = run_drugs([task], methods, seeds=1).pivot().loc["g"]
    assert found.loc["ridge", "interaction"] == pytest.approx(0.478, abs=0.02)
    assert found.loc["ours", "interaction"] == pytest.approx(found.loc["ridge", "interaction"], abs=0.02)


@pytest.fixture(scope="module")
def without_lung(gdsc2):
    lines, pairs = gdsc2
    scellm.DrugResponse.setup_anndata(lines, units="standardized")
    model = scellm.DrugResponse(lines, responses=pairs, drug_encoder="onehot")
    model.train(indices=np.flatnonzero(~pairs["line"].isin(LUNG.values())))
    return model


@pytest.mark.slow
def test_intervals_of_lines_that_no_head_saw(without_lung, gdsc2):
    lines, pairs = gdsc2
    truth = wide(lines, pairs).loc[list(LUNG.values())]
    own = lines[lines.obs_names.get_indexer(truth.index)].copy()
    assert not set(without_lung.state_.lines) & set(LUNG.values())
    assert without_lung.in_domain(own, units="standardized")["in_domain"].all()
    found = without_lung.predict(own, list(truth.columns), interval=0.8, units="standardized")
    inside = (truth >= found["low"]) & (truth <= found["high"])
    assert 0.65 < inside.to_numpy()[truth.notna().to_numpy()].mean() < 0.95


@pytest.mark.slow
def test_the_screen_of_lung_lines_from_their_cells(without_lung, gdsc2):
    mixology, pc9 = real("corpus/lung_cancer_lines_mixology.h5ad"), real("eval/pc9_erlotinib.h5ad")
    mixology.obs["line"], pc9.obs["line"] = mixology.obs["cell_type"].astype(str), "PC9"
    cells = ad.concat([mixology, pc9[pc9.obs["cell_type"] == "sensitive"]], join="inner")
    cells.obs_names_make_unique()
    scellm.tl.screen(cells, without_lung, groupby="line", n_boot=5)
    found = cells.uns["celllm"]["screen"]
    assert found["in_domain"].all()
    predicted = found.pivot(index="group", columns="drug", values="value").rename(index=LUNG)
    truth = wide(*gdsc2).loc[predicted.index].rename(columns=str.strip)
    predicted = predicted[truth.columns]
    mean = pd.Series(without_lung.state_.scale.mean, without_lung.state_.drugs.smiles.index)[truth.columns]
    scores = drug_metrics(truth, predicted, mean.to_numpy(), least=3)
    assert scores["interaction"] > 0.15
    assert scores["residual"] > 0.25
    pc9_first = found[(found["group"] == "PC9") & (found["rank"] <= 12)]["drug"]
    assert {"Erlotinib", "Afatinib", "Lapatinib", "Sapitinib"} & set(pc9_first)  # EGFR inhibitors for an EGFR mutant


def test_molecules_of_gdsc():
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    smiles = table("gdsc_drug_smiles.csv").set_index("drug")["smiles"]
    found = standardize_smiles(smiles)
    assert (len(found), found.nunique()) == (429, 415)  # 14 names are a second name of a molecule
    assert found.equals(standardize_smiles(found))  # a standard text stays as it is
    assert "Pt" in found["Cisplatin"]
    graphs = Molecules.of(smiles)
    assert np.diff(graphs.offsets).min() >= 5
    assert graphs.atoms[:, :43].sum(1).max() == 1
    assert len(graphs.source) % 2 == 0

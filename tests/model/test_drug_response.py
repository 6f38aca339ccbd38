import numpy as np
import pandas as pd
import pytest

import scellm
from scellm.train import ResponseConfig
from tests.conftest import SMALL
from tests.responses import SMILES, make_lines, make_pairs, make_response, make_table


def set_up(lines=None, **options):
    lines = make_lines() if lines is None else lines
    scellm.DrugResponse.setup_anndata(lines, **options)
    return lines


def test_unseen_lines_are_predicted_and_never_read():
    lines = set_up()
    table = make_table(lines)
    pairs = make_pairs(table)
    indices = np.flatnonzero(pairs["line"].isin(table.index[:45]))
    model = scellm.DrugResponse(lines, responses=pairs, drug_encoder="onehot")
    model.train(indices=indices)
    assert model.state_.lines == list(table.index[:45])
    found = model.predict(relative=True).iloc[45:][table.columns]
    truth = (table - table.iloc[:45].mean()).iloc[45:]
    known = truth.notna().to_numpy()
    assert np.corrcoef(found.to_numpy()[known], truth.to_numpy()[known])[0, 1] > 0.85
    changed = pairs.assign(value=pairs["value"].where(pairs.index.isin(indices), 100.0))
    other = scellm.DrugResponse(lines, responses=changed, drug_encoder="onehot")
    other.train(indices=indices)
    pd.testing.assert_frame_equal(other.predict(), model.predict())


def test_validation_is_inside_and_the_seed_decides():
    once, again = (
        make_response({"head": "additive", "n_heads": 2, "max_epochs": 3}, drug_encoder="onehot") for _ in "ab"
    )
    pd.testing.assert_frame_equal(once.predict(), again.predict())
    assert {"validation_interaction", "validation_loss", "train_loss"} <= set(once.history)


def test_the_defaults_follow_the_model():
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    assert make_response().state_.head == "solved"
    graph = make_response({"max_epochs": 1, "n_heads": 1}, drug_encoder="graph")
    assert graph.state_.head == "additive"
    with pytest.raises(ValueError, match="A solved head has no graph network"):
        graph.train(head="solved")


def test_an_encoder_frozen_or_tuned():
    encoder = scellm.CellLM.without_data(**SMALL)
    options = {"encoder": encoder, "drug_encoder": "onehot"}
    before = {k: v.clone() for k, v in encoder.module.cell_encoder.state_dict().items()}
    frozen = make_response({}, **options)
    tuned = make_response({"tune": "last", "max_epochs": 2, "batch_lines": 16}, **options)
    ours = frozen.module.cell_encoder.state_dict()
    assert all((ours[k] == v).all() for k, v in before.items())
    moved = [k for k, v in tuned.module.cell_encoder.state_dict().items() if not (before[k] == v).all()]
    assert any(k.startswith("encoder.blocks.1") for k in moved)
    assert not any(k.startswith(("encoder.blocks.0", "encoder.embedding")) for k in moved)
    assert np.isfinite(tuned.predict().to_numpy()).all()
    with pytest.raises(ValueError, match="There is no encoder to tune"):
        make_response({"tune": "full"}, drug_encoder="onehot")


def test_units_of_responses_and_names_of_lines():
    lines = make_lines()
    table = make_table(lines)
    lines.obs["name"] = [f"NCI-{n}" for n in lines.obs_names]
    set_up(lines, line_key="name")
    pairs = make_pairs(table)
    pairs["line"] = "nci" + pairs["line"].str.lower()
    ln = scellm.DrugResponse(lines, responses=pairs, drug_encoder="onehot")
    ln.train()
    log10 = scellm.DrugResponse(
        lines,
        responses=pairs.assign(value=pairs["value"] / np.log(10)),
        value_kind="log10_ic50",
        drug_encoder="onehot",
    )
    log10.train()
    pd.testing.assert_frame_equal(ln.predict(), log10.predict(), atol=1e-6)
    assert ln.predict().index[0] == "NCI-L0"


def test_repr_says_what_was_learned():
    lines = set_up()
    model = scellm.DrugResponse(lines, responses=make_pairs(make_table(lines)), drug_encoder="onehot")
    assert "not learned yet" in model._model_summary_string
    model.train()
    assert "10 drugs, 60 lines" in model._model_summary_string


def test_bad_set_up():
    lines = make_lines()
    before = dict(lines.uns)
    for options, error, message in (
        ({"units": "rpkm"}, ValueError, "units='rpkm' is not known"),
        ({"line_key": "x"}, KeyError, "line_key='x' is not in adata.obs"),
        ({"layer": "x"}, KeyError, "layer='x'"),
        ({"line_key": "tissue"}, ValueError, "is the name of several profiles"),
        ({"batch_key": "x"}, TypeError, "takes no option 'batch_key'"),
    ):
        with pytest.raises(error, match=message):
            scellm.DrugResponse.setup_anndata(lines, **options)
        assert dict(lines.uns) == before
    with pytest.raises(TypeError, match="takes an AnnData"):
        scellm.DrugResponse.setup_anndata(lines.X)
    negative = make_lines()
    negative.X -= 8
    with pytest.raises(ValueError, match="units='standardized'"):
        scellm.DrugResponse.setup_anndata(negative)


def test_bad_models():
    lines = set_up()
    pairs = make_pairs(make_table(lines))
    with pytest.raises(ValueError, match="DrugResponse needs profiles"):
        scellm.DrugResponse()
    with pytest.raises(KeyError, match=r"lack the columns \['value'\]"):
        scellm.DrugResponse(lines, responses=pairs.rename(columns={"value": "ic50"}), drug_encoder="onehot")
    with pytest.raises(ValueError, match="No line of the responses has a profile"):
        scellm.DrugResponse(lines, responses=pairs.assign(line="other"), drug_encoder="onehot")
    with pytest.raises(ValueError, match="no finite numbers"):
        scellm.DrugResponse(lines, responses=pairs.assign(value=np.inf), drug_encoder="onehot")
    with pytest.raises(ValueError, match="10 of 10 drugs have no SMILES"):
        scellm.DrugResponse(lines, responses=pairs, drug_encoder="graph")
    with pytest.raises(ValueError, match="drug_encoder='fingerprint' is not known"):
        scellm.DrugResponse(lines, responses=pairs, smiles=SMILES, drug_encoder="fingerprint")


def test_bad_training():
    lines = set_up()
    pairs = make_pairs(make_table(lines))
    model = scellm.DrugResponse(lines, responses=pairs, drug_encoder="onehot")
    with pytest.raises(TypeError, match=r"takes no option 'epochs'\. Here it is called 'max_epochs'"):
        model.train(epochs=3)
    with pytest.raises(ValueError, match="expected at least 10 to learn from"):
        model.train(indices=np.flatnonzero(pairs["line"].isin(["L0", "L1"])))
    with pytest.raises(ValueError, match="n_heads=40 needs twice as many lines"):
        model.train(n_heads=40)
    with pytest.raises(IndexError, match="indices hold"):
        model.train(indices=[10_000])
    with pytest.raises(RuntimeError, match="no responses to learn from"):
        scellm.DrugResponse(lines).train()


def test_positions_are_not_labels_and_pairs_are_copied():
    lines = set_up()
    pairs = make_pairs(make_table(lines)).sample(frac=1, random_state=0)
    model = scellm.DrugResponse(lines, responses=pairs, drug_encoder="onehot")
    with pytest.raises(ValueError, match="indices= takes positions"):
        model.train(indices=pairs.index[pairs["line"] != "L0"])
    model.train()
    want = model.predict()
    pairs["value"] *= -1
    model.train(indices=np.arange(len(pairs)))
    pd.testing.assert_frame_equal(model.predict(), want)


def test_a_refused_set_up_changes_nothing():
    lines = make_lines()
    lines.uns["celllm"] = "mine"
    with pytest.raises(ValueError, match="not scellm's"):
        scellm.DrugResponse.setup_anndata(lines)
    assert list(lines.uns) == ["celllm"]


def test_one_drug_only():
    lines = set_up()
    pairs = make_pairs(make_table(lines)[["imatinib"]])
    model = scellm.DrugResponse(lines, responses=pairs, drug_encoder="onehot")
    model.train(config=ResponseConfig(n_heads=2))
    assert model.predict().shape == (60, 1)
    assert np.isfinite(model.predict(components=True, interval=0.5).to_numpy()).all()

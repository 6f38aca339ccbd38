import numpy as np
import pytest
import torch

from scellm.baselines.drug import DenoisedRidge
from scellm.model._drug_features import DrugFeatures
from scellm.model._learn_response import DrugScale, learn_response
from scellm.module import DrugResponseModule
from scellm.train import ResponseConfig
from tests.responses import SMILES, make_lines, make_table

LINES = make_lines()
TABLE = make_table(LINES).to_numpy()


def learn(per_drug=False, table=TABLE, **options):
    module = DrugResponseModule(None)
    x = torch.from_numpy((LINES.X - LINES.X.mean(0)) / (LINES.X.std(0) + 1e-6))
    scale = DrugScale.of(table, per_drug=per_drug)
    config = ResponseConfig(**{"head": "solved", "n_heads": 5, **options})
    return module, x, scale, learn_response(module, x, table, DrugFeatures("onehot", SMILES), scale, config)


def test_a_solved_head_is_ridge_on_denoised_responses():
    module, x, scale, _ = learn(rank=5)
    table = make_table(LINES) - scale.mean
    want = DenoisedRidge("linear", rank=5).fit(LINES, table).predict(LINES, list(SMILES.index)).to_numpy()
    with torch.no_grad():
        found = module.networks[0](x, torch.eye(10)).numpy() * scale.spread
    assert len(module.networks) == 1
    assert np.corrcoef(found.ravel(), want.ravel())[0, 1] > 0.99


def test_errors_do_not_depend_on_the_responses_of_the_line_itself():
    fold = np.random.default_rng(0).permutation(60) % 5
    table = TABLE.copy()
    table[fold == 2] += np.random.default_rng(3).normal(0, 5, table[fold == 2].shape)
    before, after = learn()[3], learn(table=table)[3]
    predicted = lambda learned, values: (values - learned.errors)[fold == 2]
    np.testing.assert_allclose(predicted(after, table), predicted(before, TABLE), atol=1e-4)
    assert (np.isfinite(before.errors) == np.isfinite(TABLE)).all()


def test_one_head_leaves_out_a_fifth():
    _, _, _, learned = learn(n_heads=1)
    assert np.isfinite(learned.errors).any(1).sum() == 12


def test_drugs_count_alike():
    wide = TABLE * np.array([1.0, 8.0] * 5)
    scale = DrugScale.of(wide, per_drug=True)
    np.testing.assert_allclose(scale.spread, np.nanstd(wide, 0), rtol=0.5)
    assert len(set(DrugScale.of(wide, per_drug=False).spread)) == 1
    constant = DrugScale.of(np.where(np.arange(10) == 3, 1.0, TABLE), per_drug=True)
    assert constant.spread[3] > 0.01


@pytest.mark.parametrize("head", ["additive", "paper", "deepcdr"])
def test_networks_learn(head):
    _, _, _, learned = learn(head=head, n_heads=1, max_epochs=40, lr=3e-3, batch_lines=16)
    assert (
        learned.history["validation_loss"]["validation_loss"].min()
        < 0.8 * learned.history["validation_loss"].iloc[0, 0]
    )
    assert len(learned.history["train_loss"]) == len(learned.history["validation_loss"])

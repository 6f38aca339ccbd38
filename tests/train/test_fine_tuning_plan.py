import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import FineTuningConfig, FineTuningPlan
from scellm.train._fine_tuning_plan import tuned_parts
from tests.conftest import SMALL


def module(n_types=3):
    torch.manual_seed(0)
    return CellLMModule(make_config("mini", 50, **SMALL), n_types).eval()


def test_loss_is_weighted_cross_entropy():
    m, x, labels = module(), torch.randn(7, 16), torch.arange(7) % 3
    weights = torch.tensor([0.5, 1.0, 1.5])
    plan = FineTuningPlan(m, FineTuningConfig(), weights)
    loss, y_true, y_pred = plan.predict_and_loss(x, {"labels": labels})
    log_p = m.type_logits(x).log_softmax(1)
    w = weights[labels]
    torch.testing.assert_close(loss, -(w * log_p[torch.arange(7), labels]).sum() / w.sum())
    assert torch.equal(y_true, labels)
    assert torch.equal(y_pred, log_p.argmax(1))


def test_scores_are_scikit_learns():
    y_true, y_pred = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([0, 1, 1, 2, 0])
    plan = FineTuningPlan(module(), FineTuningConfig())
    found = plan.scores(y_true, y_pred, "validation")
    assert found["accuracy"] == pytest.approx(accuracy_score(y_true, y_pred))
    assert found["macro_f1"] == pytest.approx(f1_score(y_true, y_pred, average="macro"))
    assert set(plan.scores(y_true, y_pred, "train")) == {"accuracy"}


def test_parts_need_a_known_word_and_a_head():
    assert len(tuned_parts(module(), "last")) == 4
    with pytest.raises(ValueError, match="tune='x' is not known"):
        tuned_parts(module(), "x")
    with pytest.raises(ValueError, match="no annotation head"):
        tuned_parts(module(0), "head")

import numpy as np
import pytest
import torch

from scellm.train import Contrastive, PretrainingConfig, contrastive_loss
from tests.train.test_batch_views import tokens


def test_contrastive_is_the_printed_formula():
    torch.manual_seed(0)
    a, b = torch.randn(2, 7, 5, dtype=torch.float64)
    sim = torch.exp(torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1) / 0.3)
    want = -torch.log(sim.diag() / sim.sum(1)).mean()
    torch.testing.assert_close(contrastive_loss(a, b, 0.3), want)
    back = -torch.log(sim.diag() / sim.sum(0)).mean()
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, symmetric=True), (want + back) / 2)


def masks(seed=0):
    rng = np.random.default_rng(seed)
    source, cluster = np.sort(rng.integers(2, size=9)), rng.integers(2, size=9)
    candidates = source[:, None] == source[None]
    return candidates & (cluster[:, None] == cluster[None]), candidates, source, cluster


def test_many_positives_and_candidates_of_the_source():
    torch.manual_seed(0)
    a, b = torch.randn(2, 9, 5, dtype=torch.float64)
    positives, candidates, _, _ = masks()
    sim = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1) / 0.3

    def one_way(sim):
        rows = []
        for i in range(9):
            below = torch.exp(sim[i][torch.from_numpy(candidates[i])]).sum()
            own = sim[i][torch.from_numpy(positives[i])]
            rows.append(-(torch.log(torch.exp(own) / below)).mean())
        return torch.stack(rows).mean()

    options = {"positives": torch.from_numpy(positives), "candidates": torch.from_numpy(candidates)}
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, **options), one_way(sim))
    both = (one_way(sim) + one_way(sim.T)) / 2
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, symmetric=True, **options), both)


def test_the_masks_of_no_choice_change_nothing():
    torch.manual_seed(0)
    a, b = torch.randn(2, 9, 5, dtype=torch.float64)
    plain = contrastive_loss(a, b, 0.3)
    eye, everyone = torch.eye(9, dtype=torch.bool), torch.ones(9, 9, dtype=torch.bool)
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, positives=eye), plain)
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, candidates=everyone), plain)


def test_the_objective_reads_sources_and_clusters_of_the_batch():
    torch.manual_seed(0)
    a, b = torch.randn(2, 9, 5, dtype=torch.float64)
    positives, candidates, source, cluster = masks()
    groups = {"source": torch.from_numpy(source), "cluster": torch.from_numpy(cluster)}
    objective = Contrastive(0.3, positives="clusters", negatives="source")
    objective.before_step(tokens(), groups, 1, 0)
    masked = {"positives": torch.from_numpy(positives), "candidates": torch.from_numpy(candidates)}
    torch.testing.assert_close(objective.loss(a, b), contrastive_loss(a, b, 0.3, **masked))
    objective = Contrastive(0.3, negatives="source")
    objective.before_step(tokens(), groups, 1, 0)
    torch.testing.assert_close(objective.loss(a, b), contrastive_loss(a, b, 0.3, candidates=masked["candidates"]))
    objective.before_step(tokens(), {}, 1, 0)
    torch.testing.assert_close(objective.loss(a, b), contrastive_loss(a, b, 0.3))


@pytest.mark.parametrize("options", [{"positives": "clusters"}, {"negatives": "source"}])
def test_a_queue_has_no_clusters(options):
    with pytest.raises(ValueError, match="contrast='moco' compares a cell with its own key"):
        PretrainingConfig(contrast="moco", **options)

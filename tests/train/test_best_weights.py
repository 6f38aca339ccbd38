import torch

from scellm.train._best_weights import BestWeights


def test_restores_the_weights_of_the_lowest_score():
    layer, best = torch.nn.Linear(1, 1, bias=False), BestWeights()
    best.restore(layer)  # nothing was remembered
    steps = ((1.0, 3.0, 0), (2.0, 1.0, 0), (3.0, 2.0, 1), (4.0, float("nan"), 2))
    for value, score, without_progress in steps:
        torch.nn.init.constant_(layer.weight, value)
        assert best.update(score, layer) == (value < 3)
        assert best.without_progress == without_progress
    best.restore(layer)
    assert layer.weight.item() == 2.0
    assert best.score == 1.0

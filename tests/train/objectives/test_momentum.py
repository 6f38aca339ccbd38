import torch

from scellm.train import queue_loss


def test_queue_is_the_formula_of_moco():
    torch.manual_seed(0)
    q, k, queue = torch.randn(4, 5), torch.randn(4, 5), torch.nn.functional.normalize(torch.randn(9, 5), dim=1)
    cos = torch.nn.functional.cosine_similarity
    positive = torch.exp(cos(q, k) / 0.2)
    want = -torch.log(positive / (positive + torch.exp(cos(q[:, None], queue[None], dim=-1) / 0.2).sum(1))).mean()
    torch.testing.assert_close(queue_loss(q, k, queue, 0.2), want)

import torch

from scellm.train import contrastive_loss


def test_contrastive_is_the_printed_formula():
    torch.manual_seed(0)
    a, b = torch.randn(2, 7, 5, dtype=torch.float64)
    sim = torch.exp(torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1) / 0.3)
    want = -torch.log(sim.diag() / sim.sum(1)).mean()
    torch.testing.assert_close(contrastive_loss(a, b, 0.3), want)
    back = -torch.log(sim.diag() / sim.sum(0)).mean()
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, symmetric=True), (want + back) / 2)

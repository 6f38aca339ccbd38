import torch

from scellm.nn import AdditiveResponse


def test_it_is_line_plus_interaction():
    head = AdditiveResponse(6, 5, rank=4).eval()
    lines, drugs = torch.randn(3, 6), torch.randn(2, 5)
    with torch.no_grad():
        head.general.weight.normal_()
        u, v = lines @ head.line.weight.T, head.drug(drugs)
        want = (lines @ head.general.weight.T) + torch.stack([(u[i] * v).sum(1) for i in range(3)]) / 2
    torch.testing.assert_close(head(lines, drugs), want)

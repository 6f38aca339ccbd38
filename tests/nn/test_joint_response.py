import torch

from scellm.nn import JointResponse


def test_each_pair_goes_through_the_published_layers():
    head = JointResponse(7, 5).eval()
    lines, drugs = torch.randn(3, 7), torch.randn(4, 5)
    a, b = head.line(lines), head.drug(drugs)
    pairs = torch.cat([a[:, None].expand(3, 4, 256), b[None].expand(3, 4, 256)], dim=2)
    want = head.rest(head.first(pairs))[..., 0]
    torch.testing.assert_close(head(lines, drugs), want, atol=1e-5, rtol=1e-4)
    widths = [(m.in_features, m.out_features) for m in head.modules() if isinstance(m, torch.nn.Linear)]
    assert widths == [(7, 1024), (1024, 256), (5, 256), (512, 512), (512, 512), (512, 1)]

import torch

from scellm.nn import SolvedResponse


def test_it_is_linear_and_zero_until_solved():
    head = SolvedResponse(4, 3)
    lines = torch.randn(2, 4)
    assert (head(lines, torch.eye(3)) == 0).all()
    assert not list(head.parameters())
    weight = torch.randn(4, 3)
    head.load_state_dict({"weight": weight})
    torch.testing.assert_close(head(lines, torch.eye(3)[[2, 0]]), (lines @ weight)[:, [2, 0]])

import torch

from scellm.nn import DeepCDRResponse


def test_its_expression_branch_is_that_of_the_code():
    head = DeepCDRResponse(697, 384)
    kinds = [type(m).__name__ for m in head.line]
    assert kinds == ["Linear", "Tanh", "BatchNorm1d", "Dropout", "Linear"]
    assert head.line[4].out_features == 100
    assert head.first.in_features == 356
    assert head(torch.randn(4, 697), torch.randn(3, 384)).shape == (4, 3)

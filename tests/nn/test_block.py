import torch

from scellm._tokens import Tokens
from scellm.nn import Attention, Block, FeedForward, Softmax


def block(dropout=0.0):
    torch.manual_seed(0)
    return Block(8, Attention(8, 2, 4, 4, Softmax()), 4, dropout)


def cells():
    return Tokens(torch.arange(6), torch.zeros(6, dtype=torch.long), torch.tensor([0, 3, 6])).pad(9, 6)


def test_is_pre_norm_with_residuals():
    made, x = block(), torch.randn(8, 8)
    y = x + made.attention(made.attention_norm(x), cells())
    want = y + made.ff.w2(torch.nn.functional.gelu(made.ff.w1(made.ff_norm(y))))
    torch.testing.assert_close(made(x, cells()), want)


def test_dropout_in_training_only():
    made, x = block(0.5), torch.randn(8, 8)
    assert not torch.equal(made.train()(x, cells()), made(x, cells()))
    assert torch.equal(made.eval()(x, cells()), made(x, cells()))


def test_feed_forward_width():
    assert FeedForward(8, 3, 0.0).w1.out_features == 24

import pytest
import torch

from scellm._tokens import Tokens
from scellm.nn import ATTENTIONS, Encoder, make_config


def encoder_and_cells(attention="favor", depth=2, **lengths):
    torch.manual_seed(0)
    config = make_config("mini", 50, dim=16, depth=depth, heads=2, dim_head=8, attention=attention, gene_dim=16)
    encoder = Encoder(config).double().eval()
    gene = torch.randperm(50)[:17]
    tokens = Tokens(gene, torch.randint(6, (17,)), torch.tensor([0, 9, 9, 17]))
    return encoder, tokens.pad(50, config.n_bins)


def dense(encoder, cells, block):
    """All of attention, (cells, heads, length, length): the kernel applied to the unit vectors as values."""
    attention = encoder.blocks[block].attention
    b, n = cells.gene.shape
    x = encoder.embedding(cells.gene, cells.bin).view(b * n, -1)
    for one in encoder.blocks[:block]:
        x = one(x, cells)
    x = encoder.blocks[block].attention_norm(x)
    q, k, _ = attention.to_qkv(x).view(b, n, 3, attention.heads, -1).permute(2, 0, 3, 1, 4)
    units = torch.eye(n, dtype=x.dtype).expand(b, attention.heads, n, n)
    if type(attention.kernel).__name__ == "Softmax":
        logits = q @ k.mT * q.shape[-1] ** -0.5
        return logits.masked_fill(~cells.real[:, None, None], -torch.inf).softmax(-1) @ units
    w = attention.projection * q.shape[-1] ** -0.25
    half = lambda t: t.square().sum(-1, keepdim=True) * 0.5 * t.shape[-1] ** -0.5
    dash_q, dash_k = q @ w.T, k @ w.T
    real = cells.real[:, None, :, None]
    fq = torch.exp(dash_q - half(q) - dash_q.amax(-1, keepdim=True)) + 1e-4
    fk = (
        torch.exp(dash_k - half(k) - dash_k.masked_fill(~real, -torch.inf).amax((-1, -2), keepdim=True)) + 1e-4
    ) * real
    square = fq @ fk.mT  # (b, h, n, n)
    return square / square.sum(-1, keepdim=True)


@pytest.mark.parametrize("attention", ["favor", "softmax"])
@pytest.mark.parametrize("block", [0, 1])
def test_is_the_row_of_cls_of_the_square_of_attention(attention, block):
    encoder, cells = encoder_and_cells(attention)
    found = encoder.cls_attention(cells, block)
    torch.testing.assert_close(found, dense(encoder, cells, block)[:, :, 0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 2, dtype=torch.float64))
    assert (found.masked_select(~cells.real[:, None].expand_as(found)) == 0).all()
    assert not found.requires_grad


def test_the_last_block_is_the_default():
    encoder, cells = encoder_and_cells()
    assert torch.equal(encoder.cls_attention(cells), encoder.cls_attention(cells, 1))
    with pytest.raises(IndexError):
        encoder.cls_attention(cells, 2)


def test_the_library_gives_the_same_row():
    pytest.importorskip("performer_pytorch")
    ours, _ = encoder_and_cells()
    tokens = Tokens(torch.arange(16), torch.arange(16) % 6, torch.tensor([0, 8, 16]))
    cells = tokens.pad(50, 6)
    want = ours.float().cls_attention(cells)
    for block in ours.blocks:
        block.attention.kernel = ATTENTIONS["performer-pytorch"]()
    torch.testing.assert_close(ours.cls_attention(cells), want, rtol=1e-4, atol=1e-6)

import torch

from scellm._tokens import Tokens
from scellm.nn import Embedding, Encoder, OpenBioMedFavor, make_config


def config(**options):
    return make_config("mini", 20, **{"dim": 8, "depth": 2, "heads": 2, "dim_head": 4, "dropout": 0.0, **options})


def cells():
    return Tokens(torch.arange(9), torch.arange(9) % 6, torch.tensor([0, 4, 9])).pad(20, 6)


def test_a_token_is_the_sum_of_bin_and_gene():
    made = Embedding(config())
    gene, bins = torch.tensor([[20, 3]]), torch.tensor([[6, 2]])
    want = made.gene.weight[[20, 3]] + made.bin.weight[[6, 2]]
    torch.testing.assert_close(made(gene, bins)[0], want)


def test_without_blocks_tokens_do_not_see_each_other():
    torch.manual_seed(0)
    made, given = Encoder(config(depth=0)), cells()
    want = made.norm(made.embedding(given.gene, given.bin))
    torch.testing.assert_close(made(given), want)
    assert made.max_padding == 0.2
    assert Encoder(config()).max_padding == 0.05


def test_redraw_reaches_every_block():
    made = Encoder(config())
    before = [b.attention.projection.clone() for b in made.blocks]
    made.redraw(torch.Generator().manual_seed(3))
    assert not any(torch.equal(b.attention.projection, p) for b, p in zip(made.blocks, before, strict=True))


def test_padding_to_few_shapes_in_bf16_changes_nothing_but_precision():
    torch.manual_seed(0)
    made, given = Encoder(config()).eval(), cells()
    exact = made(given)
    with torch.autocast("cpu", torch.bfloat16):
        half = made(given)
    assert half.shape == exact.shape
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.1)


def test_compat_runs_the_published_kernel():
    made = Encoder(config(compat="openbiomed", pooling="mean", compat_length=50))
    assert all(isinstance(b.attention.kernel, OpenBioMedFavor) for b in made.blocks)
    assert made.max_padding == 0

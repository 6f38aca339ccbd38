import logging
import math

import pytest
import torch

from scellm.nn import _favor_fused
from scellm.nn._favor_fused import _is_right, can_fuse, tile_of

PROJECTION = torch.zeros(266, 64)


class OnGpu(torch.Tensor):
    """Says that it is on a GPU; none is needed to decide."""

    is_cuda, device = True, torch.device("cuda", 0)


def queries(dtype=torch.bfloat16, d=64, where=OnGpu):
    return torch.zeros(2, 4, 100, d, dtype=dtype).as_subclass(where)


@pytest.fixture(autouse=True)
def right(monkeypatch):
    """Everything that would be compared is right, and Triton is there."""
    asked = []
    monkeypatch.setattr(_favor_fused, "find_spec", lambda name: name == "triton")
    monkeypatch.setattr(_favor_fused, "_is_right", lambda *given: asked.append(given) or True)
    monkeypatch.delenv("SCELLM_FUSED", raising=False)
    return asked


def test_half_precision_on_a_gpu_is_fused(right):
    assert can_fuse(queries(), PROJECTION)
    assert can_fuse(queries(torch.float16), PROJECTION)
    assert [given[1:] for given in right] == [(torch.bfloat16, (266, 64)), (torch.float16, (266, 64))]


@pytest.mark.parametrize(
    "other", [{"where": torch.Tensor}, {"dtype": torch.float32}, {"dtype": torch.float64}, {"d": 128}]
)
def test_all_else_is_not(other, right):
    assert not can_fuse(queries(**other), PROJECTION)
    assert not right, "nothing is compiled"


def test_it_can_be_turned_off_and_needs_triton(monkeypatch, right):
    monkeypatch.setenv("SCELLM_FUSED", "0")
    assert not can_fuse(queries(), PROJECTION)
    monkeypatch.setenv("SCELLM_FUSED", "1")
    assert can_fuse(queries(), PROJECTION)
    monkeypatch.setattr(_favor_fused, "find_spec", lambda name: None)
    assert not can_fuse(queries(), PROJECTION)
    assert len(right) == 1


@pytest.mark.parametrize("found", [0.5, float("nan"), RuntimeError("no compiler"), 0.001])
def test_wrong_kernels_are_left_out_with_one_warning(monkeypatch, caplog, found):
    def difference(*given):
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(_favor_fused, "difference", difference)
    given = (torch.device("cuda", 0), torch.bfloat16, (266, 64))
    check = _is_right
    check.cache_clear()
    with caplog.at_level(logging.WARNING, "scellm"):
        answers = [check(*given), check(*given)]
    check.cache_clear()
    good = found == 0.001
    assert answers == [good, good]
    assert len(caplog.records) == (0 if good else 1)
    if not good:
        text = caplog.text
        assert "not used" in text
        assert "SCELLM_FUSED=0" in text
        assert ("no compiler" if isinstance(found, Exception) else "at most 0.03") in text


def test_tiles_are_powers_of_two_and_at_least_16_wide():
    assert [tile_of(d)["BD"] for d in (8, 16, 20, 32, 64)] == [16, 16, 32, 32, 64]


def test_one_gradient_that_is_not_a_number_is_found(monkeypatch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *given):
            return _favor_fused.FavorFunction.apply(*given, False)

        @staticmethod
        def backward(ctx, grad):
            return grad, grad * float("nan"), grad, None, None

    monkeypatch.setattr(_favor_fused, "FusedFavorFunction", Wrong)
    assert math.isnan(_favor_fused.difference(torch.device("cpu"), torch.float32, (20, 8)))


def test_the_plain_version_does_not_differ_from_itself(monkeypatch):
    class Same(_favor_fused.FavorFunction):
        @staticmethod
        def forward(ctx, *given):
            return _favor_fused.FavorFunction.forward(ctx, *given, False)

        @staticmethod
        def backward(ctx, *grads):
            return _favor_fused.FavorFunction.backward(ctx, *grads)[:5]

    monkeypatch.setattr(_favor_fused, "FusedFavorFunction", Same)
    assert _favor_fused.difference(torch.device("cpu"), torch.float32, (20, 8)) < 1e-5


def test_memory_that_does_not_suffice_is_no_verdict(monkeypatch):
    def difference(*given):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(_favor_fused, "difference", difference)
    _is_right.cache_clear()
    with pytest.raises(torch.OutOfMemoryError):
        _is_right(torch.device("cuda", 0), torch.bfloat16, (266, 64))
    monkeypatch.setattr(_favor_fused, "difference", lambda *given: 0.0)
    assert _is_right(torch.device("cuda", 0), torch.bfloat16, (266, 64))
    _is_right.cache_clear()

import anndata as ad
import numpy as np
import pytest
import torch

from scellm._compat import device_of, layer_names


def test_x_is_no_layer():
    adata = ad.AnnData(np.ones((2, 3)), layers={"counts": np.ones((2, 3))})
    assert layer_names(adata) == ["counts"]
    assert layer_names(ad.AnnData(np.ones((2, 3)))) == []


@pytest.mark.parametrize(("accelerator", "wanted"), [("cpu", "cpu"), ("mps", "mps"), ("cuda", "cuda:0")])
def test_device_by_name(accelerator, wanted):
    assert device_of(accelerator) == torch.device(wanted)


def test_device_of_a_list_is_that_of_the_process(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert device_of("cuda", [1, 0]) == torch.device("cuda", 1)
    assert device_of("cuda", 2) == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_of("cuda", 2) == torch.device("cuda", 1)
    assert device_of("cuda", [3, 5]) == torch.device("cuda", 5)
    assert device_of("cuda", [3]) == torch.device("cuda", 3)


@pytest.mark.parametrize(
    ("cuda", "mps", "auto", "gpu"),
    [
        (False, False, "cpu", "cuda:0"),
        (True, False, "cuda:0", "cuda:0"),
        (False, True, "mps", "mps"),
        (True, True, "cuda:0", "cuda:0"),
    ],
)
def test_auto_is_the_best_device_as_in_lightning(monkeypatch, cuda, mps, auto, gpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device_of("auto") == torch.device(auto)
    assert device_of("gpu") == torch.device(gpu)

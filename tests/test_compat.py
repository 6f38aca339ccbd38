import anndata as ad
import numpy as np
import pytest
import torch

from scellm._compat import device_of, layer_names


def test_x_is_no_layer():
    adata = ad.AnnData(np.ones((2, 3)), layers={"counts": np.ones((2, 3))})
    assert layer_names(adata) == ["counts"]
    assert layer_names(ad.AnnData(np.ones((2, 3)))) == []


@pytest.mark.parametrize(("accelerator", "wanted"), [("cpu", "cpu"), ("mps", "mps"), ("gpu", "cuda:0")])
def test_device_by_name(accelerator, wanted):
    assert device_of(accelerator) == torch.device(wanted)


def test_device_of_a_list_is_its_first():
    assert device_of("cuda", [1, 0]) == torch.device("cuda", 1)
    assert device_of("cuda", 2) == torch.device("cuda", 0)


def test_auto_is_the_cpu_without_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto") == torch.device("cuda", 0)

"""A second model: predict a number per cell, such as an age, from the shared cell encoder."""

from scvi.data.fields import NumericalObsField
from scvi.module.base import BaseModuleClass
from torch import nn

from scellm.data._fields import GeneTokenField
from scellm.model import TokenModel
from scellm.module import CellEncoder
from scellm.train import FineTuningConfig, SupervisedPlan


class NumberModule(BaseModuleClass):
    def __init__(self, config):
        super().__init__()
        self.config, self.cell_encoder, self.head = config, CellEncoder(config), nn.Linear(config.cell_dim, 1)
        self.embed = self.cell_encoder.embed


class NumberPlan(SupervisedPlan):
    def predict_and_loss(self, embeddings, batch):
        y_true, y_pred = batch["number"], self.module.head(embeddings).squeeze(1)
        return (y_pred - y_true).square().mean(), y_true, y_pred


class NumberModel(TokenModel):
    @classmethod
    def setup_anndata(cls, adata, *, number_key=None, **kwargs):
        setup_args = cls._get_setup_method_args(**locals())
        numbers = [NumericalObsField("number", number_key)] if number_key else []
        cls._register(adata, [GeneTokenField(), *numbers], setup_args, **kwargs)

    def _make_module(self, config):
        return NumberModule(config)

    def train(self, data, **trainer_options):
        parts = [self.module.cell_encoder, self.module.head]
        plan = NumberPlan(self.module, parts, FineTuningConfig(lr=3e-3))
        self._fit(plan, data(self.adata_manager), 30, "cpu", 1, **trainer_options)
        self._record("train", {})

    def predict(self, adata=None):
        return self.module.head(self._embed(adata, None, None)).detach().squeeze(1).numpy()

"""From a network to a table of gene vectors."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import torch
from scvi import settings
from torch import Tensor
from tqdm.auto import tqdm

from scellm._logging import logger
from scellm.pp._vocabulary import load_vocabulary
from scellm.train.graphmae._backend import load_backend
from scellm.train.graphmae._features import make_features
from scellm.train.graphmae._masking import Masking, draw_masking
from scellm.train.graphmae._module import GraphMAE
from scellm.train.graphmae._network import Network, read_network
from scellm.train.graphmae._recipe import GraphMAERecipe


def learn(
    network: Network | pd.DataFrame | str | PathLike | Any,
    *,
    features: str | pd.DataFrame = "identity",
    backend: str = "pyg",
    columns: tuple[str, str] | None = None,
    score: str | None = None,
    min_score: float | None = None,
    names: Sequence[str] | None = None,
    seed: int | None = None,
    device: str | torch.device = "auto",
    progress_bar: bool = True,
    **options: Any,
) -> pd.DataFrame:
    """Learn a vector for each gene of a network with GraphMAE (Hou et al. 2022; CellLM's paper, section 3.2).

    Half of the genes are hidden, a graph attention network tells their features from their neighbours, and the vectors of its encoder
    are kept. The whole network is one step. torch's own random numbers are left as they were.

    Parameters
    ----------
    network
        A table of edges or a path to one, a `dgl.DGLGraph`, a PyG `Data`, or what :func:`read_network` gave.
    features
        What a gene starts from, and what is told of a hidden one: "identity" (a learned row a gene; the answer is which gene it is: the
        best of the measured), "svd" (:func:`spectral_features`), or a DataFrame of genes by numbers.
    backend
        "pyg" or "dgl". On a CPU "dgl" is several times faster and smaller.
    columns, score, min_score, names
        As in :func:`read_network`.
    seed
        By default `scellm.settings.seed`, or 0.
    device
        "cpu", "cuda", ...; "auto" takes a GPU where there is one.
    progress_bar
        Show one.
    **options
        Fields of :class:`GraphMAERecipe`, such as `dim`, `hidden`, `mask_rate`, `max_epochs`.

    Returns
    -------
    pandas.DataFrame
        float32, (genes of the vocabulary, dim), named by symbol. **Genes that the network lacks are NaN**: nothing is known of them,
        and zeros would say otherwise; :class:`scellm.CellLM` gives them random vectors of the others' variance. `attrs["graphmae"]`
        holds the recipe, the losses and what was read.

    Raises
    ------
    ValueError
        If the network or an option cannot be used; see :func:`read_network`.
    TypeError
        If an option is not one.
    ImportError
        If the back end is not installed.
    FloatingPointError
        If the loss is not finite.

    Examples
    --------
    >>> vectors = scellm.train.graphmae.learn("string.csv.gz", min_score=700, dim=128)
    >>> model = scellm.CellLM(adata, gene_embeddings=vectors)
    """
    recipe = _recipe(options)
    library = load_backend(backend)
    net = read_network(network, columns=columns, score=score, min_score=min_score, names=names)
    seed = (settings.seed if settings.seed is not None else 0) if seed is None else seed
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(seed)
        model = GraphMAE(make_features(features, net, recipe, seed), recipe, backend).to(where)
        run = _Run(model, net, library.make_graph, where, seed)
        history = run.learn(progress_bar=progress_bar)
        vectors = model.vectors(run.whole).cpu().numpy()
    logger.info(
        f"GraphMAE: {len(history['train_loss'])} epochs; loss {history['train_loss'][-1]:.4f}, the weights are those of epoch {history['best_epoch']}."
    )
    table = pd.DataFrame(vectors, index=net.symbols).reindex(load_vocabulary().symbols)
    table.attrs["graphmae"] = {
        "recipe": recipe.to_dict(), "features": features if isinstance(features, str) else "given", "seed": seed, "backend": backend,
        "network": net.report, "history": history,
    }  # fmt: skip
    return table


def _recipe(options: dict[str, Any]) -> GraphMAERecipe:
    unknown = set(options) - set(GraphMAERecipe.__dataclass_fields__)
    if unknown:
        msg = f"GraphMAE takes no {sorted(unknown)}; its options are {list(GraphMAERecipe.__dataclass_fields__)}."
        raise TypeError(msg)
    return GraphMAERecipe(**options)


class _Run:
    """One run of learning: graphs, the genes kept aside, and the loop."""

    def __init__(self, model: GraphMAE, network: Network, make_graph: Any, device: torch.device, seed: int) -> None:
        self.model, self.recipe, self.network, self.device = model, model.recipe, network, device
        self.n = len(network.genes)
        self.graph = lambda kept: make_graph(network.edges(kept), self.n, device)
        self.whole = self.graph(None)
        self.generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(self.n, generator=self.generator)
        n_aside = round(self.recipe.validation_size * self.n)
        self.aside = order[:n_aside]
        self.seen = order[n_aside:] if model.features.held_out else order

    def learn(self, *, progress_bar: bool) -> dict[str, Any]:
        """The loop; leaves the best weights in the model."""
        recipe, model = self.recipe, self.model
        adam = torch.optim.Adam(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, recipe.max_epochs)
        losses: list[float] = []
        validation: dict[int, float] = {}
        best: tuple[float, int, dict[str, Tensor] | None] = (float("inf"), recipe.max_epochs, None)
        bar = tqdm(range(1, recipe.max_epochs + 1), desc="GraphMAE", unit="epoch", disable=not progress_bar)
        for epoch in bar:
            losses.append(self.step(adam))
            cosine.step()
            bar.set_postfix(
                loss=f"{losses[-1]:.4f}",
                held_out=f"{min(validation.values(), default=float('nan')):.4f}",
                refresh=False,
            )
            if len(self.aside) and (epoch % recipe.validate_every == 0 or epoch == recipe.max_epochs):
                validation[epoch] = self.validate()
                if validation[epoch] < best[0]:
                    best = (validation[epoch], epoch, copy.deepcopy(model.state_dict()))
                elif epoch - best[1] >= recipe.patience * recipe.validate_every:
                    break
        bar.close()
        if best[2] is not None:
            model.load_state_dict(best[2])
        return {
            "train_loss": losses,
            "validation_loss": {str(e): v for e, v in validation.items()},
            "best_epoch": best[1],
        }

    def step(self, adam: torch.optim.Optimizer) -> float:
        """One epoch: one step over the whole network."""
        recipe = self.recipe
        masking = draw_masking(self.seen, self.n, recipe.mask_rate, recipe.replace_rate, self.generator)
        self.model.train()
        loss = self.model.loss(_to(masking, self.device), self._fewer_edges(), self.whole)
        if not bool(torch.isfinite(loss)):
            msg = f"GraphMAE's loss is {loss.item()}. Lower lr={recipe.lr:g}, or look for huge numbers in the features."
            raise FloatingPointError(msg)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    def _fewer_edges(self) -> Any:
        if self.recipe.edge_drop == 0:
            return self.whole
        kept = torch.rand(self.network.pairs.shape[1], generator=self.generator) >= self.recipe.edge_drop
        return self.graph(np.asarray(kept))

    @torch.no_grad()
    def validate(self) -> float:
        """Loss on the genes kept aside, all hidden by the token at once."""
        self.model.eval()
        none = torch.zeros(0, dtype=torch.long)
        return self.model.loss(_to(Masking(self.aside, none, none), self.device), self.whole, self.whole).item()


def _to(masking: Masking, device: torch.device) -> Masking:
    return Masking(masking.token.to(device), masking.replaced.to(device), masking.by.to(device))

"""Learn a table of gene embeddings from a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import torch
from scvi import settings
from tqdm.auto import tqdm

from scellm._logging import logger
from scellm._options import checked
from scellm.genes import load_vocabulary
from scellm.train._best_weights import BestWeights
from scellm.train.graphmae._backend import load_backend
from scellm.train.graphmae._build import make_graphmae
from scellm.train.graphmae._config import GraphMAEConfig
from scellm.train.graphmae._features import make_features
from scellm.train.graphmae._masking import Masking, draw_masking
from scellm.train.graphmae._module import GraphMAE
from scellm.train.graphmae._network import Network, read_network


def train(
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
    """Learn an embedding for each gene of a network with GraphMAE (Hou et al. 2022; CellLM's paper, section 3.2).

    Half of the genes are masked, a graph attention network reconstructs their features from their neighbours, and the
    embeddings of its encoder are kept. An epoch is one step over the whole network. torch's random state is restored
    afterwards.

    Parameters
    ----------
    network
        A table of edges or a path to one, a `dgl.DGLGraph`, a PyG `Data`, or the result of :func:`read_network`.
    features
        Initial features and reconstruction targets: "identity" (a learned row per gene, whose target is the identity of
        the gene: the best of those measured), "svd" (:func:`spectral_features`), or a DataFrame, genes by features.
    backend
        "pyg" or "dgl". On a CPU "dgl" is several times faster and needs less memory.
    columns, score, min_score, names
        As in :func:`read_network`.
    seed
        By default `scellm.settings.seed`, or 0.
    device
        "cpu", "cuda", ...; "auto" takes a GPU if there is one.
    progress_bar
        Show a progress bar.
    **options
        Fields of :class:`GraphMAEConfig`, such as `dim`, `hidden`, `mask_rate`, `max_epochs`.

    Returns
    -------
    pandas.DataFrame
        float32, (genes of the vocabulary, dim), indexed by symbol. **Genes that the network lacks are NaN**, because
        zeros would look like information; :class:`scellm.CellLM` gives them random embeddings with the variance of the
        others. `attrs["graphmae"]` holds the configuration, the losses and a report of the network.

    Raises
    ------
    ValueError
        If the network or an option cannot be used; see :func:`read_network`.
    TypeError
        If an option is not known.
    ImportError
        If the back end is not installed.
    FloatingPointError
        If the loss is not finite.

    Examples
    --------
    >>> network = scellm.train.graphmae.load_example_network()
    >>> vectors = scellm.train.graphmae.train(
    ...     network, columns=("a", "b"), dim=16, max_epochs=2, progress_bar=False
    ... )  # doctest: +SKIP
    >>> model = scellm.CellLM(adata, gene_embeddings=vectors)  # doctest: +SKIP
    """
    config = checked(GraphMAEConfig, options, "graphmae.train")
    library = load_backend(backend)
    net = read_network(network, columns=columns, score=score, min_score=min_score, names=names)
    seed = (settings.seed if settings.seed is not None else 0) if seed is None else seed
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(seed)
        model = make_graphmae(make_features(features, net, config, seed), config, backend).to(where)
        trainer = _Trainer(model, config, net, library.make_graph, where, seed)
        history = trainer.train(progress_bar=progress_bar)
        embeddings = trainer.embed()
    logger.info(
        f"GraphMAE: {len(history['train_loss'])} epochs; loss {history['train_loss'][-1]:.4f}, the weights are those "
        f"of epoch {history['best_epoch']}."
    )
    table = pd.DataFrame(embeddings, index=net.symbols).reindex(load_vocabulary().symbols)
    table.attrs["graphmae"] = {
        "config": config.to_dict(),
        "features": features if isinstance(features, str) else "given",
        "seed": seed,
        "backend": backend,
        "network": net.report,
        "history": history,
    }
    return table


class _Trainer:
    """One run of training: graphs, the held-out genes, and the loop."""

    def __init__(
        self,
        model: GraphMAE,
        config: GraphMAEConfig,
        network: Network,
        make_graph: Callable[[np.ndarray, int, torch.device], Any],
        device: torch.device,
        seed: int,
    ) -> None:
        self.model, self.config, self.network, self.device = model, config, network, device
        self.n = len(network.genes)
        self.graph = lambda kept: make_graph(network.edges(kept), self.n, device)
        self.whole = self.graph(None)
        self.generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(self.n, generator=self.generator)
        n_held_out = round(config.validation_size * self.n)
        self.held_out = order[:n_held_out]
        self.candidates = order[n_held_out:] if model.features.can_hold_out else order

    def train(self, *, progress_bar: bool) -> dict[str, Any]:
        """Run all epochs; leaves the best weights in the model."""
        config = self.config
        adam = torch.optim.Adam(self.model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, config.max_epochs)
        losses: list[float] = []
        validation: dict[int, float] = {}
        best, best_epoch = BestWeights(), config.max_epochs
        bar = tqdm(range(1, config.max_epochs + 1), desc="GraphMAE", unit="epoch", disable=not progress_bar)
        for epoch in bar:
            losses.append(self.step(adam))
            cosine.step()
            bar.set_postfix(loss=f"{losses[-1]:.4f}", held_out=f"{best.score:.4f}", refresh=False)
            if len(self.held_out) and (epoch % config.validate_every == 0 or epoch == config.max_epochs):
                validation[epoch] = self.validate()
                if best.update(validation[epoch], self.model):
                    best_epoch = epoch
                elif best.without_progress >= config.patience:
                    break
        bar.close()
        best.restore(self.model)
        by_epoch = {str(e): v for e, v in validation.items()}
        return {"train_loss": losses, "validation_loss": by_epoch, "best_epoch": best_epoch}

    def step(self, adam: torch.optim.Optimizer) -> float:
        """One epoch: one step over the whole network."""
        config = self.config
        masking = draw_masking(self.candidates, self.n, config.mask_rate, config.replace_rate, self.generator)
        self.model.train()
        loss = self.model.loss(masking.to(self.device), self._fewer_edges(), self.whole)
        if not bool(torch.isfinite(loss)):
            msg = f"GraphMAE's loss is {loss.item()}. Lower lr={config.lr:g}, or look for large values in the features."
            raise FloatingPointError(msg)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    def _fewer_edges(self) -> Any:
        if self.config.edge_drop == 0:
            return self.whole
        kept = torch.rand(self.network.pairs.shape[1], generator=self.generator) >= self.config.edge_drop
        return self.graph(np.asarray(kept))

    @torch.no_grad()
    def validate(self) -> float:
        """Loss on the held-out genes, all masked by the token at once."""
        self.model.eval()
        none = torch.zeros(0, dtype=torch.long)
        masking = Masking(self.held_out, none, none).to(self.device)
        return self.model.loss(masking, self.whole, self.whole).item()

    @torch.no_grad()
    def embed(self) -> np.ndarray:
        """Embeddings of all genes, float32, (n, dim)."""
        self.model.eval()
        return self.model(self.whole).cpu().numpy()

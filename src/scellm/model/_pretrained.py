"""Models that come with weights, and weights that go out."""

from __future__ import annotations

from importlib.metadata import version
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from anndata import AnnData

from scellm._logging import logger, quiet
from scellm.data._prepared import BINNING, binning_of, ensure_prepared
from scellm.model._catalogue import available, find_weights
from scellm.model._weights import read_card, read_weights, stored, write_weights
from scellm.pp import load_vocabulary, prepare

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM

_OF_THE_USER = "annotation_head."  # the types of one data set; pretrained weights know none


class PretrainedMixin:
    """The methods of :class:`scellm.CellLM` that bring and store weights."""

    @classmethod
    def available(cls) -> pd.DataFrame:
        """Weights that :meth:`from_pretrained` knows by name.

        Returns
        -------
        pandas.DataFrame
            By name: `where` it is (in the package, or an address), `size_mb`, `sha256`, `licence`, `description`.
        """
        return available()

    @classmethod
    def card(cls, name: str | PathLike) -> dict[str, Any]:
        """What weights say of themselves, without making a model.

        Parameters
        ----------
        name
            As for :meth:`from_pretrained`.

        Returns
        -------
        dict
            Shape, bins, vocabulary and its hash; and what their maker added, for "celllm-mini": training data with their licences,
            recipe, scores, citation, licence.

        Examples
        --------
        >>> scellm.CellLM.card("celllm-mini")["licence"]
        'CC BY 4.0'
        """
        return read_card(find_weights(name))

    @classmethod
    def from_pretrained(
        cls, name: str | PathLike, adata: AnnData | None = None, *, known_hash: str | None = None
    ) -> Self:
        """A model with pretrained weights.

        Parameters
        ----------
        name
            A name of :meth:`available`; the folder that :meth:`save_pretrained` wrote, or the `weights.safetensors` in it; or an
            `https` address of such a file. Downloads are kept in the folder that the environment variable `SCELLM_CACHE_DIR` names, or
            the system's cache folder; `SCELLM_WEIGHTS_MIRROR` names another address to take named weights from.
        adata
            Cells by genes. If :meth:`setup_anndata` was not run on it, it is set up without labels, and that is said. Without an
            `adata` the model embeds any that it is given later.
        known_hash
            SHA-256 that the file must have. What comes from an address is else taken as it comes, and that is said.

        Returns
        -------
        CellLM
            Ready to embed, to be pretrained further, or to be trained on the labels of `adata`.

        Raises
        ------
        ValueError
            If there are no such weights, they are damaged, or were made for another vocabulary or other bins than those of `adata`.
        ConnectionError
            If a download fails.
        """
        state, card = read_weights(find_weights(name, known_hash))
        _check_vocabulary(card)
        registry = None if adata is not None else _registry_without_data(cls, _prepare_options(card))
        if adata is not None:
            _set_up(cls, adata, card)
        model = cast("CellLM", cls(adata, registry, **card["model"]))  # type: ignore[call-arg]
        _load(model, state, str(name))
        model.is_trained_ = True
        return cast("Self", model)

    @classmethod
    def without_data(cls, **options: Any) -> Self:
        """A model with no data of its own, to be pretrained on a corpus.

        Parameters
        ----------
        **options
            As for :class:`CellLM`.

        Returns
        -------
        CellLM
            With random weights; it embeds any data that it is given later.

        Examples
        --------
        >>> corpus = scellm.data.build_corpus("my_files/", "corpus/")
        >>> model = scellm.CellLM.without_data(size="mini")
        >>> model.pretrain(corpus=corpus, view="thin")
        >>> model.save_pretrained("my_weights", licence="CC BY 4.0")
        """
        return cls(None, _registry_without_data(cls, {}), **options)  # type: ignore[call-arg]

    def save_pretrained(self, folder: str | PathLike, *, dtype: str = "float32", **card: Any) -> None:
        """Write the weights of the encoder, the pooling and the pretraining heads, for others to start from.

        The annotation head stays behind: it knows the types of one data set. To keep a fine-tuned model whole, use :meth:`save`.

        Parameters
        ----------
        folder
            Gets `weights.safetensors`, which is all that :meth:`from_pretrained` needs, and `card.json`, the same card for people.
        dtype
            "float32"; "float16" or "bfloat16" for half the size. Computing is in float32 again.
        **card
            What readers should know, in plain numbers and strings: `name`, `licence`, `data`, `recipe`, `metrics`, `citation`, ...

        Returns
        -------
        None
            Writes two files.

        Raises
        ------
        ValueError
            If the model has random weights, or `dtype` is not one of these.
        """
        model = cast("CellLM", self)
        if not model.is_trained_:
            msg = "This CellLM has random weights: there is nothing to keep. Run model.pretrain() first."
            raise ValueError(msg)
        if dtype not in {"float32", "float16", "bfloat16"}:
            msg = f"dtype={dtype!r} is not known; expected 'float32', 'float16' or 'bfloat16'."
            raise ValueError(msg)
        state = {
            k: stored(v, getattr(torch, dtype)) for k, v in model.module.state_dict().items() if not k.startswith(_OF_THE_USER)
        }  # fmt: skip
        vocabulary, report = load_vocabulary(), model._prepare_report()
        write_weights(folder, state, {
            **card, "scellm": version("scellm"), "dtype": dtype, "model": _options(model), "vocabulary": vocabulary.version,
            "vocabulary_sha256": vocabulary.sha256, "binning": {k: report[k] for k in BINNING},
        })  # fmt: skip


def _options(model: CellLM) -> dict[str, Any]:
    """Arguments of `CellLM` that give a model of the same shape; the gene table comes with the weights."""
    config = model.module.config.to_dict()
    del config["n_genes"]
    return {"size": model.init_params_["non_kwargs"]["size"], "gene_embeddings": "random", **config}


def _check_vocabulary(card: dict[str, Any]) -> None:
    if card["vocabulary_sha256"] != load_vocabulary().sha256:
        msg = f"The weights were made for the vocabulary {card['vocabulary']}, and this version has {load_vocabulary().version}: install scellm {card['scellm']}."
        raise ValueError(msg)


def _prepare_options(card: dict[str, Any]) -> dict[str, Any]:
    binning = binning_of(card["binning"])
    return {"target_sum": binning.target_sum, "log_base": binning.log_base, "bin_edges": binning.edges}


def _set_up(cls: Any, adata: AnnData, card: dict[str, Any]) -> None:
    """Set the data up unless that was done, and refuse bins that the weights do not know."""
    ensure_prepared(adata, like=card["binning"])
    if cls._get_most_recent_anndata_manager(adata, required=False) is None:
        logger.info("adata was not set up: running CellLM.setup_anndata(adata) without labels")
        cls.setup_anndata(adata)


def _registry_without_data(cls: Any, prepare_options: dict[str, Any]) -> dict[str, Any]:
    """The registry of an AnnData of one cell: what scvi-tools needs to set up the data that will come."""
    vocabulary = load_vocabulary()
    x = sp.csr_matrix((np.ones(1, np.float32), ([0], [0])), shape=(1, len(vocabulary)))
    stub = AnnData(x, var=pd.DataFrame(index=vocabulary.symbols))
    with quiet():
        prepare(stub, min_genes=0, min_counts=0, **prepare_options)
        cls.setup_anndata(stub)
    return cls._get_most_recent_anndata_manager(stub, required=True)._registry


def _load(model: CellLM, state: dict[str, torch.Tensor], name: str) -> None:
    """Put the weights in; every one must have its place, and only the annotation head may keep what it started with."""
    own = model.module.state_dict()
    wanted = {k for k in own if not k.startswith(_OF_THE_USER)}
    problems = {
        "missing": sorted(wanted - set(state)),
        "not known": sorted(set(state) - wanted),
        "of another shape": [f"{k} {tuple(state[k].shape)} for {tuple(own[k].shape)}" for k in sorted(wanted & set(state)) if state[k].shape != own[k].shape],
    }  # fmt: skip
    found = "; ".join(f"{what}: {keys[:4]}" for what, keys in problems.items() if keys)
    if found:
        msg = f"{name} does not fit its own card ({found}): it is damaged, or of another version of scellm."
        raise ValueError(msg)
    model.module.load_state_dict({k: v.to(own[k].dtype) for k, v in state.items()}, strict=False)

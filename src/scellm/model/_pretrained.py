"""Load and save pretrained weights."""

from __future__ import annotations

from abc import abstractmethod
from importlib.metadata import version
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from anndata import AnnData
from scvi.model.base import BaseModelClass

from scellm._inputs import require_anndata
from scellm._logging import logger, quiet
from scellm._options import one_of
from scellm.data._prepared import ensure_prepared, prepare_options
from scellm.genes import load_vocabulary
from scellm.pp import Binning, prepare
from scellm.pp._prepare import make_binning
from scellm.train._processes import Processes
from scellm.weights import available, find_weights, load_weights, read_card, without_base, write_weights
from scellm.weights._file import to_storage_dtype
from scellm.weights._state import describe, misfits, shapes_of

_DTYPES = ("float32", "float16", "bfloat16")


class PretrainedModel(BaseModelClass):
    """The methods that load and save pretrained weights."""

    _not_pretrained: ClassVar[tuple[str, ...]] = ()
    """Prefixes of the names of tensors that :meth:`save_pretrained` leaves out."""

    configs_: dict[str, dict[str, Any]]
    """Options of each training stage that was run, as plain values."""

    _processes = Processes()
    """The processes that shared the last pretraining, of which the first alone writes files."""

    @abstractmethod
    def _init_options(self) -> dict[str, Any]:
        """Arguments that give a model of the same shape."""

    @property
    @abstractmethod
    def binning(self) -> Binning:
        """The bins of the data that the model was made for."""

    @classmethod
    def available(cls) -> pd.DataFrame:
        """Weights that :meth:`from_pretrained` knows by name.

        Returns
        -------
        pandas.DataFrame
            Indexed by name: `where` (in the package, or a URL), `size_mb`, `types` (how many cell types it can name; 0
            for weights that only embed), `sha256`, `licence`, `description`.
        """
        return available()

    @classmethod
    def card(cls, name: str | PathLike) -> dict[str, Any]:
        """The model card of weights, without making a model.

        Parameters
        ----------
        name
            As for :meth:`from_pretrained`.

        Returns
        -------
        dict
            Shape, bins, vocabulary and its hash, and the fields that the makers added. For "celllm-bag" these are the
            training data with their licences, the training options (`recipe`), scores, citation and licence.

        Examples
        --------
        >>> scellm.CellLM.card("celllm-bag")["licence"]
        'CC BY 4.0'
        """
        return read_card(find_weights(name))

    @classmethod
    def from_pretrained(
        cls, name: str | PathLike, adata: AnnData | None = None, *, known_hash: str | None = None
    ) -> Self:
        """Make a model with pretrained weights.

        Parameters
        ----------
        name
            A name of :meth:`available`; a folder that :meth:`save_pretrained` wrote, or the `weights.safetensors` in
            it; or a URL of such a file. Downloads are stored in the folder named by the environment variable
            `SCELLM_CACHE_DIR`, or in the system's cache folder; `SCELLM_WEIGHTS_MIRROR` may hold the URL of a mirror
            for weights known by name.
        adata
            Cells by genes. If `setup_anndata` was not run on it, it is set up without labels (logged). Without `adata`,
            the model embeds any data that you pass later.
        known_hash
            SHA-256 that the file must have. Files from a URL are otherwise not verified (a warning is logged).

        Returns
        -------
        CellLM
            Ready to embed, to be pretrained further, or to be trained on the labels of `adata`.

        Raises
        ------
        ValueError
            If there are no such weights, they are damaged, or were made for another vocabulary or other bins than those
            of `adata`.
        ConnectionError
            If a download fails.
        FileNotFoundError
            If a folder has no `weights.safetensors`.
        PermissionError
            If the cache folder is not writable.
        """
        state, card = load_weights(name, known_hash)
        _check_vocabulary(card)
        binning = _binning_of(card, name)
        bare = cls(None, cls._registry_without_data(prepare_options(binning)), **card["model"])
        bare._load_pretrained(state, card, str(name))  # all is checked before the data are touched
        if adata is None:
            model = bare
        else:
            require_anndata(adata, f"{cls.__name__}.from_pretrained")
            cls._set_up_if_needed(adata, binning)
            model = cls(adata, None, **card["model"])
            model._load_pretrained(state, card, str(name))
        model.is_trained_ = True
        return model

    @classmethod
    def without_data(cls, **options: Any) -> Self:
        """Make a model without data of its own, to be pretrained on a corpus.

        Parameters
        ----------
        **options
            As for :class:`scellm.CellLM`.

        Returns
        -------
        CellLM
            A model with random weights; it embeds any data that you pass later.

        Examples
        --------
        >>> corpus = scellm.data.build_corpus("my_files/", "corpus/")  # doctest: +SKIP
        >>> model = scellm.CellLM.without_data(size="mini")
        >>> model.pretrain(corpus=corpus, view="thin")  # doctest: +SKIP
        >>> model.save_pretrained("my_weights", licence="CC BY 4.0")  # doctest: +SKIP
        """
        return cls(None, cls._registry_without_data({}), **options)

    def save_pretrained(
        self,
        folder: str | PathLike,
        *,
        dtype: str = "float32",
        head: bool = False,
        base: str | None = None,
        **card: Any,
    ) -> None:
        """Save the weights as pretrained weights.

        Without `head`, the annotation head is not saved: it is specific to one data set. `save` saves a trained model
        completely.

        Parameters
        ----------
        folder
            Folder for `weights.safetensors`, the only file that :meth:`from_pretrained` needs, and for `card.json`, a
            readable copy of the model card.
        dtype
            "float32"; "float16" or "bfloat16" for half the size. Computation is always in float32.
        head
            Save the annotation head and the names of its types as well: the file is then an annotator, and
            `scellm.tl.annotate(adata, folder)` names the cells of any data. Cells that the model was trained with are
            answered from their embedding, as all others are.
        base
            Name of weights in :meth:`available` that the encoder is equal to: only the head is then stored. Needs
            `head=True`.
        **card
            Information for readers, as plain numbers and strings: `name`, `licence`, `data`, `recipe`, `metrics`,
            `citation`, ...

        Returns
        -------
        None
            Writes two files; of several processes that share a run, the first alone writes.

        Raises
        ------
        ValueError
            If the model has random weights, `dtype` is not one of these, the head is not linear (`head="mlp"`), or the
            encoder differs from `base`.
        RuntimeError
            If `head=True` and the model knows no cell types.
        """
        if not self.is_trained_:
            msg = f"{type(self).__name__} has random weights: there is nothing to save. Run model.pretrain() first."
            raise ValueError(msg)
        one_of("dtype", dtype, _DTYPES)
        kept = {k: v for k, v in self.module.state_dict().items() if not k.startswith(self._not_pretrained or "\0")}
        state = {k: to_storage_dtype(v, getattr(torch, dtype)) for k, v in kept.items()}
        vocabulary = load_vocabulary()
        own = {
            "scellm": version("scellm"),
            "dtype": dtype,
            "class": type(self).__name__,
            "model": self._init_options(),
            "configs": self.configs_,
            "vocabulary": vocabulary.version,
            "vocabulary_sha256": vocabulary.sha256,
            "binning": self.binning.to_dict(),
        }
        if head:
            state_of_head, types = self._head_state()
            own |= types
            state |= {k: to_storage_dtype(v, getattr(torch, dtype)) for k, v in state_of_head.items()}
        if base is not None:
            state, own["base"] = without_base(state, base)
        if not self._processes.leaves_writing("save_pretrained"):
            write_weights(folder, state, {**card, **own})

    def _head_state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The annotation head, and what a card says of it."""
        msg = f"{type(self).__name__} has no annotation head to save. Leave head=True out."
        raise RuntimeError(msg)

    @classmethod
    def _set_up_if_needed(cls, adata: AnnData, binning: Binning) -> None:
        """Set up the data if needed, and refuse data with other bins than those of the weights."""
        ensure_prepared(adata, like=binning)
        if cls._get_most_recent_anndata_manager(adata, required=False) is None:
            logger.info("adata was not set up: running %s.setup_anndata(adata) without labels", cls.__name__)
            cls.setup_anndata(adata)

    @classmethod
    def _registry_without_data(cls, options: dict[str, Any]) -> dict[str, Any]:
        """The registry of a one-cell AnnData, which scvi-tools needs to set up data that are passed later."""
        vocabulary = load_vocabulary()
        x = sp.csr_matrix((np.ones(1, np.float32), ([0], [0])), shape=(1, len(vocabulary)))
        stub = AnnData(x, var=pd.DataFrame(index=vocabulary.symbols))
        with quiet():
            prepare(stub, min_genes=0, min_counts=0, **options)
            cls.setup_anndata(stub)
        return cls._get_most_recent_anndata_manager(stub, required=True)._registry

    def _load_pretrained(self, state: dict[str, torch.Tensor], card: dict[str, Any], name: str) -> None:
        """Load the weights; all must fit, and only parts that are not pretrained keep their initial values."""
        own = self.module.state_dict()
        optional = (*self._not_pretrained, *heads_without_weights(own, state))
        wanted = {k: v for k, v in own.items() if k in state or not k.startswith(optional or "\0")}
        found = misfits(shapes_of(state), shapes_of(wanted))
        if found:
            msg = f"{name} does not fit its own card ({describe(found)}): it is damaged or from another scellm version."
            raise ValueError(msg)
        for key, value in state.items():
            if key.endswith("hashed_index") and not bool(
                ((value >= 0) & (value < self.module.config.hashed_dim)).all()
            ):
                msg = f"{name} is damaged: {key} holds places outside of {self.module.config.hashed_dim:,} dimensions."
                raise ValueError(msg)
        self.module.load_state_dict({k: v.to(own[k].dtype) for k, v in state.items()}, strict=False)


def _binning_of(card: dict[str, Any], name: object) -> Binning:
    """The bins that a card states; raises ValueError if they are not possible."""
    try:
        stated = Binning.from_dict(card["binning"])
        return make_binning(stated.target_sum, stated.log_base, stated.n_bins, stated.edges)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{name} is damaged: its card states no possible bins ({error})."
        raise ValueError(msg) from error


def _check_vocabulary(card: dict[str, Any]) -> None:
    vocabulary = load_vocabulary()
    if card["vocabulary_sha256"] != vocabulary.sha256:
        msg = (
            f"The weights were made for the vocabulary {card['vocabulary']}, and this version has "
            f"{vocabulary.version}: install scellm {card['scellm']}."
        )
        raise ValueError(msg)


def heads_without_weights(own: dict[str, Any], state: dict[str, Any]) -> tuple[str, ...]:
    """Heads of objectives that were added since the weights were made; they keep their initial values."""
    heads = {".".join(k.split(".")[:2]) + "." for k in own if k.startswith("heads.")}
    return tuple(h for h in heads if not any(k.startswith(h) for k in state))

"""Save a model and load it again."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from os import PathLike
from pathlib import Path
from typing import Any, Self

import pandas as pd
from anndata import AnnData
from torch import Tensor

from scellm._compat import device_of
from scellm._inputs import require_anndata
from scellm._tensors import damaged, require_finite
from scellm.model._pretrained import PretrainedModel, heads_without_weights
from scellm.model._saved import CELLS, check_stamp, read_cells, read_model, require_new_folder, stamp, write_model
from scellm.weights._state import describe, misfits, shapes_of


class SavedModel(PretrainedModel):
    """The methods that save a model with its heads, and load it."""

    history_: dict[str, pd.DataFrame] | None

    @abstractmethod
    def _types(self) -> list[str]:
        """Names of the cell types; a model without an annotation head has none."""

    def save(
        self,
        dir_path: str | PathLike,
        prefix: str | None = None,
        *,
        overwrite: bool = False,
        save_anndata: bool = False,
        **anndata_write_kwargs: Any,
    ) -> None:
        """Save the model with its heads, types and history, to go on with :meth:`load`.

        One file, `model.safetensors`, holds all; it is replaced at once, and contains no pickle. `model.json` is a copy
        of its header for people to read.

        Parameters
        ----------
        dir_path
            Folder to write to.
        prefix
            Beginning of the names of the files.
        overwrite
            Replace a model that is there; other files are never touched.
        save_anndata
            Save the cells as well, as `adata.h5ad`.
        **anndata_write_kwargs
            For `anndata.AnnData.write_h5ad`.

        Returns
        -------
        None
            Writes two files, or three; of several processes that share a run, the first alone writes.

        Raises
        ------
        FileExistsError
            If the folder exists and `overwrite` is false.
        ValueError
            If weights are not finite, or there are no cells to save.
        OSError
            If it cannot be written; a model that was there stays as it was.
        """
        folder, start = Path(dir_path), prefix or ""
        elsewhere = self._processes.leaves_writing("save")
        if not elsewhere:
            require_new_folder(folder, overwrite=overwrite)
        if save_anndata and self.adata is None:
            msg = "The model has no cells of its own to save. Leave save_anndata out."
            raise ValueError(msg)
        state = self._saved_state()
        require_finite(state, "The model", but=self._gaps())
        if elsewhere:
            return
        write_model(folder, start, state, self._saved_facts())
        if save_anndata:
            self.adata.write_h5ad(folder / f"{start}{CELLS}", **anndata_write_kwargs)

    def _gaps(self) -> str | None:
        """Imported weights know not all genes of the vocabulary: their gene table has gaps, and only that."""
        return "embedding.gene.weight" if self._init_options().get("compat") else None

    def _saved_state(self) -> dict[str, Tensor]:
        """The tensors of the module; a subclass may add its own."""
        return dict(self.module.state_dict())

    def _saved_facts(self) -> dict[str, Any]:
        """Plain values that make the same model again."""
        return {
            **stamp(type(self).__name__),
            "options": self._init_options(),
            "configs": self.configs_,
            "is_trained": bool(self.is_trained_),
            "types": self._types(),
            "registry": self.registry_,
            "history": dict(self.history_ or {}),
        }

    @classmethod
    def load(
        cls,
        dir_path: str | PathLike,
        adata: AnnData | bool | None = None,  # noqa: FBT001  as in scvi-tools
        accelerator: str = "auto",
        device: int | str = "auto",
        prefix: str | None = None,
    ) -> Self:
        """Load a model that :meth:`save` wrote. No code in the file is executed.

        Parameters
        ----------
        dir_path
            The folder.
        adata
            Cells; set up as the training data were. Their genes may differ: they are matched by name. By default the
            cells that were saved with the model, or none; `False` for none. A model without cells embeds and annotates
            any data that you pass later.
        accelerator, device
            As in scvi-tools.
        prefix
            As for :meth:`save`.

        Returns
        -------
        CellLM
            The model.

        Raises
        ------
        FileNotFoundError
            If there is no model.
        ValueError
            If it is of another class, an earlier format or another vocabulary, or is damaged.
        """
        folder = Path(dir_path)
        state, facts = read_model(folder, prefix or "")
        check_stamp(facts, cls.__name__, folder)
        cells = read_cells(folder, prefix or "") if adata is None else (adata or None if adata is False else adata)
        registry = facts["registry"]
        if cells is not None:
            require_anndata(cells, f"{cls.__name__}.load")
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*var_names.*", category=UserWarning)
                cls.setup_anndata(cells, source_registry=registry, **registry["setup_args"])
        model = cls(cells, None if cells is not None else registry, **facts["options"])
        model._restore(state, facts, folder)
        model.to_device(device_of(accelerator, [device] if isinstance(device, int) else "auto"))
        model.module.eval()
        return model

    def _restore(self, state: dict[str, Tensor], facts: dict[str, Any], folder: Path) -> None:
        """Put the saved tensors and facts back."""
        own = self.module.state_dict()
        later = heads_without_weights(own, state)
        wanted = {k: v for k, v in own.items() if not k.startswith(later or "\0")}
        found = misfits(shapes_of(state), shapes_of(wanted))
        if found:
            raise damaged(folder, describe(found))
        require_finite(state, str(folder), but=self._gaps())
        self.module.load_state_dict(state, strict=False)
        self.configs_, self.is_trained_ = facts["configs"], bool(facts.get("is_trained", True))
        self.history_ = facts.get("history") or None

"""Save a DrugResponse and load it again."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Self

import pandas as pd
from anndata import AnnData
from scvi.model.base import BaseModelClass
from torch import Tensor

from scellm._inputs import require_anndata
from scellm._tensors import damaged, read_tensors, require_finite, write_tensors
from scellm.model._response_state import PREFIX, ResponseState
from scellm.model._saved import (
    CELLS,
    FORMAT,
    check_stamp,
    decoded,
    encoded,
    read_cells,
    read_model,
    require_new_folder,
    stamp,
    write_model,
)
from scellm.weights import find_weights
from scellm.weights._state import describe, misfits, shapes_of

WEIGHTS = "weights.safetensors"


class SavedResponse(BaseModelClass):
    """The methods of DrugResponse that save and load."""

    state_: ResponseState | None
    history_: dict[str, pd.DataFrame] | None
    configs_: dict[str, dict[str, Any]]
    _shape: dict[str, Any]
    _encoder_name: str

    def save(
        self,
        dir_path: str | PathLike,
        prefix: str | None = None,
        *,
        overwrite: bool = False,
        save_anndata: bool = False,
        **anndata_write_kwargs: Any,
    ) -> None:
        """Save what was learned, in one file without pickle; the responses themselves are not in it.

        Parameters
        ----------
        dir_path
            Folder to write to.
        prefix
            Beginning of the names of the files.
        overwrite
            Replace a model that is there.
        save_anndata
            Save the profiles as well, as `adata.h5ad`.
        **anndata_write_kwargs
            For `anndata.AnnData.write_h5ad`.

        Returns
        -------
        None
            Writes `model.safetensors` and, to read, `model.json`.

        Raises
        ------
        FileExistsError
            If the folder exists and `overwrite` is false.
        RuntimeError
            If the model was not trained.
        ValueError
            If there are no profiles to save.
        """
        folder, start = Path(dir_path), prefix or ""
        require_new_folder(folder, overwrite=overwrite)
        if save_anndata and self.adata is None:
            msg = "The model has no profiles of its own to save. Leave save_anndata out."
            raise ValueError(msg)
        state, facts = self._saved()
        write_model(folder, start, state, facts | {"registry": self.registry_, "types": []})
        if save_anndata:
            self.adata.write_h5ad(folder / f"{start}{CELLS}", **anndata_write_kwargs)

    @classmethod
    def load(
        cls,
        dir_path: str | PathLike,
        adata: AnnData | bool | None = None,  # noqa: FBT001  as in scvi-tools
        accelerator: str = "auto",
        device: int | str = "auto",
        prefix: str | None = None,
    ) -> Self:
        """Load a model that :meth:`save` wrote.

        Parameters
        ----------
        dir_path
            The folder.
        adata
            Profiles for :meth:`predict`; by default those that were saved with the model, or none.
        accelerator, device
            As in scvi-tools; predictions are computed on the CPU.
        prefix
            As for :meth:`save`.

        Returns
        -------
        DrugResponse
            It predicts; to train, make a new one with the responses.

        Raises
        ------
        FileNotFoundError
            If there is no model.
        ValueError
            If it is of another class or vocabulary, or is damaged.
        """
        folder = Path(dir_path)
        state, facts = read_model(folder, prefix or "")
        check_stamp(facts, cls.__name__, folder)
        cells = read_cells(folder, prefix or "") if adata is None else (adata or None if adata is False else adata)
        if cells is not None:
            require_anndata(cells, f"{cls.__name__}.load")
            # The saved profiles name a set-up of the process that saved them; those of a user keep their own.
            if adata is None or cls._get_most_recent_anndata_manager(cells, required=False) is None:
                arguments = facts["registry"]["setup_args"]
                cls.setup_anndata(cells, **{k: v for k, v in arguments.items() if _is_there(cells, k, v)})
        return cls._restored(state, facts, folder, cells)

    def save_pretrained(self, folder: str | PathLike, **card: Any) -> None:
        """Save what was learned as one file to share, with a card.

        The terms of the responses hold for what is learned from them: say them as `licence`.

        Parameters
        ----------
        folder
            Folder for `weights.safetensors`.
        **card
            Information for readers, as plain values: `name`, `licence`, `data`, `metrics`, ...

        Returns
        -------
        None
            Writes one file.

        Raises
        ------
        RuntimeError
            If the model was not trained.
        """
        state, facts = self._saved()
        header = {"format": FORMAT, **encoded({**facts, "registry": self.registry_, "types": [], "card": card})}
        write_tensors(Path(folder) / WEIGHTS, state, header)

    @classmethod
    def from_pretrained(
        cls, name: str | PathLike, adata: AnnData | None = None, *, known_hash: str | None = None
    ) -> Self:
        """Load a file that :meth:`save_pretrained` wrote.

        Parameters
        ----------
        name
            The folder, the file, or a URL of it.
        adata
            Profiles for :meth:`predict`, set up if they were not.
        known_hash
            SHA-256 that the file must have.

        Returns
        -------
        DrugResponse
            It predicts.

        Raises
        ------
        ValueError
            If the file does not exist, is damaged, or is no DrugResponse.
        """
        found = Path(find_weights(name, known_hash))
        path = found / WEIGHTS if found.is_dir() else found
        if not path.exists():
            msg = (
                f"{path} does not exist; expected a file of save_pretrained. DrugResponse.load reads a folder of save."
            )
            raise ValueError(msg)
        state, header = read_tensors(path)
        facts = decoded(header)
        check_stamp(facts, cls.__name__, path)
        if adata is not None and cls._get_most_recent_anndata_manager(adata, required=False) is None:
            cls.setup_anndata(adata, units=facts["registry"]["setup_args"].get("units", "auto"))
        return cls._restored(state, facts, path, adata)

    def _saved(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors, and plain values that make the same model again."""
        learned = self._learned()
        state = {**self.module.state_dict(), **learned.tensors()}
        require_finite(state, "The model")
        return state, {
            **stamp(type(self).__name__),
            "options": {"shape": self._shape, "reads": self._encoder_name},
            "configs": self.configs_,
            "history": dict(self.history_ or {}),
            "response": learned.facts() | {"n_heads": len(self.module.heads)},
        }

    @classmethod
    def _restored(cls, state: dict[str, Tensor], facts: dict[str, Any], path: Path, adata: AnnData | None) -> Self:
        require_finite(state, str(path))
        try:
            return cls._of_facts(state, facts, path, adata)
        except KeyError as error:
            raise damaged(path, f"it lacks {error}") from error

    @classmethod
    def _of_facts(cls, state: dict[str, Tensor], facts: dict[str, Any], path: Path, adata: AnnData | None) -> Self:
        response, shape = facts["response"], facts["options"]["shape"]
        model = cls(
            adata,
            None if adata is not None else facts["registry"],
            encoder="random" if shape else "expression",
            drug_encoder=response["drug_encoder"],
            **shape,
        )
        try:
            learned = ResponseState.of(state, response, model.module.cell_encoder)
        except ValueError as error:
            raise damaged(path, str(error)) from error
        width, n_heads = learned.features.width, int(response["n_heads"])
        model.module.make_heads(learned.head, n_heads, width, learned.drugs.width(learned.head))
        weights = {k: v for k, v in state.items() if not k.startswith(PREFIX)}
        found = misfits(shapes_of(weights), shapes_of(model.module.state_dict()))
        if found:
            raise damaged(path, describe(found))
        model.module.load_state_dict(weights)
        model.module.eval()
        model._encoder_name = facts["options"]["reads"]
        model.state_, model.configs_ = learned, facts["configs"]
        model.history_, model.is_trained_ = facts.get("history") or None, True
        model._model_summary_string = model._summary()
        return model


def _is_there(adata: AnnData, name: str, value: Any) -> bool:
    """Whether an argument of set-up fits other data: a column or a layer may be missing there."""
    if name == "line_key":
        return value in adata.obs
    return name != "layer" or value in adata.layers

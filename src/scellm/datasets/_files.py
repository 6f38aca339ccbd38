"""Public files: addresses, SHA-256 where one is published, and where they come from on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from scellm._download import download, sha256
from scellm._logging import logger

FOLDER = "SCELLM_DATA_DIR"
"""Environment variable: a folder of files that were downloaded before."""

MIRROR = "SCELLM_DATA_MIRROR"
"""Environment variable: an address that holds the files under their names."""


@dataclass(frozen=True)
class PublicFile:
    """A file at a public address.

    Parameters
    ----------
    name
        Its name.
    url
        Its address.
    sha256
        What it must hash to; `None` if no hash is published.
    """

    name: str
    url: str
    sha256: str | None = None

    def fetch(self) -> Path:
        """The file: from `SCELLM_DATA_DIR` if it is there, else downloaded once.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        ConnectionError
            If the download fails; the message says how to go on without a network.
        ValueError
            If the file does not have the published hash.
        """
        folder = data_folder()
        if folder is not None and (folder / self.name).exists():
            return self._checked(folder / self.name)
        if self.sha256 is None:
            logger.warning("%s: no hash is published for it, so its contents cannot be checked", self.name)
        mirror = os.environ.get(MIRROR)
        if mirror and not mirror.startswith(("http://", "https://")):
            msg = f"{MIRROR}={mirror!r} is no address; expected https://... A folder is named by {FOLDER}."
            raise ValueError(msg)
        url = f"{mirror.rstrip('/')}/{self.name}" if mirror else self.url
        hint = f"put it, under the name {self.name}, into the folder that {FOLDER} names"
        return download(url, self.sha256, self.name, default_name=self.name, hint=hint)

    def _checked(self, path: Path) -> Path:
        if self.sha256 is not None and (found := sha256(path)) != self.sha256:
            msg = (
                f"{path} is not the published file: its SHA-256 begins with {found[:12]}, expected {self.sha256[:12]}. "
                f"Take it from {self.url}."
            )
            raise ValueError(msg)
        return path


def data_folder() -> Path | None:
    """The folder that `SCELLM_DATA_DIR` names; raises NotADirectoryError if it is none."""
    named = os.environ.get(FOLDER)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        msg = f"{FOLDER}={named!r} is no folder."
        raise NotADirectoryError(msg)
    return folder

"""Words for tumour and normal."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

from scellm._labels import Labels

NORMAL, TUMOR, UNKNOWN = 0, 1, -1

_NORMAL = re.compile(
    r"\bnormal|\bhealthy\b|\bcontrol\b|\bctrl\b|\bbenign\b|\bdiploid\b|\badjacent\b|\bfalse\b|"
    r"\bnon ?(?:tumou?r|malignant|cancer|neoplastic)|\b(?:no|not) (?:tumou?r|cancer)|(?:tumou?r|cancer) free|"
    r"\bpara ?(?:tumou?r|cancer)|\bperi ?tumou?r"
)
_TUMOR = re.compile(
    r"tumou?r|cancer|malignan|carcinoma|adenoca|metasta|neoplas|leuka?emia|lymphoma|melanoma|sarcoma|glioma|"
    r"blastoma|myeloma|mesothelioma|seminoma|thymoma|\baneuploid\b|\btrue\b"
)


def malignancy_codes(obs: pd.DataFrame, key: str) -> pd.Series:
    """Convert words to codes.

    Parameters
    ----------
    obs
        `adata.obs`.
    key
        Column with words such as "tumor", "Primary Tumor", "cancer", "malignant", "normal", "normal_adjacent",
        "healthy", in upper or lower case; or booleans, true for tumour.

    Returns
    -------
    pandas.Series
        int64, (cells,): 1 tumour, 0 normal, -1 anything else.

    Warns
    -----
    UserWarning
        If words were not understood; the warning names them.
    """
    labels = Labels.of(obs, key, None, quiet=True)
    codes = {word: code_of(word) for word in labels.types}
    unknown = {word: n for word, n in labels.types.items() if codes[word] == UNKNOWN}
    if unknown:
        found = ", ".join(f"{word!r} ({n:,} cells)" for word, n in list(unknown.items())[:6])
        msg = (
            f"obs[{key!r}]: {found} is no known word for tumour or normal; these cells are ignored by the malignancy "
            "objective. Use words such as 'tumor' and 'normal'."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)
    values = [codes.get(str(name), UNKNOWN) for name in labels.names]
    return pd.Series(np.array(values, np.int64), index=obs.index)


def code_of(word: str) -> int:
    """Code of one word: 1 tumour, 0 normal ("normal adjacent to tumour" too), -1 anything else."""
    plain = re.sub(r"[\W_]+", " ", word.lower()).strip().replace("normal like", "")  # a subtype of breast cancer
    if _NORMAL.search(plain):
        return NORMAL
    return TUMOR if _TUMOR.search(plain) else UNKNOWN


def both_classes(codes: np.ndarray) -> int:
    """Number of cells known to be tumour or normal; 0 if one of the two is missing, as nothing can be learned then."""
    tumor, normal = int((codes == TUMOR).sum()), int((codes == NORMAL).sum())
    return tumor + normal if tumor and normal else 0

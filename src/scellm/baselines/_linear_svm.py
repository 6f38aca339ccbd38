"""A linear support vector machine on log-normalised expression."""

from __future__ import annotations

from sklearn.svm import LinearSVC

from scellm.baselines._logistic_regression import LogisticRegression


class LinearSVM(LogisticRegression):
    """Linear support vector machine on `log1p` of counts per 10,000, each gene divided by its largest value.

    It was the best of 22 methods in the comparison of Abdelaal et al. 2019 (Genome Biology 20:194). It gives no
    probabilities: `predict_proba` raises AttributeError.

    Parameters
    ----------
    C
        Inverse strength of the penalty.

    Examples
    --------
    >>> baseline = scellm.baselines.LinearSVM().fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self, C: float = 1.0) -> None:
        super().__init__(LinearSVC(C=C, random_state=0))

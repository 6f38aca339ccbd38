import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import scellm
from scellm import bm

mpl.use("Agg")


def table(scores, metric="macro_f1"):
    rows = [
        {"task": t, "method": m, "seed": s, "metric": metric, "value": v + 0.01 * s}
        for t, row in scores.items()
        for m, v in row.items()
        for s in (-1, 1)
    ]
    return pd.DataFrame(rows)


SCORES = {"a": {"x": 0.5, "y": 0.7, "z": 0.7}, "b": {"x": 0.9, "y": 0.3, "z": 0.6}}


def shown(ax):
    """Methods from top to bottom, and the mean rank of each."""
    names = [t.get_text() for t in ax.get_yticklabels()]
    return dict(zip(names, ax.collections[-1].get_offsets()[:, 0], strict=True))


def test_ranks_are_means_over_tasks_and_equal_scores_share_one():
    ax = scellm.pl.scoreboard(table(SCORES))
    assert shown(ax) == {"z": 1.75, "x": 2.0, "y": 2.25}
    assert [t.get_text() for t in ax.texts] == ["0.650", "0.700", "0.500", "mean"]
    assert "rank by macro_f1 on 2 tasks" in ax.get_xlabel()
    np.testing.assert_allclose(ax.collections[0].get_offsets()[:, 0], [1.5, 2.0])


def test_lower_is_better_where_the_metric_says_so():
    assert shown(scellm.pl.scoreboard(table(SCORES, "log_loss"))) == {"y": 1.75, "x": 2.0, "z": 2.25}


def test_results_of_a_run_and_a_highlighted_method(adata):
    methods = {"majority": scellm.baselines.MajorityType, "PCA": lambda: scellm.baselines.PCALogisticRegression(5)}
    results = bm.run([bm.Task("blood", adata, "cell_type", bm.FewLabels(5))], methods, seeds=2)
    ax = scellm.pl.scoreboard(results, highlight="PCA")
    assert shown(ax) == {"PCA": 1.0, "majority": 2.0}
    colours = ax.collections[-1].get_facecolors()
    assert not np.allclose(colours[0], colours[1])


def test_wrong_input():
    with pytest.raises(ValueError, match=r"metric='accuracy' was not computed; the results hold \['macro_f1'\]"):
        scellm.pl.scoreboard(table(SCORES), metric="accuracy")
    with pytest.raises(ValueError, match=r"highlight='w' is no method"):
        scellm.pl.scoreboard(table(SCORES), highlight="w")
    part = table({**SCORES, "c": {"x": 0.1}})
    with pytest.raises(ValueError, match=r"missing: 'y' on 'c', 'z' on 'c'"):
        scellm.pl.scoreboard(part)

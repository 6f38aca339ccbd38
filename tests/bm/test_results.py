import pandas as pd

from scellm import bm


def test_shows_its_size():
    rows = [{"task": t, "method": m, "seed": s} for t in "ab" for m in "xyz" for s in range(4)]
    assert "2 tasks, 3 methods, 4 seeds" in repr(bm.Results(pd.DataFrame(rows), {}, {}))

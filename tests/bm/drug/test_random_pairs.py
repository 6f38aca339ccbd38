import numpy as np
import pandas as pd
import pytest

from scellm.bm.drug import DrugData, RandomPairs
from tests.responses import SMILES, make_data


def test_shares_and_no_overlap():
    data = make_data()
    train, test = RandomPairs(0.1, 0.1)(data, np.random.default_rng(0))
    n = data.known.sum()
    assert not (train & test).any()
    assert not ((train | test) & ~data.known).any()
    assert test.sum() == round(0.1 * n)
    assert train.sum() == n - round(0.2 * n)


def test_the_seed_decides():
    data = make_data()
    draw = lambda seed: RandomPairs()(data, np.random.default_rng(seed))[1]
    assert (draw(1) == draw(1)).all()
    assert (draw(1) != draw(2)).any()


def test_two_names_of_a_molecule_are_one_pair():
    data = make_data()
    table = data.responses.assign(**{"acetylsalicylic acid": data.responses["aspirin"]})
    smiles = pd.concat([SMILES, pd.Series({"acetylsalicylic acid": SMILES["aspirin"]})])
    train, test = RandomPairs(0.3, 0.1)(DrugData(data.lines, table, smiles), np.random.default_rng(0))
    one, other = table.columns.get_loc("aspirin"), table.columns.get_loc("acetylsalicylic acid")
    np.testing.assert_array_equal(train[:, one], train[:, other])
    np.testing.assert_array_equal(test[:, one], test[:, other])


def test_no_pair_to_test():
    data = make_data(n_lines=10)
    with pytest.raises(ValueError, match=r"RandomPairs: .* 0 to test"):
        RandomPairs(0.001, 0.5)(data, np.random.default_rng(0))

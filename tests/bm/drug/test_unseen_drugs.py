import numpy as np
import pandas as pd

from scellm.bm.drug import DrugData, UnseenDrugs
from tests.responses import SMILES, make_data


def test_two_names_of_a_molecule_are_on_one_side():
    data = make_data()
    table = data.responses.assign(**{"acetylsalicylic acid": data.responses["aspirin"]})
    smiles = pd.concat([SMILES, pd.Series({"acetylsalicylic acid": SMILES["aspirin"]})])
    twice = DrugData(data.lines, table, smiles)
    for seed in range(20):
        train, test = UnseenDrugs()(twice, np.random.default_rng(seed))
        assert not (train.any(0) & test.any(0)).any()
        sides = pd.Series(test.any(0), index=table.columns)
        assert sides["aspirin"] == sides["acetylsalicylic acid"]

from scellm.nn import make_config
from scellm.train import CONTRASTS, OBJECTIVES, BatchObjective, CellObjective, PretrainingConfig, TokenObjective
from scellm.train.objectives._registry import make_heads, token_objectives
from tests.conftest import SMALL


def test_names_are_those_of_the_classes():
    for name, objective in OBJECTIVES.items():
        assert objective.name == name
        assert issubclass(objective, TokenObjective | CellObjective | BatchObjective)
    assert set(PretrainingConfig().objectives) == set(OBJECTIVES) - {"denoise"}


def test_every_token_objective_is_made_from_the_options_and_has_a_head():
    options, config = vars(PretrainingConfig(mask_rate=0.3)), make_config("mini", 50, **SMALL)
    assert token_objectives()["masked"].of(options).rate == 0.3
    assert {name: type(make(config)).__name__ for name, make in make_heads().items()} == {
        "masked": "MaskedHead",
        "malignancy": "MalignancyHead",
        "denoise": "ProfileHead",
    }


def test_contrasts_share_the_name_of_their_loss():
    assert {c.name for c in CONTRASTS.values() if c is not None} == {"contrastive"}

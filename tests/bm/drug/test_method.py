from scellm.baselines.drug import DrugBaseline
from scellm.bm.drug import DrugMethod
from scellm.model import DrugResponseMethod


def test_baselines_and_the_model_have_the_methods_of_the_interface():
    for method in (DrugBaseline, DrugResponseMethod):
        assert {n for n in vars(DrugMethod) if not n.startswith("_")} <= set(dir(method))

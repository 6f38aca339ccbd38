from scvi.data import AnnDataManager

from scellm.model._profile_field import ProfileField
from tests.responses import make_lines


def test_a_query_may_have_other_genes():
    manager = AnnDataManager(fields=[ProfileField()], setup_method_args={})
    lines = make_lines()
    manager.register_fields(lines)
    other = make_lines(n_genes=150, seed=5)
    manager.transfer_fields(other)
    assert lines.n_vars != other.n_vars

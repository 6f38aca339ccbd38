import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from scellm.drug import Profiles, Route
from tests.responses import make_lines

LINES = make_lines(n_lines=40, n_genes=200)
PROFILES = Profiles.of(LINES)
ROUTE = Route.fit(PROFILES, np.arange(30))


def test_it_is_the_formula():
    scores = norm.ppf((rankdata(LINES.X, axis=1) - 0.5) / 200)
    mean, sd = scores[:30].mean(0), scores[:30].std(0)
    want = np.clip((scores - mean) / np.maximum(sd, 0.1 * np.median(sd)), -3, 3)
    np.testing.assert_allclose(ROUTE.deviations(PROFILES), want, atol=1e-5)  # ranks in 16 bits lose nothing


@given(st.floats(0.01, 1000), st.floats(0.2, 4))
def test_scale_and_shape_of_a_platform_do_not_matter(scale, power):
    other = Profiles(scale * np.asarray(PROFILES.x, np.float64) ** power, PROFILES.genes, "tpm")
    np.testing.assert_allclose(ROUTE.deviations(other), ROUTE.deviations(PROFILES), atol=1e-5)


def test_fewer_genes_are_compared_with_lines_on_those_genes():
    some = np.arange(0, 200, 2)
    part = Profiles(PROFILES.x[:, some], PROFILES.genes[some], "tpm")
    found = ROUTE.deviations(part)
    assert (found[:, 1::2] == 0).all()
    again = Route.fit(part, np.arange(30)).deviations(part)
    np.testing.assert_allclose(found[:, some], again, atol=1e-5)
    assert ROUTE.domain(part).genes == 0.5
    assert ROUTE.domain(part).enough_genes
    few = Profiles(PROFILES.x[:, :80], PROFILES.genes[:80], "tpm")
    assert not ROUTE.domain(few).inside.any()


def test_a_line_resembles_itself_and_noise_resembles_none():
    found = ROUTE.domain(PROFILES.select(np.arange(30)))
    assert found.nearest.tolist() == list(range(30))
    assert (found.similarity > 0.99).all()
    assert found.inside.all()
    noise = Profiles(np.random.default_rng(0).random((5, 200)), PROFILES.genes, "tpm")
    assert not ROUTE.domain(noise).inside.any()


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="No gene of the training lines"):
        ROUTE.deviations(Profiles(np.ones((1, 1)), np.array([-5]), "tpm"))
    by_gene = Profiles(PROFILES.x, PROFILES.genes, "standardized by gene")
    with pytest.raises(ValueError, match="centred over lines hold no levels"):
        ROUTE.deviations(by_gene)
    with pytest.raises(ValueError, match="centred over lines hold no levels"):
        Route.fit(by_gene, np.arange(30)).deviations(PROFILES)
    few = Profiles(PROFILES.x[:5], PROFILES.genes, "standardized")  # too few to say what was centred
    assert Route.fit(by_gene, np.arange(30)).deviations(few).shape == (5, 200)


def test_a_gene_that_is_always_the_highest_has_no_deviation():
    x = np.asarray(PROFILES.x, np.float64).copy()
    x[:, 7] = 1e6
    top = Profiles(x, PROFILES.genes, "tpm")
    np.testing.assert_allclose(Route.fit(top, np.arange(30)).deviations(top)[:, 7], 0, atol=1e-5)

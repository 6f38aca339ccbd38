"""A view of its own: leave out the genes with a single molecule."""

from scellm.data import Counts


def without_singletons(counts: Counts, key: int) -> Counts:
    """Genes with at least two molecules; a random view would draw from `scellm._random.uniform(key, ...)`."""
    return counts.keep(counts.count > 1, counts.count, counts.total)

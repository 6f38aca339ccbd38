import gzip
from importlib.resources import files

from scellm._assets import read_asset


def test_reads_a_file_and_decompresses_it():
    packed = files("scellm.genes").joinpath("vocabulary_hgnc_2020_05.tsv.gz").read_bytes()
    assert read_asset("scellm.genes", "vocabulary_hgnc_2020_05.tsv.gz") == gzip.decompress(packed)
    assert read_asset("scellm.weights", "weights.json").startswith(b"{")

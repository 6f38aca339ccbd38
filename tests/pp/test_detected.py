from scellm.pp._detected import COUNTS, LOG, NO, DetectedInput, unusable


def test_kinds():
    assert DetectedInput(COUNTS, "").is_counts
    assert not DetectedInput(LOG, "").is_counts
    assert DetectedInput(LOG, "").usable
    refused = unusable("why")
    assert (refused.usable, refused.why, refused.level) == (False, "why", NO)

from scellm.tl._columns import column_names


def test_names_that_files_can_hold():
    assert column_names(["T/NK", "T|NK", "_index", "B"]) == ["T|NK", "T|NK (1)", "type '_index'", "B"]

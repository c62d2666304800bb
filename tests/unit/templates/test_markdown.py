"""Tables and blocks of documents that are written by hand and by the project."""

import pytest

from generator import markdown

TEXT = "# A\n\n<!-- one -->\nold\n<!-- end -->\n\nprose\n\n<!-- two -->\n<!-- end -->\n"


def test_a_block_is_replaced_and_the_prose_around_it_stays():
    assert markdown.with_block(TEXT, "one", "new\n") == TEXT.replace("old\n", "\nnew\n\n")
    assert markdown.with_block(TEXT, "two", "new\n") == TEXT.replace("two -->\n", "two -->\n\nnew\n\n")


def test_replacing_twice_changes_nothing_more():
    once = markdown.with_block(TEXT, "two", r"a \1 b")
    assert markdown.with_block(once, "two", r"a \1 b") == once


@pytest.mark.parametrize("text, times", [(TEXT, 0), (TEXT + TEXT, 2), ("<!-- three -->\nnever ended\n", 0)])
def test_a_block_that_is_not_there_once_is_an_error(text, times):
    name = "one" if times else "three"
    with pytest.raises(ValueError, match=f"{times} blocks <!-- {name} -->"):
        markdown.with_block(text, name, "new")


def test_a_bar_in_a_cell_does_not_end_it():
    assert markdown.table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b\\|c |\n"

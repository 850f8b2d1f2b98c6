"""Flags become values, or a message with an example."""

import pytest

from overread.data.options import DataOptions, map_names, parse_map_labels, parse_split_map
from overread.errors import InputError


def test_map_labels_reads_joins_and_the_rest():
    assert parse_map_labels("mel + bcc=bad, *=good") == {"mel": "bad", "bcc": "bad", "*": "good"}


def test_a_backslash_keeps_signs_in_names():
    assert parse_map_labels(r"HER2\+=a\,b,x\=y=z") == {"HER2+": "a,b", "x=y": "z"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not OLD=NEW"),
        ("a", "'a' is not OLD=NEW"),
        ("a=b=c", "is not OLD=NEW"),
        ("a=", "is not OLD=NEW"),
        ("a+=b", "a name beside '+' is empty"),
        ("a=b,a=c", "'a' stands in it twice"),
    ],
)
def test_rules_that_say_nothing_are_refused_with_an_example(text, said):
    with pytest.raises(InputError) as caught:
        parse_split_map(text)
    assert said in str(caught.value)
    assert "--split-map odd=train,even=test" in str(caught.value)


def test_names_that_do_not_occur_get_the_nearest():
    with pytest.raises(InputError, match=r"'nevis' does not occur in the data. Did you mean 'nevus'\?"):
        map_names("--map-labels", ["nevus", "mel"], {"nevis": "x", "*": "y"})


def test_names_without_a_rule_stay_or_go_with_the_rest():
    assert map_names("--map-labels", ["a", "b"], {"a": "c"}) == {"a": "c", "b": "b"}
    assert map_names("--map-labels", ["a", "b"], {"a": "c", "*": "d"}) == {"a": "c", "b": "d"}


@pytest.mark.parametrize(("field", "value"), [("task", "clasification"), ("on_bad_image", "skipp")])
def test_an_unknown_choice_is_refused(field, value):
    with pytest.raises(InputError, match="Did you mean"):
        DataOptions(**{field: value})

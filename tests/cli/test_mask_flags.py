"""The flags of masks as data: what they become, in every verb that reads DATA, and how they are refused."""

import click
import pytest
from click.testing import CliRunner

from overread.cli import options
from overread.cli.main import main
from overread.data.options import DataOptions

ISSUE = [
    *("--split-map", "odd=train,even=test"),
    *("--merge", "lungs=left_lung+right_lung", "--merge", "clavicles=left_clavicle+right_clavicle"),
]


@pytest.fixture
def parsed():
    """What the data flags of a command line become."""
    seen = []

    @click.command()
    @options.data_flags
    def command(source, **flags):
        seen.append(options.data_options(flags))
        assert not flags

    def parse(*flags):
        result = CliRunner().invoke(command, ["data", *flags])
        assert result.exit_code == 0, result.output
        return seen.pop()

    return parse


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], {}),
        (["--task", "segmentation", "--mask-col", "m"], {"task": "segmentation", "mask_col": "m"}),
        (["--spacing", "0.7"], {"spacing": 0.7}),
        (["--structures", "exclusive"], {"structures": "exclusive"}),
        (["--map-labels", "1=heart,2+3=lungs"], {"map_labels": {"1": "heart", "2": "lungs", "3": "lungs"}}),
        (["--merge", "c=a+b,f=d+e"], {"merge": {"c": ("a", "b"), "f": ("d", "e")}}),
        (
            ISSUE,
            {
                "split_map": {"odd": "train", "even": "test"},
                "merge": {
                    "lungs": ("left_lung", "right_lung"),
                    "clavicles": ("left_clavicle", "right_clavicle"),
                },
            },
        ),
    ],
)
def test_flags_become_options(parsed, flags, expected):
    assert parsed(*flags) == DataOptions(**expected)


@pytest.mark.parametrize("verb", ["audit", "train", "predict", "corrupt"])
def test_every_verb_that_reads_data_has_them(verb, capsys):
    assert main([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    for flag in (
        "--task [classification|segmentation]",
        "--mask-col",
        "--merge",
        "--structures",
        "--spacing",
    ):
        assert flag in shown


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("left_lung+right_lung=lungs", "the new name stands first. Try: --merge lungs=left_lung+right_lung"),
        ("lungs", "'lungs' is not NEW=OLD+OLD"),
        ("lungs=", "is not NEW=OLD+OLD"),
        ("lungs=a+", "is not NEW=OLD+OLD"),
        ("a=b=c", "is not NEW=OLD+OLD"),
        ("x=a+b,x=c", "'x' is made twice. Name all that it is made of at once: --merge x=A+B+C"),
        ("x=a+b,y=b+c", "'b' is merged twice"),
        ("x=a+a", "'a' is merged twice"),
    ],
)
def test_a_merge_that_says_nothing_is_refused_with_the_cure(merge, expected, capsys, tmp_path):
    assert main(["audit", "data", "-o", str(tmp_path / "run"), "--merge", merge]) == 2
    assert expected in capsys.readouterr().err


def test_flags_that_do_not_fit_the_data_end_with_one_message(capsys, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("image,mask_heart\n1.png,m.png\n")
    out = str(tmp_path / "run")
    assert main(["corrupt", str(table), "-o", out, "--rate", "0.1", "--spacing", "0"]) == 2
    assert "--spacing 0.0: expected the millimetres a pixel, above 0" in capsys.readouterr().err
    assert main(["corrupt", str(table), "-o", out, "--rate", "0.1", "--label-col", "mask_hart"]) == 2
    assert "Did you mean 'mask_heart'?" in capsys.readouterr().err
    assert main(["corrupt", str(table), "-o", out, "--rate", "0.1", "--noise", "shift"]) == 2
    shown = capsys.readouterr().err
    assert "1 of 1 image file does not exist" in shown
    assert "1 of 1 image has a mask file that does not exist" in shown

"""Names that every file system takes."""

from __future__ import annotations

import pytest

from overread.file_names import names_of_files, safe_names


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("left lung", "left_lung"),
        ("a/../b", "a_.._b"),
        ("../../etc", "etc"),
        (".hidden", "hidden"),
        ("trailing. ", "trailing"),
        ("con", "_con"),
        ("LPT1.x", "_LPT1.x"),
        ("console", "console"),
        ("naïve-Größe", "naïve-Größe"),
        ('a\\b:c*d?e"f<g>h|i', "a_b_c_d_e_f_g_h_i"),
        ("new\nline\0", "new_line"),
        ("", "unnamed"),
    ],
)
def test_each_name(name, safe):
    assert safe_names([name]) == [safe]


def test_names_stay_apart():
    assert safe_names(["A", "a", "a-2", "ä", "a\u0308"]) == ["A", "a-2", "a-2-2", "ä", "ä-2"]


def test_long_names_fit():
    (one, other) = safe_names(["ü" * 300, "ü" * 300])
    assert len(one.encode()) <= 120
    assert other == f"{one}-2"


def test_the_last_part_of_a_path_where_that_is_enough():
    assert names_of_files(["x/1.png", "y/2.PNG", "z/3"]) == ["1", "2", "3"]
    assert names_of_files(["x/1.png", "y/1.PNG", "z/3"]) == ["x_1", "y_1", "z_3"]
    assert names_of_files(["a.png", "a.jpg"]) == ["a", "a-2"]
    assert names_of_files(["scan.v1.png", "1.2.840.113619"]) == ["scan.v1", "1.2.840.113619"]
    assert names_of_files(["C:\\data\\x.bmp"]) == ["x"]

"""Several people: an invitation, two who disagree, one who ends it; what the curator sees."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow
HEADING = "#panel h1"


def invite(page, name, *roles):
    """Makes a link on the curator's page."""
    page.fill("#invite-name", name)
    for box in page.locator("#invite [name=role]").all():
        box.set_checked(box.get_attribute("value") in roles)
    page.click("#invite button[type=submit]")
    field = page.locator(f"#invited input[aria-label='Link for {name}']")
    field.wait_for()
    return field.input_value()


def answer(page, key):
    page.locator(HEADING).wait_for()
    page.keyboard.press(key)
    page.locator("html[data-waiting='0']").wait_for(state="attached")
    page.locator("#over h1").wait_for()  # there was but one item


def test_two_disagree_and_a_third_ends_it(labels, serve, browse):
    with serve(labels(), "--readers", "2", "--budget", "1") as server:
        curator = browse(server.link)
        answer(curator, "1")
        curator.goto(f"{server.url}/curator")
        bob, chief = invite(curator, "bob", "reader"), invite(curator, "chief", "adjudicator")
        answer(browse(bob), "2")
        chief = browse(chief)
        chief.goto(f"{server.url}/adjudicate")
        chief.locator(HEADING).wait_for()
        assert "readers disagree" in chief.locator("#panel header").inner_text()
        words = chief.locator(".opinions b").all_inner_texts()
        assert len(words) == 2
        assert len(set(words)) == 2
        assert "bob" not in set(chief.locator(".opinions .quiet").all_inner_texts())
        answer(chief, "3")
        curator.goto(f"{server.url}/curator")
        row = curator.locator("#items tr").first
        row.locator(".state", has_text="adjudicated").wait_for()
        for name in ("bob", "chief"):
            assert name in row.inner_text()
        row.locator("button").click()
        curator.locator(".entry").nth(2).wait_for()
        assert "adjudicated" in curator.locator(".entry").nth(2).inner_text()


def test_a_reader_sees_no_page_of_the_curator(labels, serve, browse):
    with serve(labels()) as server:
        curator = browse(server.link)
        curator.goto(f"{server.url}/curator")
        ann = browse(invite(curator, "ann", "reader"))
        ann.locator(HEADING).wait_for()
        assert ann.locator(".top nav").count() == 0
        assert ann.locator("#panel .id").count() == 0
        ann.goto(f"{server.url}/curator")
        assert ann.url == f"{server.url}/"
        asked = ann.evaluate("fetch('/api/curator/people').then((answer) => answer.status)")
        assert asked == 403


def test_filters_of_the_queue(labels, serve, browse):
    with serve(labels()) as server:
        page = browse(server.link)
        page.locator(HEADING).wait_for()
        page.keyboard.press("u")
        page.locator("html[data-waiting='0']").wait_for(state="attached")
        page.goto(f"{server.url}/curator")
        page.locator("#items tr").nth(5).wait_for()
        page.select_option("select[name=outcome]", "unsure")
        page.locator("#matching", has_text="1 shown").wait_for()
        assert page.locator("#items tr").count() == 1

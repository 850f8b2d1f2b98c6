"""Reading labels: by keys, blind, back and forth; text is text; the server may go away."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.slow
HEADING = "#panel h1"
ATTACK = "<img src=x onerror=\"document.title='broken in'\">"


def number(page):
    """The number of the item that is shown."""
    return page.locator(HEADING).inner_text()


def settled(page):
    """Waits until the server has all answers."""
    page.locator("html[data-waiting='0']").wait_for(state="attached")


def press_and_wait(page, key):
    """Presses a key and waits for another item."""
    from playwright.sync_api import expect

    before = number(page)
    page.keyboard.press(key)
    expect(page.locator(HEADING)).not_to_have_text(before)


def said(page):
    """The reader's own answers as the server has them, in order."""
    answers = page.evaluate("fetch('/api/mine?limit=200').then((answer) => answer.json())")["answers"]
    return [(one["answer"]["outcome"], one["answer"]["label"]) for one in reversed(answers)]


def brightness(page):
    """The mean grey of the middle of the canvas."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector('#canvas');
            const context = canvas.getContext('2d');
            const box = [canvas.width / 4, canvas.height / 4, canvas.width / 2, canvas.height / 2];
            const { data } = context.getImageData(...box.map(Math.floor));
            return data.reduce((sum, value, at) => sum + (at % 4 ? 0 : value), 0) / (data.length / 4);
        }"""
    )


def drawn(page):
    page.locator("html[data-shown]").wait_for(state="attached")
    return brightness(page)


@pytest.fixture
def reading(labels, serve, browse):
    """reading(*flags, **run): a page on a server of its own."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(*flags, **how):
            server = stack.enter_context(serve(labels(**how), *flags))
            page = browse(server.link)
            page.locator(HEADING).wait_for()
            return page

        yield start


def test_first_visit(reading):
    page = reading()
    assert "#" not in page.url
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert drawn(page) > 20
    assert page.locator(".pair .given").inner_text()
    page.locator(".thumbs img").first.wait_for()


def test_thirty_reads_by_keys(reading):
    page = reading()
    for key in ["1", "2", "3", "Enter", "u", "x", "o", "3", "2", "1"] * 3:
        press_and_wait(page, key)
    settled(page)
    answers = said(page)
    assert len(answers) == 30
    assert [outcome for outcome, _ in answers[3:7]] == ["keep", "unsure", "unreadable", "out-of-scope"]
    classes = ["cardiomegaly", "nodule", "normal"]
    for place, key in enumerate(["1", "2", "3"]):
        outcome, label = answers[place]
        assert outcome == "keep" or (outcome, label) == ("label", classes[int(key) - 1])
    assert "30 of" in page.locator("#far").inner_text()


def test_undo(reading):
    page = reading()
    first = number(page)
    press_and_wait(page, "u")
    settled(page)
    press_and_wait(page, "z")
    assert number(page) == first
    assert said(page) == []
    press_and_wait(page, "x")
    settled(page)
    assert said(page) == [("unreadable", None)]
    page.reload()  # what was said before the page was opened anew can be taken back too
    page.locator(HEADING).wait_for()
    press_and_wait(page, "z")
    assert number(page) == first


def test_earlier_answers_and_changing_one(reading):
    page = reading()
    first = number(page)
    press_and_wait(page, "u")
    second = number(page)
    settled(page)
    press_and_wait(page, "ArrowLeft")
    assert number(page).startswith(first)
    assert "unsure" in page.locator(".yours").first.inner_text()
    press_and_wait(page, "x")
    assert number(page) == second
    settled(page)
    assert said(page)[-1] == ("unreadable", None)
    press_and_wait(page, "ArrowRight")
    press_and_wait(page, "ArrowLeft")
    assert number(page) == second


def test_later_comes_back_last(reading):
    page = reading("--budget", "3")
    first = number(page)
    press_and_wait(page, "l")
    press_and_wait(page, "u")
    press_and_wait(page, "u")
    assert number(page) == first
    assert "put off" in page.locator("#panel header").inner_text()
    page.keyboard.press("u")
    page.locator("#over h1", has_text="Nothing is left").wait_for()


def test_blind_reveal_and_revision(reading):
    page = reading("--blind")
    assert "Blind read" in page.locator("#panel").inner_text()
    assert page.locator(".pair, .near, .why").count() == 0
    first = number(page)
    page.keyboard.press("Enter")
    assert "say a class first" in page.locator("#said").inner_text()
    page.keyboard.press("2")
    page.locator(".pair .given").wait_for()
    assert number(page) == first
    page.locator(".thumbs img").first.wait_for()
    press_and_wait(page, "3")
    assert "Blind read" in page.locator("#panel").inner_text()
    page.keyboard.press("1")
    page.locator(".pair .given").wait_for()
    press_and_wait(page, "Enter")
    settled(page)
    answers = [label for _, label in said(page)]
    assert answers[-3:] == ["nodule", "normal", "cardiomegaly"] or answers == ["normal", "cardiomegaly"]


def test_text_is_never_markup(reading):
    page = reading(classes=(ATTACK, "b<b>old", "'\"&amp;"))
    page.locator(".thumbs img").first.wait_for()
    assert page.title() != "broken in"
    assert page.locator("img[onerror], .name b").count() == 0
    texts = page.locator(".choice .name").all_inner_texts()
    assert texts == [ATTACK, "b<b>old", "'\"&amp;"]
    press_and_wait(page, "1")
    settled(page)
    assert ATTACK in [label for _, label in said(page)] or "keep" in said(page)[0]


def test_answers_wait_for_the_server(labels, serve, browse):
    run = labels()
    with serve(run) as server:
        page = browse(server.link)
        page.locator(HEADING).wait_for()
        press_and_wait(page, "1")
        settled(page)
    assert server.process.poll() is not None
    press_and_wait(page, "u")
    page.locator("#away").wait_for()
    press_and_wait(page, "x")
    assert "2 answers" in page.locator("#away").inner_text()
    with serve(run, port=server.port):
        settled(page)
        assert page.locator("#away").is_hidden()
        assert [outcome for outcome, _ in said(page)][1:] == ["unsure", "unreadable"]
        page.context.close()


def test_nothing_is_lost_with_the_tab(labels, serve, browse):
    """What the server had not yet acknowledged is sent by the next visit from the same browser."""
    run = labels()
    with serve(run) as server:
        page = browse(server.link)
        page.locator(HEADING).wait_for()
    first = number(page)
    press_and_wait(page, "u")
    page.locator("#away").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.close(run_before_unload=False)
    with serve(run, port=server.port):
        again = page.context.new_page()
        again.goto(server.url)
        again.locator(HEADING).wait_for()
        assert number(again) != first
        settled(again)
        assert said(again) == [("unsure", None)]
        again.context.close()


def test_by_keyboard_alone(reading, painted):
    """Every control can be reached and used without a pointer, and shows where the focus is."""
    page = reading()
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    names = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(40):
        page.keyboard.press("Tab")
        name, ring = page.evaluate(
            """() => {
                const one = document.activeElement;
                const style = getComputedStyle(one);
                if (one === document.body) return ['body', 'none']; // past the last one
                return [one.id || one.dataset.act || one.textContent.trim(), style.outlineStyle];
            }"""
        )
        assert ring != "none" or name == "body", name
        names.add(name)
    wanted = {
        "canvas",
        "invert",
        "preset",
        "levels",
        "keep",
        "class",
        "unsure",
        "undo",
        "progress",
        "leave",
        "note",
    }
    assert wanted <= names
    page.locator("[data-act=invert]").focus()
    page.keyboard.press("Enter")
    painted(page)
    assert page.locator("[data-act=invert]").get_attribute("aria-pressed") == "true"
    page.locator(".choice").nth(1).focus()
    press_and_wait(page, "Enter")
    settled(page)
    assert len(said(page)) == 1


def test_window_and_zoom(reading, painted):
    page = reading()
    before = drawn(page)
    page.keyboard.press("i")
    painted(page)
    assert abs(brightness(page) + before - 255) < 6
    page.keyboard.press("i")
    box = page.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down(button="right")
    page.mouse.move(middle[0], middle[1] + 60, steps=3)
    page.mouse.up(button="right")
    painted(page)
    assert brightness(page) < before - 10  # a higher level is darker
    assert page.locator("#preset").input_value() == "Own"
    zoom = page.locator("#corner-right").inner_text()
    page.mouse.wheel(0, -300)
    painted(page)
    assert page.locator("#corner-right").inner_text() != zoom
    page.keyboard.press("0")
    painted(page)
    assert page.locator("#corner-right").inner_text() == zoom


def test_deep_images_are_windowed_in_all_their_values(reading, painted):
    page = reading(deep=True)
    drawn(page)
    assert int(page.locator("#corner-left").inner_text().split()[-1]) > 2000
    assert page.evaluate("window.overread.viewer.picture.deep") is None
    before = brightness(page)
    page.keyboard.press("i")
    page.wait_for_function("() => window.overread.viewer.picture.deep !== null")
    painted(page)
    assert abs(brightness(page) + before - 255) < 6
    assert page.evaluate("new Set(window.overread.viewer.picture.deep).size") > 150


def test_time_and_note_are_stored(reading):
    page = reading()
    page.keyboard.press("n")
    page.keyboard.type("rotated <b>")
    page.keyboard.press("Tab")
    page.locator("#canvas").focus()
    time.sleep(0.5)
    press_and_wait(page, "u")
    settled(page)
    answer = page.evaluate("fetch('/api/mine').then((answer) => answer.json())")["answers"][0]["answer"]
    assert answer["reason"] == "rotated <b>"
    assert 0.4 < answer["seconds"] < 60
    assert json.dumps(answer)

"""Masks in the browser: what is drawn is what is stored, pixel by pixel."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow
HEADING = "#panel h1"
CODEC = """async (given) => {
    const { encodeMask, decodeGrey } = await import('/static/png.js');
    const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const text = (bytes) => btoa([...bytes].map((value) => String.fromCharCode(value)).join(''));
    const { width, height, values } = await decodeGrey(bytes(given));
    const made = await encodeMask(values.map((value) => (value >= 128 ? 1 : 0)), width, height);
    return [[...values], text(made)];
}"""
FILL = """async (rows) => {
    const { Mask } = await import('/static/mask.js');
    const mask = new Mask(rows.flat(), rows[0].length, rows.length);
    const shot = () => Array.from({ length: mask.height }, (_, y) =>
        [...mask.pixels.slice(y * mask.width, (y + 1) * mask.width)]);
    mask.begin();
    const open = mask.fill(0, 0, 1);
    const filled = mask.fill(2, 2, 1) !== false;
    mask.end();
    const after = shot();
    mask.undo();
    const undone = shot();
    mask.redo();
    return { open, filled, after, undone, again: shot() };
}"""


@pytest.fixture
def page(shared, browse):
    return browse(shared.url, storage_state=shared.state)


def packed(pixels, **how):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **how)
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (64, 65)])
def test_png_of_masks_is_exact(page, size):
    pixels = np.random.default_rng(0).integers(0, 2, size, dtype=np.uint8) * 255
    values, made = page.evaluate(CODEC, packed(pixels))
    assert np.array_equal(np.reshape(values, size), pixels)
    back = Image.open(io.BytesIO(base64.b64decode(made)))
    assert back.mode == "L"
    assert np.array_equal(np.asarray(back), pixels)


def test_all_filters_and_depths_of_png_are_read(page):
    down, across = np.mgrid[:40, :33]
    smooth = (40 + 3 * down + 2 * across + np.random.default_rng(1).integers(0, 3, (40, 33))).astype(np.uint8)
    values, _ = page.evaluate(CODEC, packed(smooth, optimize=True))
    assert np.array_equal(np.reshape(values, smooth.shape), smooth)
    deep = down.astype(np.uint16) * 1500 + across.astype(np.uint16)
    values, _ = page.evaluate(CODEC, packed(deep))
    assert np.array_equal(np.reshape(values, deep.shape), deep)
    values, _ = page.evaluate(CODEC, packed(smooth > 100))
    assert np.array_equal(np.reshape(values, smooth.shape), smooth > 100)


def test_fill_closes_what_is_closed_alone(page):
    ring = np.zeros((5, 6), int)
    ring[1:4, 1:5] = 1
    ring[2, 2:4] = 0
    told = page.evaluate(FILL, ring.tolist())
    full = ring.copy()
    full[2, 2:4] = 1
    assert told["open"] is False
    assert told["filled"]
    assert told["after"] == full.tolist() == told["again"]
    assert told["undone"] == ring.tolist()


def picture(page, url):
    """Pixels of a PNG that the page may read."""
    text = page.evaluate(
        """async (url) => {
            const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
            return btoa([...bytes].map((value) => String.fromCharCode(value)).join(''));
        }""",
        url,
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def on_screen(page, x, y, size=128):
    """Where a pixel of the image lies in the window; the image is fitted."""
    box = page.locator("#canvas").bounding_box()
    scale = min(box["width"], box["height"]) / size
    left = box["x"] + (box["width"] - size * scale) / 2
    top = box["y"] + (box["height"] - size * scale) / 2
    return left + (x + 0.5) * scale, top + (y + 0.5) * scale


def stroke(page, *points):
    page.mouse.move(*on_screen(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*on_screen(page, *point), steps=4)
    page.mouse.up()


def ready(page, words):
    from playwright.sync_api import expect

    expect(page.locator("#keep span")).to_have_text(words)


def answers(page):
    page.locator("html[data-waiting='0']").wait_for(state="attached")
    return page.evaluate("fetch('/api/mine').then((answer) => answer.json())")["answers"]


def test_edited_mask_reloads_pixel_by_pixel(masks, serve, browse):
    with serve(masks()) as server:
        page = browse(server.link)
        ready(page, "Keep given")
        item = page.evaluate("fetch('/api/next?queue=read&ahead=0').then((answer) => answer.json())")[
            "items"
        ][0]
        given = picture(page, item["shown"]["masks"]["given"]) > 0
        stroke(page, (10, 10), (40, 10))
        ready(page, "Save edited")
        page.keyboard.press("e")
        page.keyboard.press("[")
        stroke(page, (60, 60), (70, 80))
        before = page.evaluate("document.querySelector('#canvas').toDataURL()")
        page.keyboard.press("b")
        stroke(page, (100, 100), (110, 110))
        page.keyboard.press("z")  # the last stroke goes, the others stay
        page.mouse.move(*on_screen(page, 5, 120))
        page.keyboard.press("Enter")
        ready(page, "Keep given")
        [answer] = answers(page)
        stored = picture(page, answer["answer"]["mask"]) > 0
        assert stored[10, 10:40].all()
        assert not stored[100:111, 100:111][~given[100:111, 100:111]].any()
        assert not stored[64:76, 62:68].all()
        page.keyboard.press("ArrowLeft")
        page.locator(".yours").first.wait_for()
        ready(page, "Save edited")
        shown = page.evaluate("window.overread.bench.mask.pixels.join('')")
        assert shown == "".join(str(int(one)) for one in stored.ravel())
        assert before


def test_given_and_suggested_are_taken_by_a_key(masks, serve, browse):
    with serve(masks()) as server:
        page = browse(server.link)
        ready(page, "Keep given")
        page.keyboard.press("Enter")
        page.locator("#said", has_text="No. 1").wait_for()
        ready(page, "Keep given")
        page.keyboard.press("s")
        ready(page, "Save suggested")
        page.keyboard.press("g")
        ready(page, "Keep given")
        suggested = page.evaluate("fetch('/api/next?queue=read&ahead=0').then((answer) => answer.json())")
        page.keyboard.press("a")
        newest, oldest = answers(page)
        assert oldest["answer"]["outcome"] == "keep"
        wanted = picture(page, suggested["items"][0]["shown"]["masks"]["suggested"])
        assert np.array_equal(picture(page, newest["answer"]["mask"]), wanted)


def test_holding_h_hides_the_masks(masks, serve, browse, painted):
    with serve(masks()) as server:
        page = browse(server.link)
        ready(page, "Keep given")
        painted(page)
        shown = page.screenshot()
        page.keyboard.down("h")
        painted(page)
        assert page.screenshot() != shown
        page.keyboard.up("h")
        painted(page)
        assert page.screenshot() == shown


def test_blind_masks_are_drawn_from_nothing(masks, serve, browse):
    with serve(masks(), "--blind") as server:
        page = browse(server.link)
        ready(page, "Save edited")
        assert page.locator("[data-layer=given], [data-layer=suggested]").count() == 0
        stroke(page, (30, 60), (80, 60))
        page.keyboard.press("Enter")
        page.locator("[data-layer=given]").wait_for()
        ready(page, "Go on")
        [answer] = answers(page)
        assert picture(page, answer["answer"]["mask"])[60, 30:80].all()


def test_adjudicator_takes_the_mask_of_a_reader(masks, serve, browse):
    with serve(masks(), "--readers", "2", "--budget", "1") as server:
        owner = browse(server.link)
        ready(owner, "Keep given")
        owner.goto(f"{server.url}/curator")
        owner.fill("#invite-name", "bob")
        owner.click("#invite button[type=submit]")
        bob = browse(owner.locator("#invited input").input_value())
        ready(bob, "Keep given")
        stroke(bob, (10, 10), (50, 10))
        bob.keyboard.press("Enter")
        bob.locator("#over h1").wait_for()
        owner.goto(server.url)
        ready(owner, "Keep given")
        owner.keyboard.press("a")
        owner.locator("#over h1").wait_for()
        [answer] = answers(bob)
        wanted = picture(bob, answer["answer"]["mask"])
        owner.goto(f"{server.url}/adjudicate")
        ready(owner, "Keep given")
        assert owner.locator(".opinions li").count() == 2
        for name in ("reader0", "reader1"):
            owner.locator(f"[data-class={name}]").click()
            if owner.evaluate("window.overread.bench.mask.pixels[10 * 128 + 30]"):
                break
        owner.keyboard.press("Enter")
        newest = answers(owner)[0]
        assert np.array_equal(picture(owner, newest["answer"]["mask"]), wanted)

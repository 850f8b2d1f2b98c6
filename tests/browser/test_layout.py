"""The pages fit: no sideways scrolling, nothing on top of anything else, fingers find the buttons."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow
SIZES = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "tablet": {"viewport": {"width": 1024, "height": 768}, "has_touch": True},
    "telephone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "desk at 200 %": {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2},
    "tablet at 200 %": {"viewport": {"width": 512, "height": 384}, "device_scale_factor": 2},
}
OVERLAPS = """() => {
    const shown = (one) => one.checkVisibility() && one.getBoundingClientRect().width > 0;
    const parts = [...document.querySelectorAll('.top, .toolbar, .frame, .panel, .answers')].filter(shown);
    const all = [...document.querySelectorAll('button, select')];
    const buttons = all.filter((one) => shown(one) && !one.closest('dialog'));
    const found = [];
    const compare = (list) => list.forEach((one, at) => list.slice(at + 1).forEach((other) => {
        const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 1) found.push([one.className || one.id, other.className || other.id]);
    }));
    compare(buttons.filter((one) => !one.closest('.panel')));
    for (const one of parts) {
        const box = one.getBoundingClientRect();
        if (box.left < -1 || box.right > innerWidth + 1) found.push([one.className, 'outside']);
        if (one.scrollWidth > one.clientWidth + 1) found.push([one.className, 'cut off']);
    }
    return found;
}"""


@pytest.mark.parametrize("path", ["/", "/curator"])
@pytest.mark.parametrize("size", SIZES)
def test_page_fits(shared, browse, size, path):
    page = browse(shared.url + path, storage_state=shared.state, **SIZES[size])
    page.locator("#panel h1, #items tr").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("size", ["tablet", "telephone"])
def test_fingers_find_the_answers(shared, browse, size):
    page = browse(shared.url, storage_state=shared.state, **SIZES[size])
    page.locator("#panel h1").wait_for()
    for button in page.locator(".answers button, .toolbar button").all():
        if button.is_visible():
            box = button.bounding_box()
            assert min(box["width"], box["height"]) >= 44, button.inner_text()


@pytest.mark.parametrize("size", ["telephone", "desk at 200 %"])
def test_image_and_answers_are_seen_together(shared, browse, size):
    page = browse(shared.url, storage_state=shared.state, **SIZES[size])
    page.locator("#panel h1").wait_for()
    frame, answers = page.locator(".frame").bounding_box(), page.locator(".answers").bounding_box()
    high = page.viewport_size["height"]
    assert answers["y"] + answers["height"] <= high + 1
    assert answers["y"] - frame["y"] >= high * 0.25


def test_theme_is_remembered(shared, browse):
    page = browse(shared.url, storage_state=shared.state)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(16, 16, 16)"
    page.locator("[data-theme-switch]").click()
    page.reload()
    assert page.evaluate(ground) == "rgb(237, 237, 235)"

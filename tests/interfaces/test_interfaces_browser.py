"""The report in a browser: no request, no error, readable in light, dark, narrow, Korean and on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

CONTRAST = """() => {
  const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (text) => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = text; probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (node) => { for (; node; node = node.parentElement) {
      const c = rgb(getComputedStyle(node).backgroundColor); if (c[3] > 250) return c.slice(0, 3); }
    return rgb(getComputedStyle(document.documentElement).getPropertyValue('--paper')).slice(0, 3); };
  const low = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    if (!text || ['STYLE', 'title', 'desc'].includes(node.tagName) || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const ink = rgb(node instanceof SVGElement ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(ink), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push([node.tagName, text.slice(0, 30), ratio.toFixed(2)]);
  }
  return low; }"""


@pytest.fixture
def visit(browser: Any) -> Any:
    """Opens a page and gives it with what it asked for and complained of."""
    pages = []

    def open_page(path: Path, *, scheme: str = "light", width: int = 1280) -> tuple[Any, list[str]]:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        noted: list[str] = []
        page.on("console", lambda message: noted.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else noted.append(request.url)
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page, noted

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_asks_nobody_and_complains_of_nothing(visit: Any, make_page: Callable[..., Path], scheme: str) -> None:
    page, noted = visit(make_page(), scheme=scheme)
    assert noted == []
    assert page.title() == "Acme & Co · October 1, 2017"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_published", [False, True])
def test_every_text_stands_out_from_its_ground(
    visit: Any, make_page: Callable[..., Path], scheme: str, is_published: bool
) -> None:
    page, _ = visit(make_page(is_published=is_published), scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(node => node.open = true)")
    assert page.evaluate(CONTRAST) == []


def test_dark_is_dark_in_the_page_and_in_the_drawings(visit: Any, make_page: Callable[..., Path]) -> None:
    colour = "() => getComputedStyle(document.querySelector('.drawing svg path[fill^=\"var\"]')).fill"
    light, _ = visit(make_page(), scheme="light")
    dark, _ = visit(make_page(), scheme="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert light.evaluate(ground) == "rgb(255, 255, 255)"
    assert dark.evaluate(ground) == "rgb(20, 24, 29)"
    assert light.evaluate(colour) != dark.evaluate(colour)


@pytest.mark.parametrize("width", [1280, 768, 400])
def test_nothing_sticks_out_sideways(visit: Any, make_page: Callable[..., Path], width: int) -> None:
    page, _ = visit(make_page(), width=width)
    page.evaluate("document.querySelectorAll('details').forEach(node => node.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_labels_in_drawings_are_not_cut_off(visit: Any, make_page: Callable[..., Path]) -> None:
    page, _ = visit(make_page())
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.drawing svg')].flatMap(svg => { const frame = svg.getBoundingClientRect();
        return [...svg.querySelectorAll('text')].filter(t => t.getBBox().width && t.style.display !== 'none').filter(t => {
          const box = t.getBoundingClientRect(); return box.left < frame.left - 2 || box.right > frame.right + 2; })
          .map(t => t.textContent); })"""
    )
    assert cut == []


def test_a_hostile_name_is_text_and_does_not_run(visit: Any, make_page: Callable[..., Path]) -> None:
    page, noted = visit(make_page())
    assert page.locator("td", has_text="<script>alert('x')</script> & Söhne").count() > 0
    assert page.locator("script").count() == 0
    assert noted == []


def test_the_bar_of_the_loop_leads_to_the_rooms_by_keyboard(visit: Any, make_page: Callable[..., Path]) -> None:
    page, _ = visit(make_page())
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#quality'")


def test_the_korean_page_has_glyphs_for_its_words(visit: Any, make_page: Callable[..., Path]) -> None:
    page, noted = visit(make_page(language="ko", currency="KRW"))
    assert noted == []
    assert page.locator("h2").first.inner_text() == "가장 중요한 것"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_it_prints_on_white_with_folded_tables_open(visit: Any, make_page: Callable[..., Path]) -> None:
    page, _ = visit(make_page(), scheme="dark")
    folded = page.locator("details table").first
    assert not folded.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert folded.bounding_box()["height"] > 0
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    pages = printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") + printed.count(b"/Type/Page ")
    assert 8 <= pages <= 20

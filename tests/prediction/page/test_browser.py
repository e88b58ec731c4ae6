"""The page in a real browser: a plan is chosen or dropped, drawn, and drawn again as thresholds and scale move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from prediction.page.server import PageServer
from tests.browser import Page, needs_browser, open_page

pytestmark = needs_browser
NAME = "<img src=x onerror=alert(1)>.png"
DONE = "document.querySelector('#status').textContent.startsWith('Done')"
DROP = """(async () => {
  const pixels = new OffscreenCanvas(90, 60);
  pixels.getContext('2d').fillRect(10, 10, 50, 5);
  const moved = new DataTransfer();
  moved.items.add(new File([await pixels.convertToBlob()], 'dropped.png'));
  document.dispatchEvent(new DragEvent('drop', {dataTransfer: moved, bubbles: true, cancelable: true}));
})()"""


@pytest.fixture(scope="module")
def page(server: PageServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("browser")) as page:
        page.call("Page.navigate", url=f"http://{server.host}/")
        page.wait("document.querySelectorAll('#sliders input').length === 2")
        yield page


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.evaluate(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(each => each.textContent)"
    )
    return found


def test_a_plan_is_chosen_and_its_thresholds_moved(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (120, 80), "white").save(tmp_path / NAME)
    page.choose_file("#file", tmp_path / NAME)
    page.wait(DONE)
    assert texts(page, "#name") == [NAME]
    assert page.evaluate("document.querySelectorAll('img, main script').length") == 0
    assert page.evaluate("document.querySelector('#canvas image').getBoundingClientRect().width") > 100

    page.evaluate("for (const each of sliders()) { each.value = 0.05; each.oninput(); }")
    page.wait("document.querySelectorAll('.room, .wall').length > 0")
    assert len(texts(page, "#rooms tr")) == len(texts(page, ".room"))
    page.evaluate("for (const each of sliders()) { each.value = 0.99; each.oninput(); }")
    page.wait("document.querySelectorAll('.room, .wall').length === 0")
    assert texts(page, "#counts") == ["0 walls, 0 rooms from 0 boxes"]
    page.evaluate("document.querySelector('#reset').click()")
    page.wait("!document.querySelector('#counts').textContent.endsWith(' 0 boxes')")

    page.evaluate("document.querySelector('#scale').value = 0.02; document.querySelector('#scale').onchange()")
    links = "[...document.querySelectorAll('#downloads a')]"
    page.wait(f"{links}.every(link => link.href.endsWith('&scale=0.02'))")
    assert texts(page, "#downloads a") == ["GeoJSON", "SVG", "DXF", "Areas (CSV)", "Boxes (CSV)"]
    assert page.evaluate(f"fetch({links}[0].href).then(answer => answer.json())")["picture"]["metres_per_pixel"] == 0.02

    assert texts(page, "#layers label") == ["Plan", "Rooms", "Walls", "Numbers"]  # the model knows no doors
    page.evaluate("for (const each of layers.querySelectorAll('input')) { each.click(); }")
    assert len(texts(page, "#canvas > g[style*=none]")) == 4
    assert page.errors == []


def test_a_plan_is_dropped_measured_and_zoomed(page: Page) -> None:
    page.evaluate(DROP)
    page.wait(f"{DONE} && document.querySelector('#name').textContent === 'dropped.png'")
    page.evaluate("document.querySelector('#measure').click(); measure({x: 10, y: 10}); measure({x: 60, y: 10})")
    page.evaluate("document.querySelector('#length').value = 5; document.querySelector('#known').requestSubmit()")
    assert page.evaluate("document.querySelector('#scale').value") == "0.1"
    before = page.evaluate("view[2]")
    page.evaluate("document.querySelector('#closer').click()")
    assert page.evaluate("view[2]") == pytest.approx(0.75 * before)
    page.resize(390, 844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.errors == []


def test_what_is_no_plan_is_said(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    page.choose_file("#file", tmp_path / "notes.png")
    page.wait("document.querySelector('#status.wrong')")
    assert texts(page, "#status")[0].startswith("notes.png is not an image that can be read")

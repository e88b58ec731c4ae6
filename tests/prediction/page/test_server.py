"""The page's server: for its own page only, one plan at a time, and the same files as the command writes."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from prediction.__main__ import main
from prediction.page import server as server_module
from prediction.page.server import PageServer
from prediction.page.shown_plans import FILES, MOST_PLANS

SUFFIXES = {"geojson": ".geojson", "svg": ".svg", "dxf": ".dxf", "areas": ".areas.csv"}


def ask(
    server: PageServer, target: str, body: bytes | None = None, /, method: str | None = None, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Status, content and headers of an answer."""
    connection = http.client.HTTPConnection(server.host, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), target, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def send(server: PageServer, data: bytes, name: str = "plan.png", page: object = 1) -> tuple[int, dict[str, Any]]:
    status, content, _ = ask(server, f"/plans?name={quote(name)}&page={page}", data)
    return status, json.loads(content)


def picture(size: tuple[int, int] = (120, 80), format_: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "white").save(content, format_, **options)
    return content.getvalue()


def boxes(server: PageServer, plan: str, query: str = "") -> int:
    status, content, _ = ask(server, f"/plans/{plan}/drawing{query}")
    assert status == 200, content
    return int(json.loads(content)["boxes"])


def test_the_page_runs_its_own_script_and_nothing_else(server: PageServer) -> None:
    status, content, headers = ask(server, "/", Sec_Fetch_Site="none")
    html = content.decode()
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (own,) = re.findall(f"<{tag}>(.*)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert not re.findall(r"innerHTML|insertAdjacentHTML|document\.write|\beval\b", html)


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "evil.example"),
        ("Host", "localhost"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ],
)
@pytest.mark.parametrize("target", ["/", "/model", "/plans"])
def test_other_pages_get_nothing(server: PageServer, header: tuple[str, str], target: str) -> None:
    body = picture() if target == "/plans" else None
    status, content, headers = ask(server, target, body, None, **dict([header]))
    assert status == 403
    assert json.loads(content) == {"error": f"Open http://{server.host}/ itself: no other page is served."}
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert server.plans.get("") is None


def test_its_own_page_is_served(server: PageServer) -> None:
    own = {"Origin": f"http://{server.host}", "Sec-Fetch-Site": "same-origin"}
    status, content, _ = ask(server, "/model", **own)
    about = json.loads(content)
    assert status == 200
    assert about["classes"] == [{"name": "wall", "threshold": 0.35}, {"name": "room", "threshold": 0.3}]
    assert about["files"] == list(FILES)


@pytest.mark.parametrize("size", [(120, 80), (600, 300)], ids=["whole", "tiles"])
@pytest.mark.parametrize("score", ["", "wall=0.5,room=0.35"])
def test_files_are_those_of_the_command(
    server: PageServer, model_folder: Path, tmp_path: Path, size: tuple[int, int], score: str
) -> None:
    (tmp_path / "plan.png").write_bytes(picture(size))
    options = ["--to", tmp_path / "to", "--format", "csv,geojson,svg,dxf,areas", "--scale", 0.02]
    options += ["--score", score] if score else []
    assert main([str(each) for each in (tmp_path / "plan.png", "--model", model_folder, *options)]) == 0
    _, plan = send(server, picture(size))
    assert (plan["tiles"] > 0) == (size[0] > 400)
    query = "?scale=0.02" + (f"&thresholds={quote('[0.5, 0.35]')}" if score else "")
    for format_, suffix in {**SUFFIXES, "csv": None}.items():
        status, content, headers = ask(server, f"/plans/{plan['id']}/files/{format_}{query}")
        path = tmp_path / "to" / (f"plan.png{suffix}" if suffix else "detections.csv")
        assert (status, content) == (200, path.read_bytes()), format_
        assert headers["Content-Disposition"] == f"attachment; filename*=UTF-8''plan.png{FILES[format_]}"


def test_a_threshold_counts_boxes_without_predicting_again(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    _, plan = send(server, picture())
    monkeypatch.setattr(server_module, "predict_page", lambda *_: pytest.fail("predicts again"))
    numbers = [boxes(server, plan["id"], f"?thresholds={quote(str([low, low]))}") for low in (0.05, 0.5, 0.99)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[-1] == 0


def test_the_picture_and_the_pages_of_a_pdf(server: PageServer) -> None:
    pages = picture((60, 40), "PDF", save_all=True, append_images=[Image.new("RGB", (40, 60), "white")])
    status, plan = send(server, pages, "two pages.pdf", 2)
    assert (status, plan["name"], plan["page"], plan["pages"]) == (200, "two pages.pdf", 2, 2)
    _, content, _ = ask(server, f"/plans/{plan['id']}/picture")
    with Image.open(io.BytesIO(content)) as shown:
        assert shown.format == "JPEG"
        assert shown.height > shown.width
    _, _, headers = ask(server, f"/plans/{plan['id']}/files/dxf")
    assert headers["Content-Disposition"].endswith("''two%20pages.pdf-page-2.dxf")


BAD = [
    (b"", "is empty"),
    (b"no picture", "is not an image that can be read"),
    (picture()[:60], "cannot be decoded|is not an image"),
    (picture((30_000, 4_000)), "has 30000 x 4000 pixels, more than the 100,000,000"),
    (
        picture(format_="GIF", save_all=True, append_images=[Image.new("RGB", (120, 80), "black")]),
        "is an animation of 2",
    ),
    (b"%PDF-1.7 and no more", "is a PDF that cannot be read"),
]


@pytest.mark.parametrize(("data", "problem"), BAD, ids=[problem[:20] for _, problem in BAD])
def test_a_file_that_is_no_plan_is_named_in_one_sentence(server: PageServer, data: bytes, problem: str) -> None:
    status, answer = send(server, data, "my\nplan.png")
    assert status == 422
    assert re.fullmatch(rf"my.{{1,4}}plan\.png (?:{problem}).*\.", answer["error"])


@pytest.mark.parametrize("page", [0, 2, -1, "x", "9" * 30])
def test_a_page_that_is_not_there(server: PageServer, page: object) -> None:
    assert send(server, picture(), page=page)[0] == 422


def test_what_is_too_large_is_refused_before_it_is_read(server: PageServer) -> None:
    status, content, _ = ask(server, "/plans?name=a.png", method="POST", Content_Length=str(10**12))
    assert (status, b"a.png has 1,000,000,000,000 bytes" in content) == (413, True)
    status, content, _ = ask(server, "/plans?name=a.png", method="POST", Transfer_Encoding="chunked")
    assert (status, b"does not tell how many bytes" in content) == (411, True)


def test_one_plan_at_a_time(server: PageServer) -> None:
    with server.worker:
        status, answer = send(server, picture((900, 900), "BMP"))
    assert (status, answer["error"]) == (503, "Another plan is being predicted on: try again when it is done.")
    assert send(server, picture())[0] == 200


def test_the_oldest_plan_is_forgotten(server: PageServer) -> None:
    plans = [send(server, picture())[1]["id"] for _ in range(MOST_PLANS + 1)]
    status, content, _ = ask(server, f"/plans/{plans[0]}/drawing")
    assert (status, b"drop it again" in content) == (410, True)
    assert boxes(server, plans[1]) >= 0


@pytest.mark.parametrize(
    "query", ["thresholds=[0.1]", "thresholds=[0.1,%22x%22]", "thresholds={", "thresholds=3", "scale=0", "scale=nan"]
)
def test_settings_that_cannot_be(server: PageServer, query: str) -> None:
    _, plan = send(server, picture())
    status, content, _ = ask(server, f"/plans/{plan['id']}/drawing?{query}")
    assert (status, json.loads(content)["error"].startswith("The threshold or scale is not a number")) == (400, True)


def test_what_is_no_address(server: PageServer) -> None:
    assert ask(server, "/model?" + "a=1&" * 9)[0] == 400
    assert ask(server, "//[x")[0] == 404


@pytest.mark.parametrize("target", ["/nothing", "/plans/0/files/exe", "/../etc/passwd", "/page.js"])
def test_there_is_nothing_else(server: PageServer, target: str) -> None:
    assert ask(server, target)[0] == 404
    assert ask(server, target, b"")[0] == 404


def test_a_lack_of_memory_is_no_bug(
    server: PageServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(server_module, "predict_page", fail)
    status, answer = send(server, picture())
    assert (status, answer["error"]) == (507, "The memory does not suffice: end other programs.")
    assert caplog.text == ""


def test_a_bug_is_told_in_the_terminal(
    server: PageServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(server_module, "predict_page", fail)
    status, answer = send(server, picture())
    assert (status, answer["error"]) == (500, "The page has a bug; the terminal that runs it tells more.")
    assert "RuntimeError: a bug" in caplog.text

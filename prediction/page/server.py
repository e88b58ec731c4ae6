"""The HTTP server of the page: on the loopback, for its own page only; every refusal is one sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from dataset_contract.bounded_json import JsonError, parse_bounded
from dataset_contract.out_of_memory import is_out_of_memory
from dataset_contract.png import MAX_IMAGE_BYTES
from dataset_contract.sanitise import sanitise, short
from image_reader.header import ImageError
from loopback.callers import Request, host_of, stranger
from prediction.command.model import Model
from prediction.formats.measures import check_scale
from prediction.formats.svg import shown_jpeg
from prediction.page.html import page
from prediction.page.shown_plans import FILES, ShownPlan, ShownPlans, drawing, lowest_threshold, predict_page, written
from prediction.page.worker import BusyError, Worker
from prediction.plans.errors import PlanError

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 16
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class RefusedError(Exception):
    """A request that is not answered; the message is a sentence for the person at the page."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    body: bytes
    content_type: str
    headers: Mapping[str, str]

    @classmethod
    def of_json(cls, value: object) -> Answer:
        return cls(json.dumps(value, ensure_ascii=False).encode(), "application/json", {})


class PageServer(ThreadingHTTPServer):
    """Listens from the beginning; a thread answers each request, and the worker's thread predicts."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, model: Model, port: int) -> None:
        """`port` 0 takes a free one. Raises OSError: the port cannot be had."""
        super().__init__((LOOPBACK, port), Handler)
        self.host = host_of(LOOPBACK, self.server_address[1])
        self.model = model
        self.worker = Worker()
        self.plans = ShownPlans()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  the base class's signature
        """Print no traceback when a browser goes away."""
        logger.debug("connection from %s broke off", client_address, exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One request on one connection."""

    server: PageServer
    timeout = 60

    def do_GET(self) -> None:
        """The page, the model's classes, and what is known of a plan."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """A plan to predict on."""
        self._answer(self._post)

    def _answer(self, make: Callable[[list[str], dict[str, str]], Answer]) -> None:
        status = HTTPStatus.OK
        try:
            self._check_caller()
            answer = make(*self._target())
        except RefusedError as error:
            status, answer = error.status, Answer.of_json({"error": str(error)})
        except (ConnectionError, TimeoutError):
            raise  # handle_error() is for these
        except Exception as error:
            if is_out_of_memory(error):
                status, sentence = HTTPStatus.INSUFFICIENT_STORAGE, "The memory does not suffice: end other programs."
            else:
                logger.exception("the page has a bug")
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                sentence = "The page has a bug; the terminal that runs it tells more."
            answer = Answer.of_json({"error": sentence})
        self.send_response(status)
        for name, value in {**_HEADERS, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _check_caller(self) -> None:
        if stranger(Request(self.command, self.path, self.headers.items()), self.server.host, has_pages=True):
            raise RefusedError(
                HTTPStatus.FORBIDDEN, f"Open http://{self.server.host}/ itself: no other page is served."
            )

    def _target(self) -> tuple[list[str], dict[str, str]]:
        """The path's parts, and the query."""
        try:
            url = urlsplit(self.path)
            values = parse_qs(url.query, max_num_fields=8)
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"{short(self.path)} is not an address.") from None
        return url.path.split("/")[1:], {name: given[-1] for name, given in values.items()}

    def _get(self, path: list[str], query: Mapping[str, str]) -> Answer:
        match path:
            case [""]:
                html, policy = page()
                return Answer(html, "text/html; charset=utf-8", {"Content-Security-Policy": policy})
            case ["model"]:
                return Answer.of_json(self._about_the_model())
            case ["plans", name, "picture"]:
                return Answer(shown_jpeg(self._plan(name).picture), "image/jpeg", {})
            case ["plans", name, "drawing"]:
                return Answer.of_json(drawing(self._plan(name), *self._settings(query)))
            case ["plans", name, "files", format_] if format_ in FILES:
                plan = self._plan(name)
                content = written(plan, format_, *self._settings(query), self.server.model)
                page_ = f"-page-{plan.page}" if plan.pages > 1 else ""
                file_name = quote(f"{plan.name}{page_}{FILES[format_]}", safe="")
                headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{file_name}"}
                return Answer(content, "application/octet-stream", headers)
        raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {short(self.path)}.")

    def _about_the_model(self) -> dict[str, object]:
        model = self.server.model
        return {
            "classes": [{"name": sanitise(name), "threshold": model.thresholds[name]} for name in model.thresholds],
            "lowest": lowest_threshold(model),
            "most_bytes": MAX_IMAGE_BYTES,
            "files": list(FILES),
        }

    def _plan(self, name: str) -> ShownPlan:
        plan = self.server.plans.get(name)
        if plan is None:
            raise RefusedError(HTTPStatus.GONE, "This plan was forgotten, as newer ones came: drop it again.")
        return plan

    def _settings(self, query: Mapping[str, str]) -> tuple[dict[str, float], float | None]:
        """The thresholds by class and the scale that a request asks for."""
        own = self.server.model.thresholds
        try:
            given = parse_bounded(query.get("thresholds", "[]"))
            values = [float(value) for value in given] if given else list(own.values())
            scale = float(query["scale"]) if "scale" in query else None
            check_scale(scale)
            return dict(zip(own, values, strict=True)), scale
        except (JsonError, ValueError, TypeError) as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The threshold or scale is not a number: {error}") from None

    def _post(self, path: list[str], query: Mapping[str, str]) -> Answer:
        if path != ["plans"]:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {short(self.path)}.")
        name, number = query.get("name", "plan"), query.get("page", "1")
        length = ",".join(self.headers.get_all("Content-Length", []))
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "The request does not tell how many bytes the plan has.")
        size = int(length[:20])
        if size > MAX_IMAGE_BYTES:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{sanitise(name)} has {size:,} bytes, more than the {MAX_IMAGE_BYTES:,} that are read.",
            )
        try:
            with self.server.worker as worker:
                data = self.rfile.read(size)
                if len(data) < size:
                    raise ConnectionResetError
                page_ = int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else 0
                plan = worker.do(lambda: predict_page(self.server.model, data, name, page_))
        except BusyError:
            self._discard(size)
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "Another plan is being predicted on: try again when it is done."
            ) from None
        except (PlanError, ImageError) as error:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{sanitise(name)} {error}.") from None
        return Answer.of_json(
            {
                "id": self.server.plans.add(plan),
                "name": plan.name,
                "page": plan.page,
                "pages": plan.pages,
                "tiles": len(plan.views.tiles),
            }
        )

    def _discard(self, size: int) -> None:
        """Read what is sent: a browser shows no answer that comes before it has sent all."""
        while size > 0 and (data := self.rfile.read(min(size, _CHUNK))):
            size -= len(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log requests for debugging only."""
        logger.debug(format, *args)

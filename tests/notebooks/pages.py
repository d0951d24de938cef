"""A notebook as its reader meets it: a server, a page, sliders, numbers."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000  # milliseconds


def chromium() -> str | None:
    """The browser to drive: DRIFTLAB_CHROMIUM, or one on the path."""
    found = map(shutil.which, (os.environ.get("DRIFTLAB_CHROMIUM", ""), *BROWSERS))
    return next(filter(None, found), None)


@dataclass
class Server:
    """A running `driftlab explore`."""

    process: subprocess.Popen
    address: str

    def stop(self, how: signal.Signals) -> float:
        """Stop it; seconds until it is gone."""
        start = time.perf_counter()
        self.process.send_signal(how)
        self.process.wait(timeout=30)
        return time.perf_counter() - start

    def group(self) -> list[str]:
        """Command lines of what is left of its process group."""
        listed = subprocess.run(
            ["ps", "-o", "args=", "-g", str(self.process.pid)],
            capture_output=True,
            text=True,
        )
        return listed.stdout.splitlines()


@contextlib.contextmanager
def served(name: str, *options: str, **environment: str) -> Iterator[Server]:
    """`driftlab explore NAME`, stopped at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "figures.cli", "explore", name, *options],
        cwd=REPO,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, said + process.stdout.read()
        yield Server(process, found[0])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@dataclass
class Notebook:
    """One page on a server, with everything it asked for and complained of."""

    page: object
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """from asking for the page to the last of its cells"""

    @classmethod
    def opened(cls, page, address: str, ready: str = "") -> "Notebook":
        """The page, once the number `ready`, or any where none is named, stands on it."""
        self = cls(page, address)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)
        start = time.perf_counter()
        page.goto(address)
        page.locator(_number(ready)).first.wait_for()
        self.seconds = time.perf_counter() - start
        return self

    def _heard(self, message) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def text(self, id: str) -> str:
        """The text of a number or sentence, by its `data-number`."""
        return self.page.locator(_number(id)).first.inner_text()

    def number(self, id: str) -> float:
        """A number on the page."""
        return float(self.text(id))

    def slider(self, label: str):
        """A slider, by its accessible name."""
        return self.page.get_by_role("slider", name=label)

    def unnamed(self) -> list[str]:
        """Roles of what the notebook's cells show without a name to be read aloud."""
        cells, found = self.page.locator(".output-area"), []
        for role in ("slider", "combobox", "button", "spinbutton", "img"):
            every = cells.get_by_role(role)
            named = cells.get_by_role(role, name=re.compile(r"\S"))
            found += [role] * (every.count() - named.count())
        return found

    def press(self, label: str, key: str, watch: str) -> float:
        """Press a key on a slider; seconds until the text of `watch` is another one."""
        slider = self.slider(label)
        slider.focus()
        return self.until_changed(lambda: slider.press(key), watch)

    def click(self, label: str, watch: str) -> float:
        """Press a button; seconds until `watch` stands on the page, or is another one."""
        button = self.page.get_by_role("button", name=label)
        return self.until_changed(button.click, watch)

    def until_changed(self, act, watch: str) -> float:
        """Do something; seconds until `watch` stands on the page, or is another one."""
        found = self.page.locator(_number(watch))
        before = found.first.inner_text() if found.count() else None
        start = time.perf_counter()
        act()
        self.page.wait_for_function(_CHANGED, arg=[_number(watch), before])
        return time.perf_counter() - start

    def foreign(self) -> list[str]:
        """Requests that left the loopback address."""
        home = re.match(r"https?://[^/?]+", self.address)[0].partition("//")[2]
        own = re.compile(rf"(https?|wss?)://{re.escape(home)}[/?]|data:|blob:")
        return [url for url in self.requests if not own.match(url)]


_CHANGED = """([selector, before]) => {
    const found = document.querySelector(selector);
    return found !== null && found.innerText !== before;
}"""


def _number(id: str) -> str:
    return f'[data-number="{id}"]' if id else "[data-number]"

"""A person at a browser: Debian's Chromium, driven by its own driver, that believes exactly the roots that it is given."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

#: Seconds; a first page of a Keycloak that was just started is slow on a busy machine.
PATIENCE = 60
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-sync", "--disable-background-networking", "--disable-component-update", "--window-size=1100,860"),
)


@dataclass
class Person:
    """What a person can see and do. Every page that was looked at may be kept as a picture."""

    driver: webdriver.Chrome
    pictures: Path

    def open(self, url: str) -> None:
        self.driver.get(url)

    def see(self, id_: str) -> WebElement:
        """The element once it is there; with a picture of what is there instead when it does not come."""
        try:
            return WebDriverWait(self.driver, PATIENCE).until(lambda d: d.find_element(By.ID, id_))
        except Exception as fault:
            self.picture("fault")
            raise AssertionError(f"no #{id_} at {self.driver.current_url}:\n{self.text}") from fault

    def click(self, id_: str) -> None:
        self.see(id_).click()

    def write(self, id_: str, text: str) -> None:
        field = self.see(id_)
        field.clear()
        field.send_keys(text)

    def has(self, id_: str) -> bool:
        return bool(self.driver.find_elements(By.ID, id_))

    @property
    def text(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    @property
    def url(self) -> str:
        return str(self.driver.current_url)

    def picture(self, name: str) -> None:
        self.driver.save_screenshot(str(self.pictures / f"{name}.png"))

    def log_in(self, name: str, password: str) -> None:
        """On the page of a home realm."""
        self.write("username", name)
        self.write("password", password)
        self.click("kc-login")


@contextmanager
def person(home: Path, roots: Sequence[Path], pictures: Path, language: str = "zh-CN") -> Iterator[Person]:
    """Somebody with a new browser: no history, no cookie, and only `roots` are believed."""
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    certutil = ("certutil", "-d", f"sql:{store}")
    subprocess.run([*certutil, "-N", "--empty-password"], check=True, capture_output=True)
    for number, root in enumerate(roots):
        subprocess.run([*certutil, "-A", "-n", f"root-{number}", "-t", "CP,,", "-i", str(root)], check=True)
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for word in (*OPTIONS, f"--user-data-dir={home / 'profile'}", f"--accept-lang={language}"):
        options.add_argument(word)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver", env={**os.environ, "HOME": str(home)}))
    driver.set_page_load_timeout(PATIENCE)
    try:
        yield Person(driver, pictures)
    finally:
        driver.quit()


def one_time_code(seed: bytes, digits: int, period: int, after: str = "") -> str:
    """RFC 6238 with SHA-1; a code works once, so the one `after` the last is waited for."""
    while True:
        counter = int(time.time()) // period
        mark = hmac.new(seed, struct.pack(">Q", counter), hashlib.sha1).digest()
        start = mark[-1] & 15
        code = f"{(struct.unpack('>I', mark[start : start + 4])[0] & 0x7FFFFFFF) % 10**digits:0{digits}d}"
        if code != after:
            return code
        time.sleep((counter + 1) * period - time.time())

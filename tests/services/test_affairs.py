"""The page's own rules: sessions end, a name is masked, a form of another is refused, the key's public half is all that is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from services.affairs import keys, pages, problems, sessions, settings, words
from services.affairs.app import app

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "https://page.example"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    made = ec.generate_private_key(ec.SECP256R1())
    shape = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.private_bytes(*shape))
    return path


@pytest.fixture(scope="module")
def own(key: Path, tmp_path_factory: pytest.TempPathFactory) -> settings.Settings:
    root = Path("/etc/ssl/certs/ca-certificates.crt")
    raw = {
        "public": PUBLIC, "issuer": "https://127.0.0.1:1/realms/region", "client": "affairs", "ca": str(root), "key": str(key),
        "province": "shanghai", "title": {"zh": "办事", "en": "Affairs"}, "levels": ["L1", "L2", "L3", "L4"], "ordinary": "L2", "protected": "L3", "fresh": 900,
        "homes": [{"name": "shanghai", "title": {"zh": "上海市", "en": "Shanghai"}, "issuer": "https://127.0.0.1:1/realms/shanghai"}],
        "items": [{"name": "pension", "title": {"zh": "养老", "en": "Pension"}}],
    }  # fmt: skip
    path = tmp_path_factory.mktemp("settings") / "affairs.json"
    path.write_text(json.dumps(raw))
    return settings.read(path)


@pytest.fixture
def reader(own: settings.Settings) -> TestClient:
    return TestClient(app(own), base_url=PUBLIC, follow_redirects=False)


def code(text: str) -> str:
    found = re.search(r'data-code="(\w+)"', text)
    assert found, text[:500]
    return found.group(1)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王*明"),
        ("李四", "李*"),
        ("欧阳娜娜", "欧**娜"),
        ("Ana Silva", "A** S****"),
        ("", "*"),
        ("<b>", "<**"),
    ],
)
def test_a_name_is_masked(name: str, shown: str) -> None:
    assert pages.masked(name) == shown


def test_a_session_ends_when_idle_and_when_old_and_when_the_broker_says_so() -> None:
    clock = [0.0]
    store = sessions.Store(lambda: clock[0])
    idle, busy = store.put({"person": {"sid": "1", "sub": "a"}}), store.put({"person": {"sid": "2", "sub": "b"}})
    while clock[0] < sessions.LIFE:
        assert store.get(busy)
        clock[0] += sessions.IDLE - 1
    assert store.get(idle) is None and store.get(busy) is None
    one, two, other = (store.put({"person": {"sid": s, "sub": p}}) for s, p in (("3", "a"), ("4", "a"), ("5", "b")))
    assert store.end(sid="3", sub="a") == 1 and store.get(one) is None and store.get(two)
    assert store.end(sid="", sub="a") == 1 and store.get(two) is None and store.get(other)
    assert store.end(sid="", sub="") == 0


def test_levels_are_ordered_and_an_unknown_word_is_below_all(own: settings.Settings) -> None:
    assert own.enough("L3", "L3") and own.enough("L4", "L3")
    assert not own.enough("L2", "L3") and not own.enough("", "L1") and not own.enough("9", "L1")


def test_only_the_public_half_of_the_key_is_published(key: Path) -> None:
    (one,) = keys.published(key)["keys"]
    assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(one)


def test_both_languages_have_the_same_words() -> None:
    assert words.WORDS["zh"].keys() == words.WORDS["en"].keys()
    assert all(text for tongue in words.WORDS.values() for text in tongue.values())


def test_every_problem_has_a_code_of_its_own() -> None:
    found = [p for p in vars(problems).values() if isinstance(p, problems.Problem)]
    assert len(found) > 8 and len({p.code for p in found}) == len(found)
    assert all(t.zh and t.en for p in found for t in (p.title, p.advice))


def test_a_visitor_gets_no_cookie_and_pages_load_nothing(reader: TestClient) -> None:
    answer = reader.get("/")
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script" not in answer.text and not re.search(r'(?:src|href)="(?!/|#|data:,)', answer.text)


def test_the_language_is_the_browsers_until_one_is_chosen(reader: TestClient) -> None:
    assert 'lang="zh-CN"' in reader.get("/", headers={"accept-language": "fr"}).text
    assert '<html lang="en">' in reader.get("/", headers={"accept-language": "en-GB,zh;q=0.5"}).text
    assert reader.get("/language/fr").status_code == 404
    reader.get("/language/en")
    assert '<html lang="en">' in reader.get("/", headers={"accept-language": "zh"}).text


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", "/nowhere", 404, "AFF108"),
        ("GET", "/login?home=mars", 404, "AFF108"),
        ("GET", "/step-up?item=mars", 404, "AFF108"),
        ("GET", "/step-up?item=pension", 400, "AFF101"),
        ("GET", "/callback?code=x&state=y", 400, "AFF101"),
        ("GET", "/callback?error=access_denied&state=y", 403, "AFF102"),
        ("GET", "/login", 503, "AFF103"),
        ("GET", "/login?home=shanghai", 503, "AFF109"),
        ("POST", "/logout", 403, "AFF106"),
        ("POST", "/apply/pension", 400, "AFF101"),
    ],
)
def test_each_refusal_is_a_page_in_both_languages(
    reader: TestClient, method: str, path: str, status: int, problem: str
) -> None:
    answer = reader.request(method, path)
    assert (answer.status_code, code(answer.text)) == (status, problem)
    assert re.search('<div lang="zh-CN">\n<h[12]>[^<]', answer.text)
    assert re.search('<div lang="en">\n<h[12]>[^<]', answer.text)


@pytest.mark.parametrize("token", ["", "x.y.z", "eyJhbGciOiJub25lIn0.e30."])
def test_a_logout_that_is_not_the_brokers_is_refused(reader: TestClient, token: str) -> None:
    assert reader.post("/backchannel-logout", data={"logout_token": token}).status_code == 400


def test_messages_in_both_languages_are_the_same_in_both_files() -> None:
    def read(name: str) -> dict[str, str]:
        lines = (ROOT / "roles/identity/files/themes/yrd/login/messages" / f"messages_{name}.properties").read_text()
        return dict(line.split("=", 1) for line in lines.splitlines() if line and not line.startswith("#"))

    zh, en = read("zh_CN"), read("en")
    assert zh.keys() == en.keys()
    shared = {k for k, v in zh.items() if "‖" in v}
    assert len(shared) > 40 and {k: zh[k] for k in shared} == {k: en[k] for k in shared}
    # One quotation mark begins a literal in Java's MessageFormat, and swallows what follows.
    assert not [k for k, v in (zh | en).items() if "'" in v.replace("''", "")]

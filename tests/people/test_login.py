"""A citizen of Anhui uses a page of Shanghai: logs in at home, steps up, applies, and is logged out everywhere."""

from __future__ import annotations

from collections.abc import Callable

from clients import wait
from model import realms
from tests.people.browser import Person, one_time_code
from tests.people.house import House

CITIZEN, NAME = "anhui-citizen", "安小民"
ENDED = '{"event": "logged out", "sessions": 1}'


def code(house: House, after: str = "") -> str:
    otp = realms.settings_of(house.plan).otp
    return one_time_code(house.secret(CITIZEN)["totp"].encode(), otp.digits, otp.period, after)


def log_in(who: Person, house: House, *, way: str = "home-anhui") -> None:
    who.open(house.url)
    who.click(way)
    if way == "elsewhere":
        who.see("social-anhui")
        who.picture("broker")
        who.click("social-anhui")
    who.see("username")
    assert who.url.startswith(house.server.issuer("anhui"))
    who.log_in(CITIZEN, house.secret(CITIZEN)["password"])
    who.see("acr")


def acr(who: Person) -> str:
    return str(who.see("acr").get_attribute("data-acr"))


def step_up(who: Person, house: House, used: str = "") -> str:
    """From the item to the form; the code that was used."""
    who.click("apply-household-registration")
    who.see("step-up")
    who.picture("stronger")
    who.click("step-up")
    who.see("otp")
    assert not who.has("password"), "who is logged in is asked for the second factor alone"
    who.picture("code")
    now = code(house, used)
    who.write("otp", now)
    who.click("kc-login")
    who.see("submit")
    return now


def test_from_the_brokers_choice_to_a_receipt_and_out_everywhere(house: House, citizen: Person) -> None:
    citizen.open(house.url)
    citizen.see("home-anhui")
    citizen.picture("first")
    log_in(citizen, house, way="elsewhere")
    assert citizen.see("name").text == "安*民" and NAME not in citizen.text
    assert "安徽省" in citizen.see("home").text
    assert acr(citizen) == "L2"
    citizen.picture("person")
    step_up(citizen, house)
    assert acr(citizen) == "L3"
    citizen.click("submit")
    citizen.see("receipts")
    citizen.picture("receipt")
    assert '"event": "applied"' in house.journal and NAME not in house.journal
    citizen.click("logout")
    citizen.see("out")
    citizen.picture("out")
    assert citizen.url.startswith(house.url)
    # Neither realm remembers: a new visit to either asks again.
    for way, asked in (("home-anhui", "username"), ("elsewhere", "social-anhui")):
        citizen.open(house.url)
        assert not citizen.has("acr")
        citizen.click(way)
        citizen.see(asked)
    citizen.click("social-anhui")
    citizen.see("username")


def test_a_second_visit_asks_nothing_and_a_second_factor_holds_for_a_while(house: House, citizen: Person) -> None:
    log_in(citizen, house)
    citizen.driver.delete_cookie("__Host-affairs")
    citizen.open(house.url)
    citizen.click("home-anhui")
    assert acr(citizen) == "L2"


def test_logout_at_home_ends_the_session_at_the_page(house: House, citizen: Person) -> None:
    """From machine to machine: Anhui tells the broker, and the broker tells Shanghai's page."""
    log_in(citizen, house)
    before = house.journal.count(ENDED)
    citizen.open(f"{house.server.issuer('anhui')}/protocol/openid-connect/logout")
    citizen.see("kc-logout")
    citizen.picture("logout-at-home")
    citizen.click("kc-logout")
    wait.until("the page to hear of it", lambda: house.journal.count(ENDED) > before, seconds=20)
    citizen.open(house.url)
    citizen.see("home-anhui")
    assert not citizen.has("acr")


def test_a_stolen_cookie_is_worth_nothing_after_the_logout(house: House, citizen: Person) -> None:
    log_in(citizen, house)
    stolen = citizen.driver.get_cookie("__Host-affairs")
    assert stolen and stolen["httpOnly"] and stolen["secure"] and stolen["sameSite"] == "Lax"
    citizen.click("logout")
    citizen.see("out")
    citizen.driver.add_cookie(stolen)
    citizen.open(house.url)
    citizen.see("home-anhui")
    assert not citizen.has("acr")


def test_who_reads_english_is_spoken_to_in_english_all_the_way(house: House, anybody: Callable[..., Person]) -> None:
    reader = anybody("en-GB")
    reader.open(house.url)
    assert "Choose your province" in reader.text
    reader.picture("first-en")
    reader.click("elsewhere")
    assert "Choose your province" in reader.see("kc-page-title").text
    reader.click("social-anhui")
    reader.see("username")
    assert "Log in" in reader.see("kc-page-title").text
    reader.picture("login-en")

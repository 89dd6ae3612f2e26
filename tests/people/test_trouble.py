"""What goes wrong for a person is said on a page in Chinese and English, with what to do now; each one is met for real."""

from __future__ import annotations

from pathlib import Path

from tests.people.browser import Person
from tests.people.house import House
from tests.people.test_login import CITIZEN, log_in

SECONDS = 60


def trouble(who: Person, house: House, code: str, picture: str) -> None:
    """The page's own page about trouble."""
    shown = who.see("problem")
    assert shown.get_attribute("data-code") == code, who.text
    assert who.url.startswith(house.url)
    _both(shown.text)
    who.picture(picture)


def told(who: Person, id_: str, zh: str, en: str, picture: str) -> None:
    """A message of a realm, on its own page."""
    shown = who.see(id_).text
    assert zh in shown and en in shown, shown
    who.picture(picture)


def _both(text: str) -> None:
    assert any("一" <= c <= "鿿" for c in text) and any(c.isascii() and c.isalpha() for c in text), text


def at_home(who: Person, house: House) -> None:
    who.open(house.url)
    who.click("home-anhui")
    who.see("username")


def test_a_wrong_password(house: House, citizen: Person) -> None:
    at_home(citizen, house)
    citizen.picture("login")
    citizen.log_in(CITIZEN, "not the password")
    told(citizen, "input-error", "用户名或密码不正确", "The user name or the password is not correct", "wrong-password")
    citizen.log_in(CITIZEN, house.secret(CITIZEN)["password"])
    citizen.see("acr")


def test_a_disabled_account(house: House, citizen: Person) -> None:
    admin = house.server.deployer()
    (user,) = admin.get("/anhui/users", username=CITIZEN, exact=True)
    with house.changed(f"/anhui/users/{user['id']}", enabled=False):
        at_home(citizen, house)
        citizen.log_in(CITIZEN, house.secret(CITIZEN)["password"])
        told(citizen, "kc-content", "该账户已停用", "This account is disabled", "disabled")
    citizen.log_in(CITIZEN, house.secret(CITIZEN)["password"])
    citizen.see("acr")


def test_a_wrong_one_time_code(house: House, citizen: Person) -> None:
    log_in(citizen, house)
    citizen.click("apply-household-registration")
    citizen.click("step-up")
    citizen.write("otp", "000000")
    citizen.click("kc-login")
    told(citizen, "input-error-otp-code", "动态口令不正确", "The one-time code is wrong", "wrong-code")


def test_the_home_province_is_down(house: House, citizen: Person) -> None:
    """Its realm is out of service, and says so to who comes straight from our page or by the broker's."""
    with house.changed("/anhui", enabled=False):
        citizen.open(house.url)
        citizen.click("home-anhui")
        told(citizen, "kc-error-message", "暂停服务", "out of service", "home-down")
        citizen.open(house.url)
        citizen.click("elsewhere")
        citizen.click("social-anhui")
        told(citizen, "kc-error-message", "暂停服务", "out of service", "home-down-at-the-broker")


def test_the_home_province_cannot_be_reached(house: House, citizen: Person) -> None:
    """Nobody listens there."""
    nowhere = {"issuer": "https://127.0.0.1:1/realms/anhui"}
    homes = [h | nowhere if h["name"] == "anhui" else h for h in house.settings["homes"]]
    house.stop()
    try:
        house.start(homes=homes)
        citizen.open(house.url)
        citizen.click("home-anhui")
        trouble(citizen, house, "AFF109", "home-unreachable")
    finally:
        house.stop()
        house.start()


def test_the_clock_of_the_page_is_ahead(house: House, citizen: Person) -> None:
    """What it signs is not valid yet for the broker, and what the broker signs is too old for it."""
    house.stop()
    try:
        house.start(prefix=("faketime", "-f", "+10m"))
        at_home(citizen, house)
        citizen.log_in(CITIZEN, house.secret(CITIZEN)["password"])
        trouble(citizen, house, "AFF104", "clock")
    finally:
        house.stop()
        house.start()


def test_the_login_has_expired_at_the_page(house: House, citizen: Person) -> None:
    """The way back from a login works once."""
    at_home(citizen, house)
    log_in(citizen, house)
    citizen.open(f"{house.url}/callback?state=used&code=used")
    trouble(citizen, house, "AFF101", "expired")


def test_the_login_has_expired_at_home(house: House, citizen: Person) -> None:
    at_home(citizen, house)
    citizen.driver.delete_all_cookies()
    citizen.log_in(CITIZEN, house.secret(CITIZEN)["password"])
    told(citizen, "kc-error-message", "登录已过期", "The login has expired", "expired-at-home")


def test_access_is_refused(house: House, citizen: Person) -> None:
    """The client that a page claims to be is switched off at the broker, then the login is refused on the way back."""
    citizen.open(f"{house.url}/callback?state=x&error=access_denied")
    trouble(citizen, house, "AFF102", "refused")
    (client,) = house.server.deployer().get("/region/clients", clientId="affairs")
    with house.changed(f"/region/clients/{client['id']}", enabled=False):
        citizen.open(house.url)
        citizen.click("elsewhere")
        told(citizen, "kc-error-message", "该应用已停用", "This application is disabled", "client-disabled")


def test_an_address_to_come_back_to_that_is_not_on_the_list(house: House, citizen: Person) -> None:
    citizen.open(house.url)
    citizen.click("elsewhere")
    citizen.see("social-anhui")
    citizen.open(citizen.url.replace("callback", "elsewhere"))
    told(citizen, "kc-error-message", "未经登记", "not registered", "redirect")


def test_a_form_of_another_site_is_refused(house: House, citizen: Person, tmp_path: Path) -> None:
    log_in(citizen, house)
    evil = tmp_path / "evil.html"
    evil.write_text(f'<form id="f" method="post" action="{house.url}/logout"><button id="go">go</button></form>')
    citizen.open(evil.as_uri())
    citizen.click("go")
    trouble(citizen, house, "AFF106", "foreign-form")
    citizen.open(house.url)
    citizen.see("acr")


def test_nothing_is_there(house: House, citizen: Person) -> None:
    citizen.open(f"{house.url}/nowhere")
    trouble(citizen, house, "AFF108", "nowhere")


def test_the_broker_does_not_answer(house: House, citizen: Person) -> None:
    """Last in this file: the identity centre is killed, and started again."""
    house.server.stop()
    try:
        house.stop()
        house.start()
        citizen.open(house.url)
        citizen.click("elsewhere")
        trouble(citizen, house, "AFF103", "broker-down")
    finally:
        house.server.run()
    citizen.open(house.url)
    citizen.click("elsewhere")
    citizen.see("social-anhui")

"""Who may come in: this host, this site, this token; and what every answer carries."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

HOST = "127.0.0.1:8640"
TOKEN = "a-token-of-forty-three-characters-or-so-long"


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    assert stranger.get("/train").status_code == 401
    welcome = stranger.get("/train", params={"token": TOKEN, "x": "a b"})
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/train?x=a+b")
    cookie = welcome.headers["set-cookie"]
    assert cookie.startswith(f"fittingroom-8640={TOKEN};")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert stranger.get("/train").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x"])
def test_another_token_opens_nothing(stranger: TestClient, token: str) -> None:
    refused = stranger.get("/train", params={"token": token})
    assert refused.status_code == 401
    assert "Open the whole address that `fittingroom web` printed" in refused.text
    stranger.cookies.set("fittingroom-8640", token)
    assert stranger.get("/train").status_code == 401
    assert stranger.get("/static/page.css").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8640", "127.0.0.1", "127.0.0.1:1", "localhost:8640"])
def test_another_name_for_this_machine_is_refused(page: TestClient, host: str) -> None:
    assert page.get("/train", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8641"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_requests_that_other_sites_make_are_refused(page: TestClient, headers: dict[str, str]) -> None:
    for ask in (page.post, page.get):
        assert ask("/train/undo", headers=headers).status_code == 403


def test_a_link_on_another_site_may_lead_here(page: TestClient) -> None:
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert page.get("/train", headers=followed).status_code == 200
    assert page.post("/train/undo", headers=followed).status_code == 403


def test_a_socket_of_this_site_is_let_in(page: TestClient) -> None:
    with page.websocket_connect(f"ws://{HOST}/live/x", headers={"origin": f"http://{HOST}"}) as socket:
        socket.send_text("{}")
        with pytest.raises(WebSocketDisconnect) as left:
            socket.receive_text()
    assert left.value.code == 4404  # in, but there is no such run


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null"])
def test_sockets_have_to_name_this_site(page: TestClient, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    with pytest.raises(WebSocketDisconnect), page.websocket_connect(f"ws://{HOST}/live/x", headers=headers):
        pass


def test_a_socket_without_the_token_is_refused(stranger: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        stranger.websocket_connect(f"ws://{HOST}/live/x", headers={"origin": f"http://{HOST}"}),
    ):
        pass


@pytest.mark.parametrize("path", ["/train", "/runs", "/static/page.css", "/nothing"])
def test_every_answer_forbids_what_is_not_ours(page: TestClient, path: str) -> None:
    headers = page.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_what_there_is_not_is_said_on_a_page(page: TestClient) -> None:
    missing = page.get("/nothing")
    assert missing.status_code == 404
    assert "There is no such page." in missing.text
    unknown = page.get("/train/no-such-run")
    assert unknown.status_code == 404
    assert "there is no run &#34;no-such-run&#34;" in unknown.text


def test_an_endless_address_and_one_that_leads_elsewhere(stranger: TestClient) -> None:
    assert stranger.get(f"/data/image/x/{'9' * 5000}").status_code == 414
    answer = stranger.get(f"http://{HOST}//evil.example/", params={"token": TOKEN})
    assert answer.headers["location"] == "/evil.example/"

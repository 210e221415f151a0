"""Only requests from the pages of this server, by those who have its token, reach the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from support.builders import put_run

from contexta import Contexta
from contexta.ui.access import BODY_BYTES, POLICY, QUERY_BYTES, Access
from contexta.ui.routes import CHANGES, VIEWS, site

TOKEN = "the-token-of-this-start"
HOST = "http://127.0.0.1:7300"


@pytest.fixture
def stranger(ctx: Contexta) -> TestClient:
    """A browser without the token."""
    put_run(ctx, "march")
    return TestClient(Access(site(ctx), TOKEN), base_url=HOST, follow_redirects=False)


@pytest.fixture
def user(stranger: TestClient) -> TestClient:
    """A browser that opened the printed address."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 303
    return stranger


def every_address() -> list[str]:
    return [
        *VIEWS,
        *CHANGES,
        "/static/contexta.js",
        "/static/contexta.css",
        "/static/find.js",
        "/static/runs.js",
        "/static/charts.js",
        "/static/compare.js",
        "/static/uplot.js",
        "/static/uplot.css",
        "/static/icon.svg",
        "/unknown",
        "//elsewhere",
        "/../x",
    ]


@pytest.mark.parametrize("path", every_address())
def test_no_address_answers_without_the_cookie(stranger: TestClient, path: str) -> None:
    response = stranger.get(f"{HOST}{path}")
    assert response.status_code == 401
    assert "march" not in response.text


def test_every_route_is_in_the_list_of_this_test(ctx: Contexta) -> None:
    assert {route.path for route in site(ctx).routes} <= {*every_address()}  # type: ignore[attr-defined]  # all are Route


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    response = stranger.get(f"/compare?run=march&token={TOKEN}&run=april")
    assert (response.status_code, response.headers["location"]) == (303, "/compare?run=march&run=april")
    cookie = response.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x", TOKEN[:-1], "\N{SNOWMAN}"])
def test_another_token_gives_no_cookie(stranger: TestClient, token: str) -> None:
    response = stranger.get("/", params={"token": token})
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_the_exchange_never_leads_to_another_host(stranger: TestClient) -> None:
    location = stranger.get(f"{HOST}//evil.example/x?token={TOKEN}").headers["location"]
    assert location == "/evil.example/x"


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("127.0.0.1:7300", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("[::1]:7300", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.", False),
        ("evil.example:127.0.0.1", False),
        ("", False),
    ],
)
def test_hosts_are_compared_exactly_and_without_the_port(user: TestClient, host: str, is_allowed: bool) -> None:
    response = user.get("/", headers={"host": host})
    assert (response.status_code == 421) is not is_allowed
    if not is_allowed:
        assert "--host NAME" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:7301"},
        {"origin": "https://127.0.0.1:7300"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": HOST, "sec-fetch-site": "cross-site"},
        {"origin": HOST, "sec-fetch-site": "same-site"},
        {"origin": HOST, "sec-fetch-site": "none"},
    ],
)
def test_a_write_from_another_page_is_refused(user: TestClient, headers: dict[str, str]) -> None:
    assert user.post("/", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"origin": HOST}, {"origin": "null", "sec-fetch-site": "same-origin"}])
def test_a_write_from_a_page_of_this_server_is_accepted(user: TestClient, headers: dict[str, str]) -> None:
    assert user.post("/theme", headers=headers, data={"theme": "dark"}).status_code == 303


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_other_methods_are_refused(user: TestClient, method: str) -> None:
    assert user.request(method, "/", headers={"origin": HOST}).status_code == 405


def test_long_parameters_and_bodies_are_refused(user: TestClient) -> None:
    assert user.get("/?where=" + "x" * QUERY_BYTES).status_code == 414
    headers = {"origin": HOST}
    assert user.post("/", content=b"x" * (BODY_BYTES + 1), headers=headers).status_code == 413
    assert user.post("/", headers={**headers, "content-length": "many"}).status_code == 413
    assert user.post("/", headers={**headers, "content-length": "1" * 5_000}).status_code == 413


def test_web_sockets_are_refused(user: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), user.websocket_connect("/"):
        pass


@pytest.mark.parametrize("path", [*every_address(), "/log?run=march", "/run?run=nope", "/?where=%3E%3E"])
def test_every_response_restricts_what_a_browser_may_do(user: TestClient, path: str) -> None:
    headers = user.get(f"{HOST}{path}").headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert policy == POLICY or "sandbox" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_another_machine_needs_a_permission(ctx: Contexta, tmp_path: Path) -> None:
    from contexta.core.errors import InvalidInput
    from contexta.ui.web_server import serve

    with pytest.raises(InvalidInput, match="other machines") as raised:
        serve(ctx, host="0.0.0.0")
    assert "--allow-remote" in str(raised.value.hint)

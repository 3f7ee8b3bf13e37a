"""Who may use what: every route of ``/api`` against every role, as ``api_roles.py`` says."""

import re

import pytest

from config.database import Database
from hotline.accounts import Role
from hotline.api.auth import allow
from tests.hotline.api_roles import ROLES, STRANGERS
from tests.hotline.api_site import NOW, Site, problem


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the kind of database."""
    return "sqlite"


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


def test_every_route_of_the_api_is_in_the_list_and_the_list_has_no_other(site: Site) -> None:
    paths = site.app.openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {route for route in routes if route[1].startswith("/api")} == set(ROLES)


def test_the_description_names_the_roles_of_each_route(site: Site) -> None:
    paths = site.app.openapi()["paths"]
    for (method, path), roles in ROLES.items():
        operation = paths[path][method.lower()]
        assert operation.get("x-roles", []) == sorted(roles), (method, path)
        for role in roles:
            assert role in operation["description"], (method, path)


@pytest.mark.parametrize("role", Role)
async def test_each_role_may_use_its_routes_and_no_other(site: Site, role: Role) -> None:
    """A body or a path that cannot be used comes after the question who may; so anything but 401 and 403 is a yes."""
    await site.account("somebody", role)
    token, _ = await site.app.state.services.tokens.issue("somebody", "test", [role], NOW + 60, who="test")
    async with site.client(token) as client:
        for (method, path), roles in ROLES.items():
            answer = await client.request(method, re.sub(r"\{\w+\}", "x", path), json={})
            where = f"{method} {path} as {role}: {answer.text}"
            if role in roles:
                assert answer.status_code not in (401, 403), where
            elif roles == STRANGERS:
                assert answer.status_code == 422, where
            else:
                told = problem(answer, 403, "forbidden")
                assert all(each in told["detail"] for each in roles), where


async def test_the_installation_s_token_may_use_everything(site: Site) -> None:
    async with site.client() as client:
        for method, path in ROLES:
            answer = await client.request(method, re.sub(r"\{\w+\}", "x", path), json={})
            assert answer.status_code not in (401, 403), f"{method} {path}: {answer.text}"


async def test_a_strangers_route_tells_them_what_is_missing(site: Site) -> None:
    async with site.client(None) as client:
        for (method, path), roles in ROLES.items():
            answer = await client.request(method, re.sub(r"\{\w+\}", "x", path), json={})
            problem(answer, 422, "request-invalid") if roles == STRANGERS else problem(answer, 401, "token")


def test_a_route_for_nobody_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="nobody"):
        allow()

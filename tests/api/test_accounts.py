"""Sign in over HTTP."""

from core.contracts.states import Role
from tests.api.conftest import PASSWORD, V1, Business, Server, sign_in


async def test_a_session_from_sign_in_to_sign_out(server: Server, business: Business) -> None:
    pair = await sign_in(server, business.emails[Role.STAFF].upper())
    async with server.client(pair["access_token"]) as member:
        me = (await member.get(f"{V1}/me")).json()
        assert (me["tenant_id"], me["role"], me["timezone"]) == (str(business.tenant_id), "staff", "Europe/Lisbon")
        members = (await member.get(f"{V1}/members")).json()["items"]
        assert {item["role"] for item in members} == {"owner", "staff"}
        assert "password" not in str(members)
        following = (await member.post(f"{V1}/auth/refresh", json={"refresh_token": pair["refresh_token"]})).json()
        bye = await member.post(f"{V1}/auth/logout", json={"refresh_token": following["refresh_token"]})
        assert bye.status_code == 204
        over = await member.post(f"{V1}/auth/refresh", json={"refresh_token": following["refresh_token"]})
    assert (over.status_code, over.json()["code"]) == (401, "session_over")


async def test_a_refused_sign_in_is_a_problem_that_says_what_to_do(server: Server) -> None:
    async with server.client() as anybody:
        answer = await anybody.post(f"{V1}/auth/login", json={"email": "nobody@example.com", "password": "x" * 12})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    problem = answer.json()
    assert problem["code"] == "login_failed"
    assert problem["hint"]
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_guessing_is_slowed_down(server: Server) -> None:
    async with server.client() as anybody:
        body = {"email": "guess@example.com", "password": "x" * 12}
        answers = [await anybody.post(f"{V1}/auth/login", json=body) for _ in range(12)]
    assert [answer.status_code for answer in answers][-1] == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_a_person_who_signs_in_often_is_not_taken_for_a_guesser(server: Server, business: Business) -> None:
    body = {"email": business.emails[Role.STAFF], "password": PASSWORD}
    async with server.client() as anybody:
        answers = [await anybody.post(f"{V1}/auth/login", json=body) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}


async def test_bad_input_names_the_field_and_never_repeats_it(server: Server) -> None:
    async with server.client() as anybody:
        answer = await anybody.post(
            f"{V1}/auth/login", json={"email": "no address", "password": "hunter2hunter2", "x": 1}
        )
    assert answer.status_code == 422
    assert {fault["where"] for fault in answer.json()["errors"]} == {"body.email", "body.x"}
    assert "hunter2" not in answer.text
    assert "no address" not in answer.text


async def test_tokens_that_are_none(server: Server, business: Business) -> None:
    for token in ("nonsense", business.tokens[Role.OWNER][:-3] + "abc", "wxd_" + "0" * 76):
        async with server.client(token) as anybody:
            assert (await anybody.get(f"{V1}/me")).status_code == 401
    async with server.client() as anybody:
        assert (await anybody.get(f"{V1}/me")).status_code == 401

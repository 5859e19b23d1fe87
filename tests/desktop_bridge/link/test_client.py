"""What the bridge says to the server, where it is refused before it is sent."""

import pytest
from pydantic import SecretStr

from core.errors import InvalidInput
from desktop_bridge.link.client import ServerClient
from tests.desktop_bridge.link.desk import TOKEN, run_desk


@pytest.mark.parametrize("data", ["short", "2@" + "x" * 2000])
async def test_what_is_no_linking_code_is_refused_without_being_repeated(data: str) -> None:
    async with run_desk() as desk:
        client = ServerClient(desk.url, SecretStr(TOKEN))
        with pytest.raises(InvalidInput) as refused:
            await client.hand_in_code(data, 1)
        await client.close()
        assert data not in f"{refused.value!r} {refused.value.__cause__!r}"
        assert desk.codes == []

"""An exported chat of a café and one customer, and a proposal that came of it."""

from tests.api.conftest import Business

FILE = "WhatsApp Chat with Carla Mendes.txt"
CHAT = "\n".join(
    [
        "13/05/2024, 09:58 - Messages and calls are end-to-end encrypted. Only people in this chat can read them.",
        "13/05/2024, 10:00 - Carla Mendes: Hi, this is Carla. Are dogs allowed on the terrace?",
        "13/05/2024, 10:02 - Corner Café: Hi Carla! Dogs are welcome on the terrace all year.",
        "13/05/2024, 10:03 - Carla Mendes: Great, my number is +351 912 345 678",
        "14/05/2024, 11:00 - Carla Mendes: Do you have oat milk?",
        "14/05/2024, 11:05 - Corner Café: Yes, oat milk costs 40 cents more.",
        "14/05/2024, 11:06 - Carla Mendes: <Media omitted>",
        "",
    ]
)


async def one_proposal(business: Business) -> str:
    """Import the chat and return the id of one proposal."""
    answer = await business.ask(business.owner, "POST", "/history/imports", files={"file": (FILE, CHAT.encode())})
    assert answer.status_code == 201, answer.text
    listed = (await business.ask(business.owner, "GET", "/history/proposals")).json()["items"]
    return str(listed[0]["id"])

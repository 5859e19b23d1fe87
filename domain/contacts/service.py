"""What is known of a contact beside the chat."""

from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.phones import e164
from domain.chats.models import Chat
from domain.contacts.models import Contact, ContactAddress


async def phones_in(session: AsyncSession, chat_id: UUID) -> set[str]:
    """Return the numbers (E.164) that a chat's customer is known to write from. A customer who is not in the phone's address book
    stands in the list under the number itself; one who is stands under a name, which proves none.
    """
    around = (
        select(Chat.title, Contact.display_name, ContactAddress.value)
        .outerjoin(Contact, and_(Contact.tenant_id == Chat.tenant_id, Contact.id == Chat.contact_id))
        .outerjoin(
            ContactAddress,
            and_(
                ContactAddress.tenant_id == Contact.tenant_id,
                ContactAddress.contact_id == Contact.id,
                ContactAddress.kind == "phone",
            ),
        )
        .where(Chat.id == chat_id)
    )
    said = {value for row in await session.execute(around) for value in row if value}
    return {number for number in map(e164, said) if number}

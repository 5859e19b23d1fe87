"""Every table of the desk by one import, for migrations and for the tests that look over all of them."""

from core.db.base import Base
from domain.accounts.models import RefreshToken, Tenant, User
from domain.audit.models import AuditEntry
from domain.byok.models import OwnerDraft
from domain.channels.models import Channel
from domain.chats.models import (
    Attachment,
    AutomationSighting,
    AutomationText,
    Chat,
    ChatPause,
    Message,
    MessageRevision,
)
from domain.contacts.models import Contact, ContactAddress
from domain.devices.models import Device, Pairing
from domain.directory.models import DirectoryEntry
from domain.drafts.models import Draft, DraftPassage, DraftRun
from domain.due.models import Due
from domain.history.models import ImportedHistory
from domain.knowledge.models import (
    EmbeddingModelRow,
    KnowledgeChunk,
    KnowledgeDecision,
    KnowledgeSource,
    KnowledgeVersion,
    VectorAda002,
    VectorUsem3,
)
from domain.policies.models import Policy
from domain.prompts.models import Prompt, PromptLabel
from domain.proposals.models import Proposal
from domain.sends.models import Send
from domain.usage.models import AiInteraction

METADATA = Base.metadata
TABLES: tuple[type[Base], ...] = (
    Tenant, User, RefreshToken, DirectoryEntry, Due, AuditEntry, Policy, Prompt, PromptLabel,
    Contact, ContactAddress, Channel, Device, Pairing, Chat, Message, MessageRevision, Attachment,
    ChatPause, AutomationText, AutomationSighting,
    DraftRun, Draft, DraftPassage, Send, KnowledgeSource, KnowledgeVersion, KnowledgeChunk, KnowledgeDecision,
    VectorUsem3, VectorAda002, EmbeddingModelRow, AiInteraction,
    ImportedHistory, Proposal, OwnerDraft,
)  # fmt: skip
WITHOUT_TENANT_POLICY = ("directory", "due", "embedding_models")
"""The only tables without row-level security: none holds content (decisions 3 and 21)."""

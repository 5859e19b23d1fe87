"""Writes chats as WhatsApp's export does, in the ways of phones of several countries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.contracts.history import DateOrder, PastKind, PastMessage

NARROW = "\u202f"
LRM = "\u200e"
RLM = "\u200f"
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@dataclass(frozen=True, slots=True)
class Form:
    """One way to begin a line. `omitted` stands for a file, `deleted` for what was taken back, `edited` behind what was changed."""

    stamp: Callable[[datetime], str]
    order: DateOrder
    seconds: bool = False
    omitted: str = "<Media omitted>"
    deleted: str = "This message was deleted"
    edited: str = " <This message was edited>"
    notice: str = "Messages and calls are end-to-end encrypted. Only people in this chat can read them."


def _clock(at: datetime, am: str, pm: str) -> str:
    return f"{at.hour % 12 or 12}:{at:%M}{NARROW}{am if at.hour < 12 else pm}"


def _zh(at: datetime) -> str:
    return f"{at.year}/{at.month}/{at.day} {'上午' if at.hour < 12 else '下午'}{at.hour % 12 or 12}:{at:%M}"


FORMS = {
    "us": Form(lambda at: f"{at.month}/{at.day}/{at:%y}, {_clock(at, 'AM', 'PM')} - ", DateOrder.MDY),
    "gb": Form(lambda at: f"{at:%d/%m/%Y, %H:%M} - ", DateOrder.DMY),
    "in": Form(lambda at: f"{at:%d/%m/%y}, {_clock(at, 'am', 'pm')} - ", DateOrder.DMY),
    "es": Form(
        lambda at: f"{at.day}/{at.month}/{at:%y}, {_clock(at, 'a. m.', 'p. m.')} - ", DateOrder.DMY,
        omitted="<Multimedia omitido>", deleted="Se eliminó este mensaje.", edited=" <Se editó este mensaje.>",
        notice="Los mensajes y las llamadas están cifrados de extremo a extremo. Nadie puede leerlos.",
    ),
    "br": Form(
        lambda at: f"{at:%d/%m/%Y %H:%M} - ", DateOrder.DMY, omitted="<Mídia oculta>", deleted="Mensagem apagada",
        edited=" <Mensagem editada>", notice="As mensagens são protegidas com a criptografia de ponta a ponta.",
    ),
    "de": Form(
        lambda at: f"{at:%d.%m.%y, %H:%M} - ", DateOrder.DMY, omitted="<Medien ausgeschlossen>",
        deleted="Diese Nachricht wurde gelöscht.", edited=" <Diese Nachricht wurde bearbeitet.>",
        notice="Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.",
    ),
    "de_ios": Form(
        lambda at: f"[{at:%d.%m.%y, %H:%M:%S}] ", DateOrder.DMY, seconds=True, omitted=f"{LRM}Bild weggelassen",
        deleted=f"{LRM}Diese Nachricht wurde gelöscht.", edited=f" {LRM}<Diese Nachricht wurde bearbeitet.>",
    ),
    "fr": Form(
        lambda at: f"{at:%d/%m/%Y, %H:%M} - ", DateOrder.DMY, omitted="<Médias omis>",
        deleted="Ce message a été supprimé", edited=" <Ce message a été modifié>",
    ),
    "it": Form(
        lambda at: f"{at:%d/%m/%y, %H:%M} - ", DateOrder.DMY, omitted="<Media omessi>",
        deleted="Questo messaggio è stato eliminato", edited=" <Questo messaggio è stato modificato>",
    ),
    "ar": Form(
        lambda at: (
            f"{RLM}{at.day}{RLM}/{at.month}{RLM}/{at.year}، {at.hour % 12 or 12}:{at:%M} {'ص' if at.hour < 12 else 'م'} - "
        ).translate(ARABIC),
        DateOrder.DMY, omitted="<تم استبعاد الوسائط>", deleted="تم حذف هذه الرسالة", edited=" <تم تعديل هذه الرسالة>",
        notice="الرسائل والمكالمات مشفّرة بالكامل: لا أحد خارج هذه الدردشة يستطيع قراءتها.",
    ),
    "tr": Form(
        lambda at: f"{at.day}.{at:%m.%Y %H:%M} - ", DateOrder.DMY, omitted="<Medya dahil edilmedi>",
        deleted="Bu mesaj silindi", edited=" <Bu mesaj düzenlendi>",
    ),
    "ru": Form(
        lambda at: f"{at:%d.%m.%Y, %H:%M} - ", DateOrder.DMY, omitted="<Без медиафайлов>",
        deleted="Данное сообщение удалено", edited=" <Сообщение изменено>",
    ),
    "zh": Form(
        lambda at: f"{_zh(at)} - ", DateOrder.YMD, omitted="<省略多媒体文件>", deleted="此消息已删除", edited=" <此消息已编辑>",
    ),
    "iso": Form(lambda at: f"{at:%Y-%m-%d, %H:%M} - ", DateOrder.YMD),
    "ios": Form(
        lambda at: f"{LRM}[{at:%d/%m/%Y, %H:%M:%S}] ", DateOrder.DMY, seconds=True, omitted=f"{LRM}image omitted",
        deleted=f"{LRM}This message was deleted.", edited=f" {LRM}<This message was edited>",
        notice=f"Carla: {LRM}Messages and calls are end-to-end encrypted.",
    ),
    "ios_us": Form(
        lambda at: f"[{at.month}/{at.day}/{at:%y}, {at.hour % 12 or 12}:{at:%M:%S}{NARROW}{'AM' if at.hour < 12 else 'PM'}] ",
        DateOrder.MDY, seconds=True, omitted=f"{LRM}audio omitted", deleted=f"{LRM}You deleted this message.",
        edited=f" {LRM}<This message was edited>",
    ),
    "fi": Form(lambda at: f"[{at.day}.{at.month}.{at.year} klo {at.hour}.{at:%M.%S}] ", DateOrder.DMY, seconds=True),
}  # fmt: skip


def render(messages: Sequence[PastMessage], form: Form) -> str:
    """Return the text of the export file."""
    lines = []
    for message in messages:
        match message.kind:
            case PastKind.MEDIA:
                said = form.omitted + (f"\n{message.text}" if message.text else "")
            case PastKind.DELETED:
                said = form.deleted
            case _:
                said = message.text + (form.edited if message.edited else "")
        by = "" if message.author is None else f"{message.author}: "
        lines.append(form.stamp(message.at) + by + said)
    return "\n".join(lines) + "\n"

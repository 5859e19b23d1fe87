"""How far each attempt of each send has come. Every step is on disk before the machine takes the next one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from core.contracts.bridge import SendOrder, SendReport
from desktop_bridge.errors import BoxNotEmpty
from desktop_bridge.journal.store import Row, Store, now_text
from desktop_bridge.sends.phases import FOLLOWS, Phase, Recovery, recovery

_BOX_MEMORY = timedelta(days=1)


class WrongStep(RuntimeError):
    """A step that the machine may never take; a fault of the program, so the process ends."""


@dataclass(frozen=True)
class Attempt:
    """One try of one part. `arming` is the name under which it asks to click, the same whenever it is read again."""

    send_id: UUID
    number: int
    arming: UUID
    chat_id: UUID
    text: str
    phase: Phase
    tail: str | None
    armed_at: datetime | None
    deadline_at: datetime | None
    report: SendReport | None

    @property
    def recovery(self) -> Recovery:
        """What to do with it after a crash."""
        return recovery(self.phase, self.report.outcome if self.report else None)


class SendLog:
    """The part of the journal that the send machine writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.installation_id = store.installation_id

    def last(self, send_id: UUID) -> Attempt | None:
        """Return the newest attempt of a send, if this installation ever had one."""
        row = self._store.first("SELECT * FROM sends WHERE send_id = ? ORDER BY attempt DESC LIMIT 1", str(send_id))
        return self._attempt(row) if row else None

    def begin(self, order: SendOrder) -> Attempt:
        """Open a new attempt.

        Raises:
            WrongStep: an earlier attempt may have left, or its outcome is still owed.
        """
        earlier = self.last(order.send_id)
        if earlier is not None and earlier.recovery is not Recovery.BEGIN_ANEW:
            raise WrongStep(f"send {order.send_id} has an attempt in {earlier.phase}")
        number = earlier.number + 1 if earlier else 1
        with self._store.transaction():
            self._store.run(
                "INSERT INTO sends (send_id, attempt, chat_id, text, phase, begun_at) VALUES (?, ?, ?, ?, ?, ?)",
                str(order.send_id), number, str(order.chat_id), order.text, Phase.LEASED, now_text(),
            )  # fmt: skip
            self._note(order.send_id, number, Phase.LEASED)
        return self._reload(order.send_id)

    def step(
        self,
        attempt: Attempt,
        phase: Phase,
        *,
        tail: str | None = None,
        armed_at: datetime | None = None,
        deadline_at: datetime | None = None,
        report: SendReport | None = None,
    ) -> Attempt:
        """Write that `phase` is reached, with what belongs to it; other fields keep their value.

        Raises:
            WrongStep: the step may not follow the present one, or somebody else has gone on meanwhile.
        """
        if phase not in FOLLOWS[attempt.phase]:
            raise WrongStep(f"{phase} does not follow {attempt.phase}")
        with self._store.transaction():
            changed = self._store.run(
                """UPDATE sends SET phase = ?, tail = coalesce(?, tail), armed_at = coalesce(?, armed_at),
                          deadline_at = coalesce(?, deadline_at), report = coalesce(?, report), outcome = coalesce(?, outcome)
                   WHERE send_id = ? AND attempt = ? AND phase = ?""",
                phase, tail, _text(armed_at), _text(deadline_at), report.model_dump_json() if report else None,
                report.outcome if report else None, str(attempt.send_id), attempt.number, attempt.phase,
            )  # fmt: skip
            if changed != 1:
                raise WrongStep(f"send {attempt.send_id} is no longer {attempt.phase}")
            self._note(attempt.send_id, attempt.number, phase)
        return self._reload(attempt.send_id)

    def unsettled(self) -> list[Attempt]:
        """Return the attempts whose outcome is not known or not yet reported, oldest first."""
        rows = self._store.all("SELECT * FROM sends WHERE phase <> ? ORDER BY begun_at", Phase.REPORTED)
        newest = [
            a for row in rows if (last := self.last((a := self._attempt(row)).send_id)) and last.number == a.number
        ]
        return [a for a in newest if a.recovery is not Recovery.BEGIN_ANEW]

    def texts_typed_in(self, chat_id: UUID, now: Attempt) -> list[str]:
        """Return the texts of the last day that earlier attempts than `now` may have left in this chat's box, newest first."""
        since = _text(datetime.now(UTC) - _BOX_MEMORY)
        rows = self._store.all(
            """SELECT text FROM sends
               WHERE chat_id = ? AND begun_at > ? AND coalesce(outcome, '') <> 'sent' AND phase <> ?
                 AND coalesce(json_extract(report, '$.code'), '') <> ? AND NOT (send_id = ? AND attempt = ?)
               ORDER BY begun_at DESC""",
            str(chat_id), since, Phase.LEASED, BoxNotEmpty.code, str(now.send_id), now.number,
        )  # fmt: skip
        return [row["text"] for row in rows]

    def left_typing(self) -> list[Attempt]:
        """Return of each chat the newest attempt of the last day, where it got to typing and came to no known end here."""
        since = _text(datetime.now(UTC) - _BOX_MEMORY)
        rows = self._store.all("SELECT * FROM sends WHERE begun_at > ? ORDER BY begun_at", since)
        newest = {row["chat_id"]: self._attempt(row) for row in rows}
        ended = {Phase.LEASED, Phase.READ_BACK, Phase.REPORTED}
        return [one for one in newest.values() if one.phase not in ended]

    def claimed(self, chat_id: UUID, but: UUID) -> frozenset[str]:
        """Return the bubbles that other sends of this chat were already matched with."""
        rows = self._store.all(
            "SELECT report FROM sends WHERE chat_id = ? AND send_id <> ? AND report IS NOT NULL", str(chat_id), str(but)
        )
        reports = [SendReport.model_validate_json(row["report"]) for row in rows]
        return frozenset(report.external_id for report in reports if report.external_id)

    def newest_sent(self) -> tuple[str, datetime] | None:
        """Return the bubble of the send that was read back last, and when."""
        row = self._store.first(
            """SELECT report, at FROM sends JOIN send_steps USING (send_id, attempt)
               WHERE outcome = 'sent' AND send_steps.phase = ? ORDER BY at DESC LIMIT 1""",
            Phase.READ_BACK,
        )
        external_id = SendReport.model_validate_json(row["report"]).external_id if row else None
        return (external_id, datetime.fromisoformat(row["at"])) if row and external_id else None

    def armed_since(self, moment: datetime, chat_id: UUID | None = None) -> list[datetime]:
        """Return when the sends since `moment` were armed, oldest first, in one chat or in all."""
        mine = str(chat_id) if chat_id else None
        rows = self._store.all(
            "SELECT armed_at FROM sends WHERE armed_at >= ? AND (? IS NULL OR chat_id = ?) ORDER BY armed_at",
            _text(moment), mine, mine,
        )  # fmt: skip
        return [datetime.fromisoformat(row["armed_at"]) for row in rows]

    def steps(self, send_id: UUID) -> list[tuple[int, Phase, datetime]]:
        """Return every step of a send with its attempt and time, for reports and tests."""
        rows = self._store.all("SELECT * FROM send_steps WHERE send_id = ? ORDER BY rowid", str(send_id))
        return [(row["attempt"], Phase(row["phase"]), datetime.fromisoformat(row["at"])) for row in rows]

    def _reload(self, send_id: UUID) -> Attempt:
        attempt = self.last(send_id)
        if attempt is None:
            raise WrongStep(f"send {send_id} is not in the journal")
        return attempt

    def _attempt(self, row: Row) -> Attempt:
        return Attempt(
            send_id=UUID(row["send_id"]),
            number=row["attempt"],
            arming=uuid5(self.installation_id, f"{row['send_id']}/{row['attempt']}"),
            chat_id=UUID(row["chat_id"]),
            text=row["text"],
            phase=Phase(row["phase"]),
            tail=row["tail"],
            armed_at=_moment(row["armed_at"]),
            deadline_at=_moment(row["deadline_at"]),
            report=SendReport.model_validate_json(row["report"]) if row["report"] else None,
        )

    def _note(self, send_id: UUID, number: int, phase: Phase) -> None:
        self._store.run("INSERT INTO send_steps VALUES (?, ?, ?, ?)", str(send_id), number, phase, now_text())


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

"""Nobody stays behind because a hint could not be sent."""

import threading

from core.contracts.bridge import BridgeHint, BridgeHintType
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.db.session import DeviceHint, Effect
from core.jobs.dispatch import Dispatcher


def test_whoever_missed_a_hint_is_told_to_ask_once_redis_answers_again() -> None:
    tenant, device = new_id(), new_id()
    away, told, all_told = [True], list[Effect](), threading.Event()

    def publish(effect: Effect) -> None:
        if away:
            away.clear()
            raise ConnectionError
        told.append(effect)
        if len(told) == 2:
            all_told.set()

    dispatcher = Dispatcher(lambda _ring: None, publish)
    dispatcher(
        [
            Event(type=EventType.CHAT_UPDATED, tenant_id=tenant),
            DeviceHint(device, BridgeHint(type=BridgeHintType.SEND_CANCELLED)),
            Event(type=EventType.DRAFT_UPDATED, tenant_id=tenant),
        ]
    )
    assert all_told.wait(10), "nobody was told"
    dispatcher.stop()
    event, hint = told
    assert isinstance(event, Event)
    assert isinstance(hint, DeviceHint)
    assert (event.type, event.tenant_id) == (EventType.RESYNC, tenant)
    assert (hint.hint.type, hint.device_id) == (BridgeHintType.SEND_QUEUED, device)

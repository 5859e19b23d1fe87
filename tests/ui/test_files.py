"""Files of messages in the panel: four formats are drawn, everything else is a line to save, and nothing runs."""

import base64

import httpx
from playwright.async_api import expect

from core.contracts.chats import Attachment
from core.contracts.ids import new_id
from core.contracts.states import FileProblem, MessageKind
from tests.ui.conftest import Panel, SignIn
from tests.ui.standin_api import Standin

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mOsr6//DwAFhQKAfWiPqQAAAABJRU5ErkJggg=="
)
EVIL = b"<!doctype html><script>parent.document.title='owned'</script>"


def _file(story: Standin, content: bytes | None, mime: str, name: str | None = None, **more: object) -> Attachment:
    made = Attachment(id=new_id(), mime=mime, name=name, size=len(content or b""), available=content is not None)
    if content is not None:
        headers = {"Content-Type": mime, "Content-Disposition": f'attachment; filename="{name or "file"}"'}
        story.files[made.id] = (content, headers)
    return made.model_copy(update=more)


async def test_a_thread_shows_pictures_and_offers_the_rest(story: Standin, sign_in: SignIn) -> None:
    chat = story.chat("Jonas Weber")
    picture = _file(story, PNG, "image/png", "p.png", picture=True)
    page_ = _file(story, EVIL, "text/html", "<b>photo</b>.jpg")
    large = _file(story, None, "video/mp4", "film.mkv", problem=FileProblem.TOO_LARGE, size=17 * 2**20)
    coming = _file(story, None, "audio/ogg")
    story.hear(chat.id, "", kind=MessageKind.IMAGE, attachments=[picture])
    for one in (page_, large, coming):
        story.hear(chat.id, "", kind=MessageKind.DOCUMENT, attachments=[one])
    page = await sign_in()
    await page.click(f'.chat-row[data-chat="{chat.id}"]')
    shown = page.locator(".msg .picture img")
    await expect(shown).to_be_visible()
    await page.wait_for_function("() => document.querySelector('.msg .picture img').naturalWidth === 1")
    lines = page.locator(".msg .file")
    await expect(lines).to_have_count(3)
    await expect(lines.nth(0).locator(".name")).to_have_text("<b>photo</b>.jpg")
    await expect(lines.nth(1)).to_contain_text("Larger than 16 MB")
    await expect(lines.nth(2)).to_contain_text("On its way")
    async with page.expect_download() as saved:
        await lines.nth(0).get_by_text("Save").click()
    assert (await (await saved.value).path()).read_bytes() == EVIL
    assert (await page.title()).endswith("WAXOS")


async def test_the_door_of_files(panel: Panel, story: Standin, sign_in: SignIn) -> None:
    chat = story.chat("Jonas Weber")
    page_, picture = _file(story, EVIL, "text/html", "x.html"), _file(story, PNG, "image/png")
    drawing = _file(story, b"<svg onload='alert(1)'/>", "image/svg+xml")
    path = f"/files/{chat.id}"
    async with httpx.AsyncClient(base_url=panel.url, trust_env=False) as anonymous:
        assert (await anonymous.get(f"{path}/{picture.id}")).status_code == 401
        story.calls.clear()
        page = await sign_in()
        cookies = {c["name"]: c["value"] for c in await page.context.cookies()}
        for one, mime in (
            (page_, "application/octet-stream"),
            (drawing, "application/octet-stream"),
            (picture, "image/png"),
        ):
            answer = await anonymous.get(f"{path}/{one.id}", cookies=cookies)
            assert (answer.status_code, answer.headers["content-type"]) == (200, mime)
            assert answer.headers["content-disposition"].startswith("attachment;")
            assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert (await anonymous.get(f"{path}/{new_id()}", cookies=cookies)).status_code == 404
        for odd in (f"{path}/x", f"{path}/../{picture.id}", "/files/", f"/files/{picture.id}"):
            assert (await anonymous.get(odd, cookies=cookies)).status_code == 404

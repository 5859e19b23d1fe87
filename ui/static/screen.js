// A list that follows the events: knowledge sources, channels.
import { ask, coalesced, notify, patch } from "./dom.js";

/** Start a screen: called once by Gradio when the component is there. */
export function start(element, server, view, event) {
  const place = element.querySelector('[data-place="main"]');
  const notices = element.querySelector('[data-slot="notices"]');
  const shown = () => document.body.dataset.view === view;

  const draw = (answer) => {
    notify(notices, answer.notice);
    if (answer.fragments.main !== undefined) patch(place, answer.fragments.main);
  };
  const load = coalesced(async () => {
    if (!shown()) return true;
    const answer = await ask(server.show, {});
    draw(answer);
    return !answer.failed || answer.facts.code === "not_allowed";
  });

  document.addEventListener("waxos:view", load);
  document.addEventListener("waxos:note", ({ detail }) => ([event, "resync"].includes(detail.type) || (detail.type === "link" && detail.state === "live")) && load());
  element.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-do]");
    if (!button) return;
    if (button.dataset.sure && !button.dataset.asked) {
      button.dataset.asked = "1";
      button.textContent = button.dataset.sure;
      return;
    }
    button.disabled = true;
    draw(await ask(server.act, { do: button.dataset.do, id: button.dataset.id }));
    button.disabled = false;
  });
  load();
}

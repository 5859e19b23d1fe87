"use strict";
// Draws what the bridge says. Texts become text nodes only; a card is drawn anew only when it changed, so that no edit is lost.

const byId = (id) => document.getElementById(id);
const drawn = new Map();
let state = null;
let opened = null;

function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

function say(text, kind = "") {
  const box = byId("said");
  box.className = kind;
  box.textContent = text || "";
  box.hidden = !text;
}

async function call(path, body) {
  const headers = { "X-Waxos-Half": sessionStorage.getItem("half") || "" };
  const sent = body === undefined ? { headers } : {
    method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, { ...sent, cache: "no-store", credentials: "same-origin" });
  const told = await answer.json();
  if (answer.ok) return told;
  const wait = told.wait ? ` Try again in ${Math.ceil(told.wait)} s.` : "";
  const error = new Error([told.detail, told.hint].filter(Boolean).join("; ") + "." + wait);
  error.status = answer.status;
  throw error;
}

async function act(button, path, body) {
  const buttons = [...document.querySelectorAll("button")].filter((one) => !one.disabled);
  buttons.forEach((one) => { one.disabled = true; });
  button.setAttribute("aria-busy", "true");
  say("");
  try {
    await call(path, body);
    return true;
  } catch (error) {
    say(error.message);
    return false;
  } finally {
    buttons.forEach((one) => { one.disabled = false; });
    button.removeAttribute("aria-busy");
  }
}

function field(label, name, properties = {}) {
  const input = el("input", { name, autocomplete: "off", spellcheck: false, ...properties });
  return el("label", {}, label, input);
}

function secret(label, name, fresh) {
  return field(label, name, { type: "password", required: true, autocomplete: fresh ? "new-password" : "off" });
}

function whom(chosen) {
  const select = el("select", { name: "provider" });
  state.providers.forEach((one) => select.append(el("option", { value: one.name, textContent: one.title, selected: one.name === chosen })));
  const model = field("Model", "model");
  const address = field("Address (leave empty for the provider's own)", "address");
  const show = () => {
    const found = state.providers.find((one) => one.name === select.value);
    model.lastChild.placeholder = found.model;
    address.lastChild.placeholder = found.address;
  };
  select.addEventListener("change", show);
  show();
  return [el("label", {}, "Provider", select), model, address];
}

function form(id, fields, button, path, body) {
  const go = el("button", { type: "submit", className: "main", textContent: button });
  const made = el("form", { id }, el("div", { className: "fields" }, ...fields), el("div", { className: "acts" }, go));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(made));
    if (values.repeat !== undefined && values.repeat !== values[made.dataset.repeats]) {
      say("The two passwords are not the same.");
      return;
    }
    delete values.repeat;
    if (await act(go, path, body ? body(values) : values)) made.reset();
  });
  return made;
}

function enterKey() {
  const made = form("enter-key", [
    ...whom("openai"), secret("Key", "key"), secret("Master password (10 characters or more)", "password", true),
    secret("Master password, once more", "repeat", true),
  ], "Keep this key", "/api/key");
  made.dataset.repeats = "password";
  return [
    el("p", { className: "quiet", textContent: "The key is sealed with your master password and kept on this computer. Nobody can restore the password: with it lost, enter the key anew." }),
    made,
  ];
}

function keptKey() {
  const { key, unlocked, on } = state;
  const parts = [el("p", {}, `${key.provider}, model ${key.model}. Kept since ${new Date(key.kept_since).toLocaleDateString()}.`)];
  parts.push(unlocked
    ? el("div", { className: "acts" }, button("Lock the key", "", (b) => act(b, "/api/lock", {}), "lock-key"))
    : form("unlock", [secret("Master password", "password")], "Unlock the key", "/api/unlock"));
  parts.push(el("p", { className: on ? "" : "notice warn", id: "mode" }, on
    ? "Drafts on this channel are made here, with your key. Nothing is sent without your yes."
    : "Drafts on this channel are still made by the desk, with its own means."));
  parts.push(el("div", { className: "acts" }, button(on ? "Let the desk make drafts again" : "Make drafts with my key",
    on ? "" : "main", (b) => act(b, "/api/switch", { on: !on }), "switch")));
  parts.push(change(key));
  return parts;
}

function change(key) {
  const rotate = form("rotate", [
    secret("Present master password", "password"), ...whom(key.provider_name),
    field("New key (leave empty to keep it)", "key", { type: "password" }),
    field("New master password (leave empty to keep it)", "new_password", { type: "password", autocomplete: "new-password" }),
  ], "Exchange", "/api/rotate", (values) => {
    const same = values.provider === key.provider_name && !values.model && !values.address;
    return {
      password: values.password, key: values.key || null, new_password: values.new_password || null,
      ...(same ? {} : { provider: values.provider, model: values.model, address: values.address }),
    };
  });
  const sure = el("input", { type: "checkbox", id: "sure" });
  const gone = button("Delete the key", "bad", (b) => {
    if (sure.checked) return act(b, "/api/delete", {});
    say("Tick the box first: a deleted key cannot be brought back.");
    return null;
  }, "delete-key");
  return el("details", {}, el("summary", { textContent: "Exchange or delete the key" }), rotate,
    el("label", { className: "line sure" }, sure, "Delete the key and the drafts that were made with it"),
    el("div", { className: "acts" }, gone));
}

function button(text, className, go, id = "") {
  const made = el("button", { type: "button", className, textContent: text, id });
  made.addEventListener("click", () => go(made));
  return made;
}

function card(draft) {
  const head = el("div", { className: "line" }, el("h3", { textContent: draft.title || "A chat" }));
  const box = el("article", { className: "draft" }, head);
  box.dataset.draft = draft.id;
  if (draft.state === "made") return suggestion(draft, head, box);
  if (draft.state === "failed") {
    box.append(el("p", { className: "notice", textContent: `${[draft.failure.detail, draft.failure.hint].filter(Boolean).join("; ")}. Nobody else was asked.` }));
    box.append(el("div", { className: "acts" },
      button("Ask again", "main", (b) => act(b, `/api/drafts/${draft.id}/again`, {})), putAside(draft)));
    return box;
  }
  const says = draft.state === "making" ? "Your provider is being asked…"
    : state.unlocked ? "This draft is made next." : "Unlock the key, and this draft is made.";
  box.append(el("p", { className: "quiet", textContent: says }));
  return box;
}

function suggestion(draft, head, box) {
  head.append(el("span", { className: "badge own", textContent: "Own key" }));
  head.append(el("span", { className: "quiet", textContent: `${draft.model}, ${draft.tokens} tokens` }));
  if (draft.asked.length) box.append(el("blockquote", { textContent: draft.asked.join("\n") }));
  if (draft.missing.length) {
    box.append(el("div", { className: "notice warn" }, "The knowledge does not say:",
      el("ul", {}, ...draft.missing.map((one) => el("li", { textContent: one })))));
  }
  const boxes = draft.parts.map((part, number) => el("textarea", {
    value: part, rows: 3, ariaLabel: draft.parts.length > 1 ? `Reply, part ${number + 1}` : "Reply",
  }));
  box.append(...boxes);
  if (draft.marks.length) {
    box.append(el("div", { className: "notice warn" }, "The check marked:",
      el("ul", {}, ...draft.marks.map((one) => el("li", { textContent: one })))));
  } else if (draft.verdict === "pass") {
    box.append(el("p", { className: "quiet", textContent: "The check found nothing to mark. The desk checks the text once more before it is sent." }));
  }
  if (draft.sources.length) {
    box.append(el("details", {}, el("summary", { textContent: `Sources (${draft.sources.length})` }),
      ...draft.sources.map((one) => el("div", {}, el("strong", { textContent: one.title }), el("blockquote", { textContent: one.text })))));
  }
  const send = button("Approve and send", "main", (b) => act(b, `/api/drafts/${draft.id}/approve`, { parts: boxes.map((one) => one.value) }));
  send.dataset.act = "approve";
  box.append(el("div", { className: "acts" }, send, putAside(draft)));
  return box;
}

function putAside(draft) {
  return button("Put aside", "", (b) => act(b, `/api/drafts/${draft.id}/dismiss`, {}));
}

function drawKey() {
  const { key, unlocked } = state;
  const shows = JSON.stringify([key && [key.provider, key.model, key.address, key.kept_since], unlocked, state.on, state.trouble]);
  byId("lock").textContent = key ? (unlocked ? "Unlocked" : "Locked") : "";
  byId("lock").className = `badge ${unlocked ? "good" : "warn"}`;
  if (opened === shows) return;
  opened = shows;
  const trouble = state.trouble ? [el("p", { className: "notice", textContent: state.trouble })] : [];
  byId("key-body").replaceChildren(...trouble, ...(key ? keptKey() : enterKey()));
}

function drawDrafts() {
  const box = byId("drafts");
  const ids = new Set(state.drafts.map((draft) => draft.id));
  [...drawn.keys()].filter((id) => !ids.has(id)).forEach((id) => { drawn.get(id).node.remove(); drawn.delete(id); });
  state.drafts.forEach((draft) => {
    const looks = JSON.stringify([draft, draft.state === "waiting" && state.unlocked]);
    const before = drawn.get(draft.id);
    if (before && before.looks === looks) return;
    const node = card(draft);
    if (before) before.node.replaceWith(node);
    else box.append(node);
    drawn.set(draft.id, { looks, node });
  });
  let none = byId("none");
  if (!state.drafts.length && !none) {
    none = el("p", { id: "none", className: "quiet" });
    box.append(none);
  }
  if (none && state.drafts.length) none.remove();
  else if (none) none.textContent = state.on ? "Nothing waits. A customer's next question shows here." : "Nothing waits here while the desk makes the drafts.";
}

function drawOutcomes() {
  byId("done").hidden = !state.outcomes.length;
  byId("outcomes").replaceChildren(...state.outcomes.map((one) => el("li", { textContent: `${one.title}: ${one.says}` })));
}

async function follow() {
  try {
    state = await call(state ? `/api/state?seen=${state.seen}` : "/api/state");
    drawKey();
    drawDrafts();
    drawOutcomes();
  } catch (error) {
    say(error.status ? error.message : "The bridge on this computer does not answer. Is it running?");
    if (error.status === 401) return;
    await new Promise((done) => { setTimeout(done, 2000); });
  }
  follow();
}

follow();

// The last check before the one click, and the guard that stays until its verdict is read.
// `install` re-reads everything in one go and arms the listeners; from then on an event on the send button passes only while
// the deadline has not come and tail, header, label and box are what was approved, and only once. The rest is swallowed:
// a click that reaches a stopped browser is carried out when it wakes up, long after it was allowed.
(loc, read) => {
  const EVENTS = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
  let guard = null;

  const fault = (want) => {
    const now = read.state();
    if (performance.now() > want.deadline) return "deadline";
    if (!now.open || now.title !== want.title) return "header";
    if (now.label !== want.label) return "label";
    if (now.tail !== want.tail) return "tail";
    if (now.dialog) return "dialog";
    if (JSON.stringify(now.box) !== JSON.stringify(want.box)) return "box";
    return now.button ? null : "button";
  };
  const inspect = (want) => {
    try { return fault(want); } catch (odd) { return `landmark:${odd.landmark || odd}`; }
  };

  const onEvent = (event) => {
    const g = guard;
    if (!g || !event.isTrusted) return;
    const onButton = g.button.contains(event.target);
    const ours = Math.abs(event.clientX - g.point.x) < 2 && Math.abs(event.clientY - g.point.y) < 2;
    if (!onButton && !ours) return;
    let reason = g.swallowed;
    if (!reason && g.passed) reason = "second";
    if (!reason && !onButton) reason = "target";
    if (!reason) reason = inspect(g.want);
    if (reason) {
      if (!g.passed) g.swallowed = reason;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (g.closed && event.type === "click") remove();
    } else if (event.type === "click") {
      g.passed = performance.now();
    }
  };

  const remove = () => {
    for (const name of EVENTS) window.removeEventListener(name, onEvent, true);
    guard = null;
  };

  return {
    install: (want) => {
      remove();
      const reason = inspect(want);
      if (reason) return { ready: false, reason };
      const button = loc.one("send_button");
      const point = read.centre(button);
      const hit = document.elementFromPoint(point.x, point.y);
      if (!hit || !button.contains(hit)) return { ready: false, reason: "covered" };
      guard = { want, button, point, passed: null, swallowed: null, closed: false };
      for (const name of EVENTS) window.addEventListener(name, onEvent, true);
      return { ready: true, point };
    },
    // What became of the click. A guard that saw none is kept : its late click
    // would be swallowed. `close` says that no click is expected any more.
    verdict: (close) => {
      if (!guard) return { known: false, passed: false, swallowed: null };
      const answer = { known: true, passed: guard.passed !== null, swallowed: guard.swallowed };
      if (close && (answer.passed || answer.swallowed)) remove();
      else if (close) { guard.want.deadline = -1; guard.closed = true; }
      return answer;
    },
  };
}

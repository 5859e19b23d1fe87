// A click on a row of the list that moves: `take` says where the row is now and watches that place until `verdict`. What would
// land on anything but that row is swallowed, so that a list which re-orders under the mouse never opens another chat.
(loc, read) => {
  const EVENTS = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
  let aim = null;

  const onEvent = (event) => {
    if (!event.isTrusted || Math.abs(event.clientX - aim.point.x) > 2 || Math.abs(event.clientY - aim.point.y) > 2) return;
    if (aim.el.contains(event.target) && read.title(loc.one("row_title", aim.el)) === aim.title) {
      aim.pressed = aim.pressed || event.type === "mousedown";
      aim.clicked = aim.clicked || event.type === "click";
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const drop = () => {
    for (const name of EVENTS) window.removeEventListener(name, onEvent, true);
    aim = null;
  };

  return {
    // Answers null when no such row can be clicked now.
    take: ({ title, nth, group }) => {
      drop();
      const row = read.rows().filter((r) => r.title === title)[nth];
      if (!row || row.group !== group) return null;
      row.el.scrollIntoView({ block: "nearest" });
      const point = read.centre(row.el);
      const under = document.elementFromPoint(point.x, point.y);
      if (!under || !row.el.contains(under)) return null;
      aim = { el: row.el, title, point, pressed: false, clicked: false };
      for (const name of EVENTS) window.addEventListener(name, onEvent, true);
      return point;
    },
    // Whether the click went to the row; one that is drawn anew while the button is down counts as hit.
    verdict: () => {
      const hit = !!aim && aim.pressed && (aim.clicked || !aim.el.isConnected);
      drop();
      return hit;
    },
  };
}

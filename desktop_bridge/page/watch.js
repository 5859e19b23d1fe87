// Signals that something changed, never what. `after(n)` answers with the present count as soon as it differs from n.
() => {
  const QUIET_MS = 30;
  let count = 0;
  let waiting = [];
  let timer = null;
  const ring = () => { timer = null; count += 1; const now = waiting; waiting = []; now.forEach((wake) => wake(count)); };
  const observer = new MutationObserver(() => { timer = timer || setTimeout(ring, QUIET_MS); });
  observer.observe(document.documentElement, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["aria-label", "data-icon", "data-testid", "data-id", "title", "data-virtualized", "data-ref"],
  });
  return { count: () => count, after: (seen) => count !== seen ? Promise.resolve(count) : new Promise((wake) => waiting.push(wake)) };
}

// Keeps an open page as it is now: when the server says that something is new, the main part is put in anew.
// Nothing here is needed to read or to act: without it the page reloads by itself.
(() => {
  "use strict";
  const main = () => document.getElementById("main");
  const hint = document.getElementById("stale");
  let busy = false;
  let again = false;

  // Whoever is writing or reading further down must not lose the place.
  const inUse = () => {
    const at = document.activeElement;
    if (at && main().contains(at) && at.matches("input, textarea, select")) return true;
    return [...main().querySelectorAll("input:not([type=hidden]), textarea")].some((one) => one.value !== one.defaultValue);
  };

  const keyOf = (node) => {
    if (!node || !main().contains(node)) return null;
    const same = [...main().querySelectorAll("a, button, summary")];
    return same.indexOf(node) < 0 ? null : [node.tagName, node.textContent, node.getAttribute("href")].join("|");
  };

  const load = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh) return;
      if (inUse()) { hint.hidden = false; return; }
      const open = [...main().querySelectorAll("details")].map((one) => one.open);
      const focused = keyOf(document.activeElement);
      main().replaceWith(document.adoptNode(fresh));
      document.title = page.title;
      [...main().querySelectorAll("details")].forEach((one, i) => { if (open[i]) one.open = true; });
      if (focused) {
        const found = [...main().querySelectorAll("a, button, summary")].find((one) => keyOf(one) === focused);
        if (found) found.focus({ preventScroll: true });
      }
      hint.hidden = true;
    } catch {
      // The server is away: the browser's own next try tells when it is back.
    } finally {
      busy = false;
      if (again) { again = false; load(); }
    }
  };

  const start = () => {
    const events = new EventSource("/live");
    // Figures are kept for some seconds on the server: what is new may come with the second look only.
    events.addEventListener("news", () => { load(); setTimeout(load, 5000); });
    events.addEventListener("tick", () => { if (!document.hidden) load(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
    addEventListener("pagehide", () => events.close());
    addEventListener("pageshow", (back) => { if (back.persisted) location.reload(); });
  };
  if (document.body.dataset.live === "yes") start();
})();

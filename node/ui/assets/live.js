// An open page asks for itself again when the node says that something is new, and puts in the parts that have changed.
// Without this script every page works the same; its links and buttons load it anew.
(() => {
  "use strict";
  const main = document.querySelector("main[data-live]");
  if (!main || !window.EventSource) return;
  let seen = main.dataset.live;
  let source = null;
  let under_way = false;
  let again = false;

  const put = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const name = CSS.escape(part.dataset.part);
      const newer = fresh.querySelector(`[data-part="${name}"]`);
      if (!newer) { location.reload(); return; }
      // What a person is filling in stays as it is.
      if (part.contains(document.activeElement) && part.querySelector("input:not([type=hidden]), textarea:not([readonly]), select")) continue;
      if (part.dataset.state === newer.dataset.state && part.textContent === newer.textContent) continue;
      part.replaceWith(document.importNode(newer, true));
    }
  };

  const load = async () => {
    if (under_way) { again = true; return; }
    under_way = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Bevis-Part": "1" }, credentials: "same-origin" });
      if (answer.status === 401) { location.reload(); return; }
      if (answer.ok) put(await answer.text());
    } catch (error) {
      // The node is away; the stream opens again by itself when it is back.
    }
    under_way = false;
    if (again) { again = false; load(); }
  };

  const open = () => {
    source = new EventSource(`/events?since=${encodeURIComponent(seen)}`);
    source.addEventListener("news", (event) => { seen = event.lastEventId; load(); });
    source.addEventListener("end", (event) => { seen = event.lastEventId; source.close(); setTimeout(open, 500); });
  };
  open();
  addEventListener("pagehide", () => { if (source) source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();

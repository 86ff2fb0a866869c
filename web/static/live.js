// What the stream tells, brought to the parts of the page that show it, and never under the hand.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);

  // --- a list: the rows that changed at once, its counts every other second -------------------------------------

  const COUNTS_MS = 2000;
  const POLL_MS = 30000;
  let changed = new Set();  // items told of that stand in the list
  let any = false;  // any row may have changed
  let counts = false;  // how many there are may have changed
  let countedAt = 0;
  let asking = null;  // the part that waits for its answer
  let timer = 0;

  // Asks when there is something to ask, and one question at a time: what is told meanwhile is the next one.
  function look() {
    const part = find("#fresh");
    if (!part || (asking && asking.isConnected)) return;
    clearTimeout(timer);
    const owed = countedAt + COUNTS_MS - Date.now();
    if (any || changed.size || (counts && owed <= 0)) htmx.trigger(part, "look");
    else if (counts) timer = setTimeout(look, owed);
  }

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const part = ctx.sourceElement;
    if (part.id !== "fresh") return;
    const body = ctx.request.body;
    asking = part;
    const count = any || (counts && Date.now() - countedAt >= COUNTS_MS);
    if (!any) {
      const rows = body.getAll("row").filter((row) => changed.has(row.split(":")[0]));
      body.delete("row");
      for (const row of rows) body.append("row", row);
    }
    if (count) { body.set("counts", "1"); countedAt = Date.now(); counts = false; }
    any = false;
    changed = new Set();
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (!asking || ctx.sourceElement !== asking) return;
    asking = null;
    if (ctx.response && ctx.response.status === 200) look();
    else any = counts = true;  // asked again with the next word or the next poll
  });

  // --- what is told ----------------------------------------------------------------------------------------------

  let asked = 0;  // when the pane that comes was asked for
  const told = new Map();  // when an item was last told of
  document.addEventListener("htmx:before:sse:message", ({ detail: { message } }) => {
    const part = find("#fresh");
    if (part && message.event === `queue-${part.dataset.queue}`) {
      if (message.data === "any") any = true;
      else for (const id of message.data.split(" ")) if (document.getElementById(`row-${id}`)) changed.add(id);
      counts = true;
      look();
    }
    if (message.event === "desk") { counts = true; look(); }  // another queue changed: the rail beside the list counts it
    if (message.event.startsWith("item")) told.set(message.event, Date.now());
  });
  setInterval(() => { any = counts = true; look(); }, POLL_MS);

  // What is told while a pane is on its way finds nobody who listens: told again when the pane is there.
  const intoPane = (ctx) => ctx.target && ctx.target.id === "pane";
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (!intoPane(ctx)) return;
    asked = Date.now();
    for (const [name, at] of told) if (asked - at > POLL_MS) told.delete(name);
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const news = find("#news");
    if (!intoPane(ctx) || !news) return;
    const names = [`item-${news.closest("[data-item]").dataset.item}`, "items"];
    if (names.some((name) => told.get(name) >= asked)) htmx.trigger(news, "again");
  });

  // --- the hand --------------------------------------------------------------------------------------------------

  // A part of the page in which somebody writes is not refreshed under the hand.
  // Asked twice: somebody may begin while the answer is on its way. What it would have told waits for the hand, not for
  // the next poll.
  const waiting = new WeakMap();
  for (const moment of ["htmx:before:request", "htmx:before:response"]) {
    document.addEventListener(moment, (event) => {
      const source = event.detail.ctx.sourceElement;
      if (!source.matches("[data-waits]") || !find("details[open], textarea:focus, input:focus", source)) return;
      event.preventDefault();
      clearTimeout(waiting.get(source));
      waiting.set(source, setTimeout(() => htmx.trigger(source, "again"), 2000));
    });
  }

  // --- the connection: when it breaks, the page says so and polls -------------------------------------------------

  const link = (lost) => { const said = find("#link"); if (said) said.hidden = !lost; };
  document.addEventListener("htmx:sse:error", () => link(true));
  document.addEventListener("htmx:after:sse:connection", () => link(false));
  addEventListener("offline", () => link(true));
  // htmx calls again by itself only where it had got through once.
  document.addEventListener("htmx:error", (event) => {
    const source = event.target;
    if (!source.matches || !source.matches("[hx-sse\\:connect]")) return;
    link(true);
    setTimeout(() => htmx.ajax("GET", source.getAttribute("hx-sse:connect"), { source }), 30000);
  });
})();

// What the stream tells, brought to the parts of the page that show it, and never under the hand.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);

  // --- a list asks: about rows it was not given, and for counts of its own filter --------------------------------

  const COUNTS_MS = 2000;
  const POLL_MS = 30000;
  const QUIET_POLLS = 4;  // while the connection stands, a look every two minutes is enough
  const LATEST_MAX = 100;  // as web/reads/counts.py
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

  let polls = 0;
  setInterval(() => {
    const link = find("#link");
    polls += 1;
    if ((!link || link.hidden) && polls % QUIET_POLLS) return;
    any = counts = true;
    look();
  }, POLL_MS);

  // --- what is told (web/pages/events.py says what it means) ------------------------------------------------------

  const is = (drawn, looks) => Boolean(drawn && looks) && drawn.includes(`value="${looks}"`);

  // Whether the row stands in the list just so, as it does after an act of one's own.
  function stands(id, drawn) {
    const line = document.getElementById(`row-${id}`);
    return Boolean(line) && is(drawn, find("input[name=row]", line).value);
  }

  // Whether the pane shows the item just so: as it came with an act of one's own, and asked for no news since.
  function shows(id, drawn) {
    const pane = find(`#pane [data-item="${id}"]`);
    return Boolean(pane) && is(drawn, pane.dataset.row);
  }

  // The row as it came, linked under the filter of this list.
  function row(id, drawn, query) {
    const linked = drawn.replace(new RegExp(`(/queues/[^/"]+/${id})"`, "g"), (_, href) => `${href}${query.replaceAll("&", "&amp;")}"`);
    return `<hx-partial hx-target="#row-${id}" hx-swap="outerHTML">${linked}</hx-partial>`;
  }

  // How many came since the list was drawn, which shows or knows the others.
  function announce(part, latest) {
    const list = find("#list");
    const since = Date.parse(find("input[name=since]", list).value) - part.dataset.late;
    const known = new Set([...list.querySelectorAll("input[name=known], input[name=row]")].map((each) => each.value.split(":")[0]));
    const number = latest.filter(([id, at]) => at > since && !known.has(id)).length;
    if (!number) { part.replaceChildren(); return; }
    if (!find("a", part)) {
      part.replaceChildren(find("#announces").content.cloneNode(true));
      htmx.process(part);
    }
    const said = find("a span", part);
    const told = number < LATEST_MAX ? `${number}` : `${LATEST_MAX}+`;
    if (said.textContent !== told) said.textContent = told;
  }

  // What of the news is swapped into the list; what the list must ask for itself is noted.
  function drawn(news) {
    const part = find("#fresh");
    if (!part) return "";
    const { queue, query } = part.dataset;
    const everyones = "everyones" in part.dataset;  // the counts told to all are this list's own
    const parts = [];
    if (news.queues && news.queues.includes(queue)) {
      if (news.items === null) any = true;
      for (const id of news.items || []) {
        if (!document.getElementById(`row-${id}`)) continue;
        const given = news.rows && news.rows[id];
        if (given && !stands(id, given)) parts.push(row(id, given, query));
        if (!given || asking) changed.add(id);  // an answer on its way may be older than what was given
      }
      if (!everyones) counts = true;
    }
    if (news.counts) {
      parts.push(news.counts.rail);
      if (everyones) { parts.push(news.counts.list); announce(part, news.counts.latest); }
    }
    if (news.counted && (!news.counts || !everyones || asking)) counts = true;
    return parts.join("");
  }

  const ALL = "items";
  const named = (id) => (id === ALL ? ALL : `item-${id}`);
  let asked = 0;  // when the pane that comes was asked for
  const told = new Map();  // when an item was last told of, and its row as it came then
  document.addEventListener("htmx:before:sse:message", ({ target, detail: { message } }) => {
    if (message.event !== "news") return;
    const news = JSON.parse(message.data);
    const same = new Set(Object.entries(news.rows || {}).filter(([id, drawn]) => stands(id, drawn) || shows(id, drawn)).map(([id]) => id));
    message.data = drawn(news);
    if (message.data) message.event = "";  // swapped like any answer
    look();
    // what the pane shows of an item changes with its row only
    const items = news.items === null ? [ALL] : (news.items || []).filter((id) => !same.has(id));
    for (const id of items) told.set(id, { at: Date.now(), drawn: (news.rows || {})[id] });
    for (const name of [...(news.queues || []).map((queue) => `queue-${queue}`), ...items.map(named)]) htmx.trigger(target, name);
    if (news.counted) htmx.trigger(target, "desk");
  });

  // What is told while a pane is on its way finds nobody who listens: told again when the pane is there.
  const intoPane = (ctx) => ctx.target && ctx.target.id === "pane";
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.id === "news") delete ctx.sourceElement.closest("[data-item]").dataset.row;
    if (!intoPane(ctx)) return;
    asked = Date.now();
    for (const [id, { at }] of told) if (asked - at > POLL_MS) told.delete(id);
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    const news = find("#news");
    if (!intoPane(ctx) || !news) return;
    const missed = (id) => told.has(id) && told.get(id).at >= asked && !shows(id, told.get(id).drawn);
    if ([news.closest("[data-item]").dataset.item, ALL].some(missed)) htmx.trigger(news, "again");
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

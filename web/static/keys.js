// The keyboard of the desk. Every key only presses a button or follows a link that is on the page anyway.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const rows = () => [...document.querySelectorAll("#rows .row > a")];
  const press = (selector) => { const found = find(selector); if (found) { found.click(); return true; } return false; };

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(standing());
    const chosen = all.findIndex((link) => link.parentElement.classList.contains("chosen"));
    const from = here >= 0 ? here : chosen;
    const next = all[Math.min(all.length - 1, Math.max(0, from < 0 ? 0 : from + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function openDetails(selector) {
    const details = find(selector);
    if (!details) return;
    details.open = true;
    const field = find("textarea, select, input:not([type=hidden]), button", details);
    if (field) field.focus();
  }

  let picked = -1;
  function pick(range) {
    const all = rows();
    const here = all.indexOf(standing());
    const at = here >= 0 ? here : all.findIndex((link) => link.parentElement.classList.contains("chosen"));
    if (at < 0) return;
    const boxOf = (link) => find(".pick:not(:disabled)", link.parentElement);
    const on = !(boxOf(all[at]) || {}).checked;
    const from = range && picked >= 0 ? picked : at;
    for (const link of all.slice(Math.min(from, at), Math.max(from, at) + 1)) {
      const box = boxOf(link);
      if (box) tick(box, range || on);
    }
    picked = at;
  }

  function film(by) {
    const frames = [...document.querySelectorAll(".film .frame")];
    if (!frames.length) return;
    const here = frames.indexOf(document.activeElement);
    const next = frames[Math.min(frames.length - 1, Math.max(0, here < 0 ? 0 : here + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function openBeside(by) {
    step(by);
    const link = document.activeElement;
    if (link && link.matches("#rows .row > a")) link.click();
  }

  let sent = null;  // the form of the pane that is on its way, and the field one wrote in
  let nextWaits = false;
  let heading = false;  // the keyboard goes to what comes into the pane
  // n asks for the next: what is finished has been seen, so it leaves the list now, and not before.
  function next() {
    if (sent) { nextWaits = true; return; }  // first what was sent is answered: a refusal must be seen
    for (const done of document.querySelectorAll("#rows .row.closed")) done.remove();
    if (press("[data-key=n]")) heading = true;
  }

  const queues = {
    d: "documentation", a: "authorization", s: "scrub", r: "rejections", f: "follow_up", p: "posting", n: "denials",
    b: "patient_balance",
  };
  let going = 0;
  function go(key) {
    going = 0;
    if (key === "m") location.assign("/mentions");
    else if (key === "h") location.assign("/");
    else if (queues[key]) location.assign(`/queues/${queues[key]}`);
  }

  // A digit presses the button that carries it in the menu that is open.
  function digit(key) {
    const button = find(`details[open] [data-digit="${key}"]`);
    if (button) button.click();
    return Boolean(button);
  }

  const keys = {
    ArrowLeft: () => film(-1),
    ArrowRight: () => film(1),
    n: next,
    p: () => openDetails("#pane details[data-key=p]"),
    u: () => press("#toast [data-key=u]") || press("#news [data-key=u]"),
    z: () => press("#toast [data-key=u]") || press("#news [data-key=u]"),
    r: () => press("#news [data-key=r]"),
    t: () => press("#pane [data-key=t]"),
    a: () => openDetails("#pane details[data-key=a]"),
    o: () => openDetails("#pane details[data-decision=override]"),
    v: () => openDetails("details[data-key=v]"),
    l: () => openDetails("details[data-key=l]"),
    g: () => { going = Date.now(); },
    "[": () => openBeside(-1),
    "]": () => openBeside(1),
    j: () => step(1),
    k: () => step(-1),
    c: () => press("#pane [data-key=c]"),
    s: () => openDetails("#pane details[data-key=s]"),
    x: () => pick(false),
    X: () => pick(true),
    w: () => press("#many button.primary"),
    q: () => openDetails("#pane details[data-key=q]"),
    m: () => { const field = find("#pane [data-key=m]"); if (field) field.focus(); },
    e: () => openDetails("main details.decision"),
    "/": () => { const field = find("[data-key=search]"); if (field) { field.focus(); field.select(); } },
    ".": () => press("#fresh [data-key=load]"),
    "?": () => { const help = find("#help"); if (help) help.showModal(); },
  };

  // Out of a field, out of a menu, out of the pane to where one was in the list.
  function back(target) {
    const menu = find("details[open][data-key]");
    if (menu && menu.contains(document.activeElement)) { menu.open = false; find("summary", menu).focus(); return; }
    if (target.matches("input, textarea, select")) { target.blur(); return; }
    const link = find("#rows .row.chosen > a");
    if (link) link.focus();
  }

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.form) {
      event.preventDefault();
      const around = target.closest("details");
      const button = around ? find("button.primary", around) : null;  // a form of several decisions: the one written in
      target.form.requestSubmit(button && button.form === target.form ? button : undefined);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { back(target); return; }
    if (target.matches("input:not([type=checkbox]), textarea, select") || find("dialog[open]")) return;
    if (Date.now() - going < 2000) { event.preventDefault(); go(event.key); return; }
    if (/^\d$/.test(event.key) && digit(event.key)) { event.preventDefault(); return; }
    const act = keys[event.key];
    if (event.key.startsWith("Arrow") && !find(".film")) return;
    if (act) { event.preventDefault(); act(); }
  });

  // The row whose item stands in the pane is marked, whoever put it there.
  function mark() {
    const inner = find("#pane [data-item]");
    const item = inner ? inner.dataset.item : "";
    for (const row of document.querySelectorAll("#rows .row")) {
      const chosen = row.id === `row-${item}`;
      row.classList.toggle("chosen", chosen);
      const link = find("a", row);
      if (link) { if (chosen) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
    }
    const grid = find(".desk-grid");
    if (grid) grid.classList.toggle("has-item", Boolean(item));
  }

  // --- what a swap must not take away: where one stands, and what is ticked ------------------------------------

  let focused = "";
  let menu = "";  // the menu one was in: its button stays when what is in it is gone
  let region = "";
  // Where the keyboard stands, also in the moment between a swap that took its place away and the one that gives it back.
  const standing = () =>
    (document.activeElement === document.body && focused && document.getElementById(focused)) || document.activeElement;

  // Noted as it happens: one answer may swap several rows one after the other, and a row comes without its tick.
  const ticked = new Set();
  const note = (box) => { if (box.checked) ticked.add(box.value); else ticked.delete(box.value); };
  const tick = (box, on) => { box.checked = on; note(box); };
  document.addEventListener("change", (event) => { if (event.target.matches(".pick")) note(event.target); });
  function keepTicks() {
    const boxes = [...document.querySelectorAll(".pick:not(:disabled)")];
    for (const box of boxes) if (ticked.has(box.value)) box.checked = true;
    const here = new Set(boxes.map((box) => box.value));
    for (const value of ticked) if (!here.has(value)) ticked.delete(value);
  }

  document.addEventListener("htmx:before:swap", () => {
    const here = document.activeElement;
    if (here && here !== document.body && !here.closest("dialog")) {  // several swaps of one answer: the first took the focus away
      focused = here.id;
      const around = here.closest("details[data-key]");
      menu = around ? around.dataset.key : "";
      const part = here.closest("#pane, #list, #rail");
      region = part ? part.id : "";
    }
    for (const box of document.querySelectorAll(".pick:checked")) ticked.add(box.value);  // the browser may bring some back
  });

  // What was written is on its way, so the keyboard leaves the field: keys are commands again, and nothing more is typed
  // into what is gone. (htmx gives the focus back to a field of the same id, which would swallow the next command.)
  document.addEventListener("htmx:before:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    const field = document.activeElement;
    if (!form.matches("#pane form") || !form.contains(field) || !field.matches("input, textarea")) return;
    sent = { form, id: field.id };
    find("#pane").focus({ preventScroll: true });
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (!sent || event.detail.ctx.sourceElement !== sent.form) return;
    const field = sent.id ? document.getElementById(sent.id) : null;
    const goesOn = nextWaits;
    sent = null;
    nextWaits = false;
    if (field && field.value) field.focus({ preventScroll: true });  // refused, or not heard: it stands there to be mended
    else if (goesOn) next();
  });

  function keepFocus() {
    const here = document.activeElement;
    if (heading) { heading = false; find("#pane").focus({ preventScroll: true }); return; }
    if (here && here !== document.body) { focused = ""; return; }
    const kept = focused ? document.getElementById(focused) : null;
    const home = kept || (menu ? find(`details[data-key=${menu}] > summary`) : null) || (region ? document.getElementById(region) : null);
    if (home) home.focus({ preventScroll: true });
  }

  // The desk begins where the work is, so that the first key is not pressed into nothing.
  document.addEventListener("DOMContentLoaded", () => {
    const place = find(".desk-grid.has-item #pane") || find("#list") || find("[data-begin]");
    if (place && document.activeElement === document.body && !location.hash) place.focus({ preventScroll: true });
  });

  // --- being here: a sign of life every minute while the page is seen, and a word when one leaves ----------------

  let open = "";
  let token = "";
  function arrive() {
    const inner = find("#pane [data-item]");
    const now = inner ? inner.dataset.item : "";
    if (open && open !== now) leave();
    open = now && find("#beat") ? now : "";
    token = inner ? inner.dataset.csrf : token;
  }
  function leave() {
    const form = new FormData();
    form.append("csrf_token", token);
    navigator.sendBeacon(`/items/${open}/left`, form);
    open = "";
  }
  setInterval(() => {
    const beat = find("#beat");
    if (beat && !document.hidden) htmx.trigger(beat, "beat");
  }, 60000);
  addEventListener("pagehide", () => { if (open) leave(); });
  document.addEventListener("DOMContentLoaded", arrive);

  let toastTimer = 0;
  let toasted = null;
  document.addEventListener("htmx:after:swap", () => {
    mark();
    arrive();
    keepFocus();
    keepTicks();
    const toast = find("#toast");
    const said = toast ? toast.firstElementChild : null;
    if (said && said !== toasted) {
      toasted = said;
      clearTimeout(toastTimer);
      toastTimer = setTimeout(() => { if (toast.firstElementChild === said) toast.replaceChildren(); }, 10000);
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form && event.target.matches("select")) form.requestSubmit();
    const all = event.target.closest("[data-check-all]");
    if (all) for (const box of document.querySelectorAll(all.dataset.checkAll)) tick(box, all.checked);
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) { const dialog = document.getElementById(opener.dataset.opens); if (dialog) dialog.showModal(); }
    for (const details of document.querySelectorAll(".tools details[open], details.views[open]")) {
      if (!details.contains(event.target)) details.open = false;
    }
  });
})();

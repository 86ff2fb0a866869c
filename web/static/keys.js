// The keyboard of the desk. Every key only presses a button or follows a link that is on the page anyway.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const rows = () => [...document.querySelectorAll("#rows .row > a")];
  const press = (selector) => { const found = find(selector); if (found) { found.click(); return true; } return false; };

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement);
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
    const here = all.indexOf(document.activeElement);
    const at = here >= 0 ? here : all.findIndex((link) => link.parentElement.classList.contains("chosen"));
    if (at < 0) return;
    const boxOf = (link) => find(".pick:not(:disabled)", link.parentElement);
    const on = !(boxOf(all[at]) || {}).checked;
    const from = range && picked >= 0 ? picked : at;
    for (const link of all.slice(Math.min(from, at), Math.max(from, at) + 1)) {
      const box = boxOf(link);
      if (box) box.checked = range || on;
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

  const keys = {
    ArrowLeft: () => film(-1),
    ArrowRight: () => film(1),
    j: () => step(1),
    k: () => step(-1),
    c: () => press("#pane [data-key=c]"),
    s: () => openDetails("#pane details[data-key=s]"),
    x: () => pick(false),
    X: () => pick(true),
    w: () => press("#many button.primary"),
    q: () => openDetails("#pane details[data-key=q]"),
    m: () => { const field = find("#pane [data-key=m]"); if (field) field.focus(); },
    e: () => openDetails("#pane details.decision"),
    "/": () => { const field = find("[data-key=search]"); if (field) { field.focus(); field.select(); } },
    ".": () => press("#fresh [data-key=load]"),
    "?": () => { const help = find("#help"); if (help) help.showModal(); },
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && target.matches("input, textarea, select")) { target.blur(); return; }
    if (target.matches("input, textarea, select") || find("dialog[open]")) return;
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

  let toastTimer = 0;
  document.addEventListener("htmx:after:swap", () => {
    mark();
    const toast = find("#toast");
    if (toast && toast.textContent.trim()) {
      clearTimeout(toastTimer);
      toastTimer = setTimeout(() => { toast.replaceChildren(); }, 8000);
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form && event.target.matches("select")) form.requestSubmit();
    const all = event.target.closest("[data-check-all]");
    if (all) for (const box of document.querySelectorAll(all.dataset.checkAll)) box.checked = all.checked;
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) { const dialog = document.getElementById(opener.dataset.opens); if (dialog) dialog.showModal(); }
    for (const details of document.querySelectorAll(".tools details[open]")) {
      if (!details.contains(event.target)) details.open = false;
    }
  });
})();

// The palette: Ctrl K anywhere. Its actions press what stands on the page anyway; its places are links the server finds.
// An editable combobox with a listbox, as the WAI-ARIA Authoring Practices describe it: the focus stays in the field.
(() => {
  "use strict";
  const palette = document.getElementById("palette");
  if (!palette) return;
  const field = document.getElementById("palette-text");
  const acts = document.getElementById("palette-acts");
  const places = document.getElementById("palette-found");
  const told = document.getElementById("palette-told");

  const ACTIONS = "#pane .tools button[data-key], #pane .tools summary, #pane .decision > summary, #news [data-key], " +
    "#pane .tabs a, #pane textarea[data-key], .list [data-key=n], .list [data-key=search], .list details[data-key] > summary, #many button";
  const CHOICES = "#pane .tools .popup [data-digit]";

  function words(element, ...without) {
    const copy = element.cloneNode(true);
    for (const part of copy.querySelectorAll(["kbd", ...without].join(","))) part.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  function named(element) {
    if (element.matches("textarea")) return "Write a note";
    if (element.matches("[data-key=search]")) return "Search in the list";
    if (element.matches("[data-digit]")) {
      return `${words(element.closest("details").querySelector("summary"))}: ${words(element)}`;
    }
    return words(element, ".effect");
  }

  function possible(typed) {
    const asked = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const offered = [...document.querySelectorAll(asked.length ? `${ACTIONS}, ${CHOICES}` : ACTIONS)];
    return offered.filter((one) => !one.disabled && asked.every((word) => named(one).toLowerCase().includes(word)));
  }

  function act(element) {
    palette.close();
    const pane = element.closest("#pane");
    if (pane) pane.focus({ preventScroll: true });  // what is pressed may go with its part of the page
    const menu = element.matches("summary") ? element.parentElement : null;
    if (element.matches("input, textarea")) element.focus();
    else if (!menu) element.click();
    else {
      menu.open = true;
      const first = menu.querySelector("textarea, select, input:not([type=hidden]), button");
      (first || element).focus();
    }
  }

  function listActions() {
    const found = possible(field.value);
    acts.hidden = !found.length;
    acts.querySelectorAll("[role=option]").forEach((old) => old.remove());
    for (const [index, element] of found.entries()) {
      const option = document.createElement("div");
      option.setAttribute("role", "option");
      option.id = `act-${index}`;
      option.textContent = named(element);
      const key = element.querySelector("kbd");
      if (key) { option.append(" ", key.cloneNode(true)); }
      option.addEventListener("click", () => act(element));
      acts.append(option);
    }
  }

  const options = () => [...palette.querySelectorAll("[role=option]")];
  const chosen = () => palette.querySelector("[aria-selected=true]");

  function choose(option) {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    if (option) { field.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
    else field.removeAttribute("aria-activedescendant");
  }

  function tell() {
    const number = options().length;
    told.textContent = number ? `${number} found` : "Nothing is called that. Numbers and names are found by how they begin.";
    told.classList.toggle("visually-hidden", Boolean(number));
  }

  // Enter before the server has answered what is typed now waits for that answer.
  let enterWaits = false;
  const answered = () => Boolean(places.firstElementChild) && places.firstElementChild.dataset.for === field.value.trim();
  function go() {
    const option = chosen();
    if (option && acts.contains(option)) option.click();
    else if (!answered()) enterWaits = true;
    else if (option) { palette.close(); option.click(); }
  }

  function open() {
    if (palette.open) return;
    field.value = "";
    enterWaits = false;
    listActions();
    choose(options()[0]);
    palette.showModal();
    htmx.trigger(field, "palette");
  }

  field.addEventListener("input", () => { enterWaits = false; listActions(); choose(options()[0]); });
  palette.addEventListener("keydown", (event) => {
    event.stopPropagation();  // the keys of the desk are not meant here
    const all = options();
    const at = all.indexOf(chosen());
    const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length }[event.key];
    if (to !== undefined && all.length) choose(all[to]);
    else if (event.key === "Enter") go();
    else return;
    event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!palette.open) return;
    const still = chosen();
    choose(still && acts.contains(still) ? still : options()[0]);
    tell();
    if (enterWaits && answered()) { enterWaits = false; go(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) open();
  });
  document.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();  // beside it
    if (!event.target.closest("[data-palette]")) return;
    event.preventDefault();
    open();
  });
})();

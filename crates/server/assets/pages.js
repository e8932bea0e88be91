// What the pages do beyond forms and links: count characters, keep the keyboard's place after a
// part was put in place, close menus, and say when nothing could be done. Without this file, and
// without htmx, every page still works.
"use strict";
(() => {
  document.documentElement.classList.add("script");

  // The form of the clock comes back to the page it was pressed on.
  for (const field of document.querySelectorAll("input[data-back]")) {
    field.value = location.pathname + location.search;
  }

  // Characters as a reader counts them, as the rules do.
  const segmenter = window.Intl && Intl.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
  const length = (text) => (segmenter ? [...segmenter.segment(text)].length : [...text].length);

  function count(area) {
    const place = area.closest(".field").querySelector("[data-left]");
    const left = Number(area.dataset.count) - length(area.value);
    const many = Math.abs(left) === 1 ? "character" : "characters";
    place.textContent = left < 0 ? `${-left} ${many} too many` : `${left} ${many} left`;
    place.classList.toggle("over", left < 0);
  }

  function prepare(root) {
    for (const area of root.querySelectorAll("textarea[data-count]")) {
      if (area.value) count(area);
      area.addEventListener("input", () => count(area));
    }
  }

  // Where the keyboard goes once a part was put in place: to what is marked in it; from a line that
  // is over to the next one that can be acted on, else the one before, else the line itself.
  function move(to) {
    to.focus({ preventScroll: true });
    (to.closest("li") || to).scrollIntoView({ block: "nearest" });
  }

  function refocus(element) {
    const marked = element.querySelector("[data-focus]");
    if (marked) return move(marked);
    if (element.hasAttribute("data-over")) {
      const list = element.parentElement;
      const acts = [...list.querySelectorAll("[data-act]")];
      const after = acts.find((act) => element.compareDocumentPosition(act) & Node.DOCUMENT_POSITION_FOLLOWING);
      return move(after || acts[acts.length - 1] || element);
    }
    const act = element.querySelector("[data-act], [data-keep]");
    if (act) return move(act);
    if (element.id === "relation") move(element);
  }

  let pressed = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    pressed = event.detail.elt.closest("form.filters") ? null : event.detail.elt;
    document.getElementById("trouble").hidden = true;
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    const element = event.detail.elt;
    prepare(element);
    const byHand = pressed && !pressed.closest(".more") && !event.detail.requestConfig.triggeringEvent?.type?.includes("revealed");
    if (byHand && (element.matches("li.row, li.person") || element.id === "relation")) {
      pressed = null;
      refocus(element);
    }
    if (element.id === "list") {
      const shown = element.querySelectorAll(".row").length;
      const more = element.querySelector(".more") ? " and more" : "";
      document.getElementById("live").textContent = `${shown}${more} shown.`;
    }
  });

  function trouble(text) {
    const place = document.getElementById("trouble");
    place.textContent = text;
    place.hidden = false;
  }
  document.addEventListener("htmx:sendError", () => trouble("The server cannot be reached. Nothing was changed; try it again."));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 403) trouble("This page is out of date. Load it again, and repeat what you did.");
    else if (status === 404) trouble("This is no longer there. Load the page again to see how things are.");
    else trouble("That could not be done just now. Nothing was lost; try it again in a moment.");
  });

  // Menus close when one presses elsewhere, or Escape.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement && document.activeElement.closest("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  prepare(document);
  const wrong = document.querySelector("[aria-invalid][data-focus]");
  if (wrong) wrong.focus();
})();

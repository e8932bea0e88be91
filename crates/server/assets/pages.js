// What the pages do beyond forms and links: count characters, keep the keyboard's place after a
// part was put in place, close menus, say when nothing could be done, and follow what changes while
// they are open. Without this file, and without htmx, every page still works.
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

  // What changes while the page is open. Numbers are put right wherever they stand; a line is fetched
  // as it is now, unless somebody is busy with it. When an invitation is gone its line goes, without a word.
  function tally(name, number) {
    for (const place of document.querySelectorAll(`[data-tally="${name}"]`)) {
      place.textContent = number;
      if (place.matches("b") && name === "received") place.classList.toggle("hot", number > 0);
    }
    for (const link of document.querySelectorAll(`[data-badge="${name}"]`)) {
      let badge = link.querySelector(".badge");
      if (number === 0) {
        if (badge) badge.remove();
        continue;
      }
      if (!badge) {
        badge = document.createElement("b");
        badge.className = "badge";
        link.append(badge);
      }
      const most = Number(link.dataset.most || Infinity);
      const words = document.createElement("span");
      words.className = "unseen";
      words.textContent = ` ${link.dataset.words}`;
      badge.replaceChildren(number >= most ? `${most - 1}+` : String(number), words);
    }
  }

  async function fetched(address, headers) {
    const answer = await fetch(address, { headers, redirect: "error" });
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  const isBusy = (line) => line.hasAttribute("data-over") || line.querySelector("[data-focus], .htmx-request, details[open]");

  // The lists of the page as they are now; one that somebody is busy in, or has read on in, stays as it is.
  async function refresh() {
    const lists = [...document.querySelectorAll("[data-list]")];
    if (!lists.length) return;
    const page = await fetched(location.href);
    for (const list of lists) {
      const now = page.querySelector(`[data-list="${list.dataset.list}"]`);
      const isLonger = now && now.querySelector(".more") && list.children.length > now.children.length;
      if (!now || isLonger || list.contains(document.activeElement) || [...list.children].some(isBusy)) continue;
      list.replaceWith(now);
      htmx.process(now);
    }
  }

  // A line that goes takes nobody's place: the keyboard goes on to the next.
  function leave(line) {
    const acts = line.contains(document.activeElement) ? [...line.parentElement.querySelectorAll("[data-act]")] : [];
    const next = acts.find((act) => line.compareDocumentPosition(act) & Node.DOCUMENT_POSITION_FOLLOWING && !line.contains(act));
    const hadFocus = line.contains(document.activeElement);
    line.remove();
    if (hadFocus) move(next || document.getElementById("main"));
  }

  async function change({ id, direction, state }) {
    const line = document.getElementById(id);
    if (line) {
      if (isBusy(line) || state === "pending") return;
      if (state !== "accepted" || direction === "received") return leave(line);
      if (line.contains(document.activeElement)) return;
    } else if (state !== "pending" || !document.querySelector(`[data-list="${direction}"]`)) {
      return;
    }
    const list = line ? line.parentElement : document.querySelector(`ul[data-list="${direction}"]`);
    if (!list) return refresh();
    const now = (await fetched(`/invitations/${id}/row`, { "HX-Request": "true" })).querySelector("li");
    if (!now || document.getElementById(id) !== line) return;
    if (line) line.replaceWith(now);
    else list.prepend(now);
    if (!line && direction === "received") document.getElementById("live").textContent = "A new invitation is here.";
    htmx.process(now);
  }

  function follow(address) {
    let source = null;
    let shown = null;
    let work = Promise.resolve();
    const then = (step) => {
      work = work.then(step).catch((error) => console.info("not shown live:", error.message));
    };
    const isNew = (counts) => {
      const places = [...document.querySelectorAll("[data-tally]")];
      return places.some((place) => Number(place.textContent) !== counts[place.dataset.tally]);
    };
    const counted = (event) => {
      const counts = JSON.parse(event.data);
      // What happened before the stream was there is not told line by line.
      const stale = shown === null ? isNew(counts) : shown.latest !== counts.latest && document.querySelector('[data-list="notifications"]');
      for (const name of ["received", "sent", "connections", "unread"]) tally(name, counts[name]);
      shown = counts;
      if (stale) then(refresh);
    };
    const close = () => {
      if (source) source.close();
      source = shown = null;
    };
    // Only a page that somebody may look at has a stream: a browser has few connections for many tabs.
    const open = () => {
      close();
      if (document.hidden) return;
      source = new EventSource(address);
      source.addEventListener("counts", counted);
      source.addEventListener("invitation", (event) => then(() => change(JSON.parse(event.data))));
      source.addEventListener("missed", () => then(refresh));
    };
    document.addEventListener("visibilitychange", open);
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => event.persisted && open());
    open();
  }
  if (window.EventSource && window.htmx && document.body.dataset.live) follow(document.body.dataset.live);

  prepare(document);
  const wrong = document.querySelector("[aria-invalid][data-focus]");
  if (wrong) wrong.focus();
})();

// What htmx does not do by itself: closing the side sheet, marking the row it belongs to, closing menus, printing.
"use strict";

(() => {
  const sheet = () => document.getElementById("sheet");
  let opener = null;

  const mark = (link) => {
    document.querySelectorAll("tr[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    const row = link && link.closest("tr");
    if (row) row.setAttribute("aria-current", "true");
  };

  // The list may be drawn anew (a filter, a late answer) while the sheet stays open beside it.
  const again = () => {
    if (!opener || opener.link.isConnected || !sheet().querySelector(".sheet")) return;
    const wanted = opener.link.getAttribute("hx-get");
    const link = [...document.querySelectorAll("main [hx-get]")].find((one) => one.getAttribute("hx-get") === wanted);
    if (!link) return;
    opener.link = link;
    mark(link);
  };

  const close = () => {
    const open = sheet();
    if (!open || !open.querySelector(".sheet")) return;
    open.replaceChildren();
    mark(null);
    const address = new URL(window.location.href);
    if (address.searchParams.has("open")) {
      address.searchParams.delete("open");
      window.history.replaceState(null, "", address);
    } else if (opener) {
      window.history.replaceState(null, "", opener.address);
    }
    if (opener && opener.link.isConnected) opener.link.focus();
    opener = null;
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-sheet]")) close();
    if (event.target.closest("[data-print]")) window.print();
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) menu.open = false;
    else close();
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const link = event.detail.elt;
    if (event.detail.target !== sheet() || link.closest("#sheet")) return;
    opener = opener || { link, address: window.location.href };
    opener.link = link;
    mark(link);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    again();
    if (event.detail.target === sheet()) {
      const button = sheet().querySelector("[data-close-sheet]");
      if (button) button.focus({ preventScroll: true });
    }
  });
})();

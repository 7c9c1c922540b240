// What htmx does not do by itself: closing the side sheet, marking the row it belongs to, closing menus, printing;
// and dropping files, with how far they are while they are sent.
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

  const zoneOf = (event) => event.target.closest && event.target.closest("[data-drop]");

  ["dragover", "drop"].forEach((kind) => document.addEventListener(kind, (event) => {
    const form = zoneOf(event);
    if (!document.querySelector("[data-drop]")) return;
    event.preventDefault(); // a file let go beside the field must not replace the page
    if (!form) return;
    form.classList.toggle("over", kind === "dragover");
    if (kind === "dragover" || !event.dataTransfer.files.length) return;
    const field = form.querySelector("input[type=file]");
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }));

  document.addEventListener("dragleave", (event) => {
    const form = zoneOf(event);
    if (form && !form.contains(event.relatedTarget)) form.classList.remove("over");
  });

  document.addEventListener("change", (event) => {
    const form = zoneOf(event);
    if (!form || event.target.type !== "file") return;
    const files = [...event.target.files];
    form.querySelector(".drop-files").replaceChildren(...files.map((file) => {
      const line = document.createElement("li");
      line.className = "chip plain";
      line.textContent = file.name;
      return line;
    }));
    const large = files.reduce((sum, file) => sum + file.size, 0) > Number(form.dataset.limit);
    const notice = form.querySelector(".notice");
    notice.hidden = !large;
    notice.textContent = large ? form.dataset.tooLarge : "";
    form.querySelector("button").disabled = large;
  });

  // Sent in the background, so that one sees how far it is; the answer is the page that the form itself would get.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-drop]");
    if (!form) return;
    event.preventDefault();
    const shown = form.querySelector(".drop-progress");
    const [bar, words] = [shown.querySelector("progress"), shown.querySelector("span")];
    const sending = new XMLHttpRequest();
    const failed = (text) => {
      shown.hidden = true;
      form.querySelector("button").disabled = false;
      const notice = form.querySelector(".notice");
      notice.textContent = text;
      notice.hidden = false;
    };
    sending.upload.addEventListener("progress", (step) => {
      bar.value = step.total ? (100 * step.loaded) / step.total : 0;
      words.textContent = step.loaded < step.total ? `${shown.dataset.words} ${Math.floor(bar.value)}%` : shown.dataset.then;
    });
    sending.addEventListener("error", () => failed(form.dataset.broken));
    sending.addEventListener("load", () => {
      const answer = new DOMParser().parseFromString(sending.responseText, "text/html");
      const main = answer.querySelector("#main");
      if (sending.status === 200 && main) {
        document.getElementById("main").replaceWith(document.adoptNode(main));
        window.htmx.process(document.getElementById("main"));
        const done = document.getElementById("outcomes");
        if (done) done.scrollIntoView({ block: "nearest" });
      } else failed(answer.body.textContent.trim() || form.dataset.broken);
    });
    form.querySelector("button").disabled = true;
    shown.hidden = false;
    sending.open("POST", form.action);
    sending.setRequestHeader("HX-Request", "true");
    sending.send(new FormData(form));
  });
})();

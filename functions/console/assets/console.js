// All that the pages need a script for: copying, and watching what changes by itself.
"use strict";

// `<button hidden data-copy="id">` copies the text of the element with that id.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied: select it instead";
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}

// `<... id data-live="seconds">` is read again from its page, as long as it has the attribute, while somebody looks.
const watch = (id, seconds) => setTimeout(async () => {
  const old = document.getElementById(id);
  if (!old) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(id);
        if (!fresh) return;
        if (!old.contains(document.activeElement) && fresh.outerHTML !== old.outerHTML) old.replaceWith(fresh);
        if (!fresh.dataset.live) return;
      }
    } catch {
      // The network is away; the next look may find it back.
    }
  }
  watch(id, Math.min(seconds * 1.2, 60));
}, seconds * 1000);
for (const part of document.querySelectorAll("[id][data-live]")) watch(part.id, Number(part.dataset.live) || 5);

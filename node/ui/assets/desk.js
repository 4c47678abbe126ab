// Copies a link to the clipboard, and prints. With scripts off the text is marked and copied by hand, and the browser prints.
(() => {
  "use strict";
  document.documentElement.dataset.script = "on";
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy], button[data-print]");
    if (!button) return;
    if ("print" in button.dataset) { window.print(); return; }
    const field = document.getElementById(button.dataset.copy);
    if (!field) return;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch (error) {
      field.select();
      document.execCommand("copy");
    }
    button.textContent = button.dataset.copied;
  });
})();

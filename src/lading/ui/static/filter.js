// Fields that show only those rows of a table whose words they have.
export function filterRows(root) {
  for (const field of root.querySelectorAll("input[data-filter]")) {
    const rows = root.querySelectorAll(`#${field.dataset.filter} > tbody`);
    const count = root.querySelector(`[data-count="${field.dataset.filter}"]`);
    field.closest("[hidden]")?.removeAttribute("hidden");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.dataset.words ?? row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      if (count) count.textContent = words.length ? `${shown} shown` : "";
    });
  }
}

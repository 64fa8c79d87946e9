// Keys that people know from elsewhere: Ctrl K (⌘ K) goes to the search, Escape closes what was opened.
// None of those that write is taken alone: who speaks to a computer would press it with a word (WCAG 2.1.4).
const OPENED = "details.menu-of[open], details.menu-narrow[open]";

export function takeKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (isSearch(event) && !isWritten(event.target)) search(root, event);
    if (event.key === "Escape") close(root, event.target);
  });
  root.addEventListener("click", (event) => {
    for (const menu of root.querySelectorAll(OPENED)) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

// A browser that fills in a form says so by an event without a key.
function isSearch(event) {
  return event.key?.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
}

function isWritten(element) {
  return element.matches("input, select, textarea");
}

function search(root, event) {
  const field = root.querySelector("main input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

function close(root, target) {
  for (const menu of root.querySelectorAll(OPENED)) {
    if (menu.contains(target)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

// Buttons that copy the line beside them.
export function offerCopies(root) {
  if (!navigator.clipboard && !document.queryCommandSupported?.("copy")) return;
  const buttons = root.querySelectorAll("button[data-copy]");
  if (!buttons.length) return;
  const status = document.createElement("span");
  status.className = "hidden-label";
  status.setAttribute("role", "status");
  root.querySelector("main").append(status);
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, status));
  }
}

async function copy(button, status) {
  const line = button.previousElementSibling;
  let done = true;
  try {
    await navigator.clipboard.writeText(line.textContent);
  } catch {
    // Browsers keep the clipboard from pages without HTTPS; what is selected can be copied there.
    getSelection().selectAllChildren(line);
    done = document.execCommand("copy");
  }
  say(button, status, done ? "Copied" : "Selected");
  setTimeout(() => say(button, status, ""), 1500);
}

// Who does not see the button hears it.
function say(button, status, what) {
  button.textContent = what || "Copy";
  status.textContent = what;
}

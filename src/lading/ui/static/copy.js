// Buttons that copy the line beside them.
export function offerCopies(root) {
  if (!navigator.clipboard && !document.queryCommandSupported?.("copy")) return;
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const line = button.previousElementSibling;
  let done = true;
  try {
    await navigator.clipboard.writeText(line.textContent);
  } catch {
    // Browsers keep the clipboard from pages without HTTPS; what is selected can be copied there.
    getSelection().selectAllChildren(line);
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Selected";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

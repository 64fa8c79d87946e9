// What is searched for, found while it is typed: names of repositories, and their tags.
const PAUSE = 120;

export function searchAsTyped(root) {
  for (const field of root.querySelectorAll("input[data-search]")) new Search(field);
}

class Search {
  constructor(field) {
    this.field = field;
    this.list = document.createElement("ul");
    this.list.className = "found";
    this.list.id = "found";
    this.list.hidden = true;
    this.status = document.createElement("span");
    this.status.className = "hidden-label";
    this.status.setAttribute("role", "status");
    field.after(this.list, this.status);
    field.setAttribute("autocomplete", "off");
    field.addEventListener("input", () => this.wait());
    field.addEventListener("keydown", (event) => this.move(event));
    document.addEventListener("click", (event) => {
      if (!field.parentElement.contains(event.target)) this.hide();
    });
    this.list.addEventListener("keydown", (event) => this.move(event));
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.find(), PAUSE);
  }

  async find() {
    this.asking?.abort();
    const words = this.field.value.trim();
    if (!words) return this.hide();
    this.asking = new AbortController();
    try {
      const url = `${this.field.dataset.search}?q=${encodeURIComponent(words)}`;
      const answer = await fetch(url, { signal: this.asking.signal });
      if (answer.ok) this.show((await answer.json()).found);
    } catch (error) {
      if (error.name !== "AbortError") this.hide();
    }
  }

  show(found) {
    this.list.replaceChildren(...found.map(({ label, href }) => {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = label;
      const item = document.createElement("li");
      item.append(link);
      return item;
    }));
    this.list.hidden = found.length === 0;
    this.status.textContent = `${found.length} found`;
  }

  hide() {
    this.list.hidden = true;
    this.status.textContent = "";
  }

  move(event) {
    const links = [...this.list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      this.hide();
      this.field.focus();
    } else if (event.key === "ArrowDown" && !this.list.hidden && links.length) {
      links[Math.min(at + 1, links.length - 1)].focus();
      event.preventDefault();
    } else if (event.key === "ArrowUp" && at >= 0) {
      (at ? links[at - 1] : this.field).focus();
      event.preventDefault();
    }
  }
}

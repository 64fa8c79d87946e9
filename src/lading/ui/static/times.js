// Times as people say them: how long ago, and on hover the exact one in the reader's own zone.
const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [30.44, "day"], [12, "month"], [Infinity, "year"]];
// Where there is little room, `3d ago`.
const style = matchMedia("(max-width: 34rem)").matches ? "narrow" : "short";
const ago = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function since(date) {
  let value = (date - Date.now()) / 1000;
  for (const [size, unit] of STEPS) {
    if (Math.abs(value) < size) return ago.format(Math.round(value), unit);
    value /= size;
  }
}

export function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    time.textContent = since(date);
    time.title = exact.format(date);
    time.className = "ago";
  }
}

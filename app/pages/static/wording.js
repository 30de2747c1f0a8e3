// How places, quotes and failures are put to a reader; shared by page and widget.

/** The pages of a source as a text, or "". */
export function pagesOf(strings, { page_from: from, page_to: to }) {
  if (!from) return "";
  return to && to !== from ? strings.get("pages", { from, to }) : strings.get("page", { n: from });
}

/** Where in its document a source stands: pages and headings, without the title that stands above them anyway. */
export function placeOf(strings, source) {
  const [first, ...rest] = (source.heading ?? "").split(" › ");
  const headings = first === source.title ? rest : [first, ...rest];
  return [pagesOf(strings, source), headings.join(" › ")].filter(Boolean).join(" · ");
}

/** The words of a source; the cells of a table's row are parted as in a sentence. */
export function quoteOf(source) {
  return (source.quote || source.text).replaceAll(" | ", " · ");
}

/** What a person should read of a problem: a line of ours for its kind, and the service's own detail. */
export function problemLines(strings, problem) {
  const key = `problem.${problem.slug}`;
  const line = strings.has(key) ? strings.get(key) : strings.get("problem.other");
  const isForPrograms = problem.slug === "unauthorized"; // it names the header that a key goes in
  return [line, problem.detail && !isForPrograms ? problem.detail : ""];
}

/** Why a document failed. The service says it in English; other languages have a line for each code. */
export function reasonOf(strings, { code, detail }) {
  const key = `rejected.${code}`;
  return strings.has(key) ? strings.get(key) : detail;
}

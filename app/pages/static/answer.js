// One answer's state, built from the events of /v1/answers; shared by page and widget, and kept as JSON.

import { Offsets } from "./offsets.js";

/** state: searching, writing, done, stopped or failed. */
export function newAnswer(question) {
  return { question, state: "searching", text: "", sources: [], citations: [], unsupported: [], problem: null };
}

/** Take in one event. */
export function applyEvent(answer, event, data) {
  if (event === "sources") {
    answer.id = data.answer_id;
    answer.conversationId = data.conversation_id;
    answer.searched = data.question;
    answer.sources = data.sources;
    answer.state = "writing";
  } else if (event === "delta") {
    answer.text += data.text;
  } else if (event === "citation") {
    answer.citations.push(data);
  } else if (event === "done") {
    answer.id = data.answer_id;
    answer.conversationId = data.conversation_id;
    answer.text = data.text;
    answer.citations = data.citations;
    answer.unsupported = data.unsupported;
    answer.grounded = data.grounded;
    answer.reason = data.reason;
    answer.state = "done";
  }
}

const REFUSALS = ["no-documents", "no-evidence", "unsupported"];

/** Whether the service declined to answer from these documents. */
export function isRefusal(answer) {
  return answer.state === "done" && REFUSALS.includes(answer.reason);
}

/**
 * What a marker `[n]` at a UTF-16 offset of the text leads to: the citation of n whose claim ends nearest to it,
 * else the whole passage of source n, else null.
 */
export function citationAt(answer, n, unitOffset) {
  const source = answer.sources.find((candidate) => candidate.n === n);
  const at = new Offsets(answer.text).points(unitOffset);
  let best = null;
  for (const citation of answer.citations) {
    if (citation.n !== n) continue;
    if (!best || Math.abs(citation.answer_end - at) < Math.abs(best.answer_end - at)) best = citation;
  }
  if (!source && !best) return null;
  return { ...source, ...best, passage: source ?? best };
}

/** The sources that the answer cites, and the others that were found, both in order. */
export function splitSources(answer) {
  const cited = new Set(answer.citations.map((citation) => citation.n));
  return {
    cited: answer.sources.filter((source) => cited.has(source.n)),
    others: answer.sources.filter((source) => !cited.has(source.n)),
  };
}

// The page at `/`: wires the conversation, the source panel, the documents and the choices of the reader together.

import { Client } from "./client.js";
import { Conversation } from "./conversation.js";
import { h } from "./dom.js";
import { Documents } from "./documents.js";
import { SourcePanel } from "./source-panel.js";
import { Strings } from "./strings.js";
import { Uploads } from "./uploads.js";
import { problemLines } from "./wording.js";

const $ = (selector) => document.querySelector(selector);
const base = new URL(".", location.href);
const strings = new Strings(JSON.parse($("#texts").textContent));
const client = new Client(base, { key: sessionStorage.getItem("ragstone.key") ?? "", onUnauthorized: findKey });
const remember = (name, value) => (document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`);

const selection = $("#collection");
const question = $("#question");
let collections = [];

const panel = new SourcePanel($("#source"), { client, strings });
const conversation = new Conversation({
  client,
  strings,
  historyName: "page",
  list: $(".turns"),
  log: $("#log"),
  withFeedback: true,
  onCite: (citation, trigger) => panel.open(selection.value, citation, trigger),
  onChange: showState,
});
const documents = new Documents($("#view-documents"), {
  client,
  strings,
  onOpen: ({ id, title, uri }, trigger) =>
    panel.open(selection.value, { document_id: id, title, uri, char_start: 0, char_end: 0 }, trigger),
  onChanged: loadCollections,
});
const uploads = new Uploads($(".uploads"), {
  client,
  strings,
  onSettled: () => Promise.all([documents.refresh(), loadCollections()]),
});

// Keys

/** Get a way in after a 401: a fresh cookie on the server's own machine, elsewhere a key from the reader. */
async function findKey(attempt) {
  if (document.body.dataset.local === "yes" && !client.key && attempt === 0) {
    return (await fetch(base, { cache: "no-store" })).ok; // the server was restarted: its page carries a new cookie
  }
  return askForKey(Boolean(client.key));
}

function askForKey(wasWrong) {
  const dialog = $("#key");
  const input = dialog.querySelector("input");
  dialog.querySelector(".key-wrong").hidden = !wasWrong;
  input.value = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" && input.value.trim();
      if (given) sessionStorage.setItem("ragstone.key", (client.key = given));
      dialog.returnValue = "";
      resolve(Boolean(given));
    }, { once: true });
  });
}

// Collections

async function loadCollections() {
  try {
    ({ collections } = await client.json("GET", "v1/collections"));
  } catch (problem) {
    showWelcomeProblem(problem);
    return;
  }
  const wanted = selection.value || localStorage.getItem("ragstone.collection");
  const option = ({ name, title }) => h("option", { value: name }, title || name);
  selection.replaceChildren(...collections.map(option));
  selection.disabled = collections.length === 0;
  if (collections.some(({ name }) => name === wanted)) selection.value = wanted;
  else if (collections.length) selection.value = collections[0].name;
  if (conversation.collection !== selection.value) openCollection();
  showState();
}

function openCollection() {
  panel.close();
  localStorage.setItem("ragstone.collection", selection.value);
  conversation.open(selection.value);
  if (currentView() === "documents") documents.open(selection.value);
  if (selection.value) uploads.watch(selection.value);
}

// What is shown

function showState() {
  const { isBusy, turns } = conversation;
  $(".composer .send").hidden = isBusy;
  $(".composer .stop").hidden = !isBusy;
  $(".new").hidden = turns.length === 0;
  $("#view-ask").dataset.empty = String(turns.length === 0);
  $(".welcome").hidden = turns.length > 0;
  if (turns.length === 0) showWelcome();
}

function showWelcome() {
  const collection = collections.find(({ name }) => name === selection.value);
  const state = welcomeState(collection);
  const text = $(".welcome-text");
  strings.text(text, `welcome.${state}`, { n: collection?.documents ?? 0, title: collection?.title || collection?.name });
  const examples = state === "ready" && strings.has(`examples.${collection.name}`)
    ? strings.get(`examples.${collection.name}`).split("\n") : [];
  const buttons = examples.map((example) => h("button", { type: "button", class: "example", on: { click: () => ask(example) } }, example));
  if (state === "empty") buttons.push(strings.text(h("a", { class: "button primary", href: "#documents" }), "welcome.add"));
  $(".examples").replaceChildren(...buttons.map((button) => h("li", {}, button)));
}

function welcomeState(collection) {
  if (!collection) return "none";
  if (collection.documents) return "ready";
  return uploads.isFeeding(collection.name) ? "feeding" : "empty";
}

function showWelcomeProblem(problem) {
  const [line, detail] = problemLines(strings, problem);
  const retry = strings.text(h("button", { type: "button", class: "button", on: { click: loadCollections } }), "retry");
  $(".welcome").hidden = false;
  delete $(".welcome-text").dataset.t;
  $(".welcome-text").textContent = [line, detail].filter(Boolean).join(" ");
  $(".examples").replaceChildren(h("li", {}, retry));
}

function currentView() {
  return location.hash === "#documents" ? "documents" : "ask";
}

function showView() {
  const view = currentView();
  for (const name of ["ask", "documents"]) $(`#view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "documents" && selection.value) documents.open(selection.value);
  if (view === "ask") question.focus({ preventScroll: true });
}

// Asking

function ask(text) {
  if (!text.trim() || conversation.isBusy || !selection.value) return;
  question.value = "";
  fitQuestion();
  const streaming = conversation.ask(text.trim());
  conversation.turns.at(-1).element.scrollIntoView({ block: "start" });
  streaming.then(() => question.focus({ preventScroll: true }));
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

question.addEventListener("input", fitQuestion);
question.addEventListener("keydown", (event) => {
  // While an input method composes Chinese, Enter takes a candidate and must not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  ask(question.value);
});
$(".composer").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(question.value);
});
$(".composer .stop").addEventListener("click", () => conversation.stop());
$(".new").addEventListener("click", () => {
  panel.close();
  conversation.startOver();
  question.focus();
});

// Choices

selection.addEventListener("change", openCollection);
$("#language").addEventListener("click", async () => {
  const code = strings.language === "en" ? "zh" : "en";
  const texts = await (await fetch(new URL(`static/strings/${code}.json`, base))).json();
  strings.switchTo(texts, document);
  document.documentElement.lang = code === "zh" ? "zh-CN" : code;
  $("#language").lang = code === "zh" ? "en" : "zh-CN";
  remember("ragstone_lang", code);
  conversation.redraw();
  documents.redraw();
  showState();
});
$("#theme").addEventListener("click", () => {
  const isDark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  remember("ragstone_theme", isDark ? "light" : "dark");
});

// Files

function upload(files) {
  if (selection.value) uploads.add(selection.value, [...files]);
}

$("#files").addEventListener("change", (event) => {
  upload(event.target.files);
  event.target.value = "";
});
for (const type of ["dragover", "drop", "dragleave"]) {
  document.addEventListener(type, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("dropping", type === "dragover");
    if (type !== "drop") return;
    location.hash = "#documents";
    upload(event.dataTransfer.files);
  });
}

// Dialogs close by their button and by a click beside them; Esc is the browser's own.
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
$("#source").addEventListener("click", (event) => event.target === event.currentTarget && event.target.close());

addEventListener("hashchange", showView);
showView();
await loadCollections();

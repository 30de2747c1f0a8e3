// The widget's loader, for pages of any origin:
// <script src="https://ragstone.example/widget.js" data-collection="handbook" data-key="rs_..."></script>
// Optional: data-lang="en|zh", data-title="...", data-theme="light|dark".
(() => {
  const script = document.currentScript;
  const base = new URL(".", script.src);
  import(new URL("static/widget-app.js", base).href)
    .then(({ mount }) => mount(base, script.dataset))
    .catch((error) => console.error("The Ragstone widget could not be loaded.", error));
})();

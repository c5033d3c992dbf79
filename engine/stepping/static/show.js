// Puts a page where a notebook's output is, instead of the picture in the next output.
{
  const shown = $shown;
  const page = '[data-page="$page"]';
  const isOurs = ({ textContent, parentElement }) => textContent.includes("$page") && !parentElement.querySelector(page);
  const outputOfCell =
    typeof element === "undefined"
      ? [...document.querySelectorAll("script")].find(isOurs)?.parentElement // VS Code does not say where
      : (element[0] ?? element); // as Jupyter says it, where it has jQuery or not
  const outputs = [".jp-OutputArea-child", ".output_area", ".output_container"]; // of Jupyter, old and new, and VS Code
  const next = outputs.map((name) => `$${name}:has($${page}) + $${name} > *`);
  outputOfCell?.insertAdjacentHTML("beforeend", `$${shown}<style>$${next} { display: none !important }</style>`);
$then}

// Runs in the page around a frame: tells the frame whether that page is light or dark, now and when that changes.

/** As the application around says: JupyterLab, Notebook and nbconvert, VS Code, or another by its names. */
function themeAround() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  if (vscodeThemeKind) return vscodeThemeKind.endsWith("light") ? "light" : "dark";
  const roots = [document.documentElement, document.body];
  const names = roots.flatMap((root) => [root.className, root.dataset.theme, root.getAttribute("theme")]).join(" ");
  const found = /\b(dark|light)\b/.exec(names) ?? /^(dark|light)$/.exec(getComputedStyle(document.body).colorScheme);
  return found?.[1] ?? "auto";
}

/** Tell the windows that `windows()` lists, until the function that this returns is called. */
export function tellThemes(windows) {
  const tell = (window) => window?.postMessage({ theme: themeAround() }, "*");
  const tellAll = () => windows().forEach(tell);
  const hear = ({ data, source }) => {
    if (data?.theme === "?" && windows().includes(source)) tell(source);
  };
  const observer = new MutationObserver(tellAll);
  for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true });
  addEventListener("message", hear);
  tellAll();
  return () => {
    observer.disconnect();
    removeEventListener("message", hear);
  };
}

// Runs in the page around a frame: tells the frame whether that page is light or dark, now and when that changes.
{
  const frames = () => [...document.querySelectorAll('iframe[data-page="$page"]')];

  /** As the application around says: JupyterLab, Notebook and nbconvert, VS Code, or another by its names. */
  const themeAround = () => {
    const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
    if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
    if (vscodeThemeKind) return vscodeThemeKind.endsWith("light") ? "light" : "dark";
    const roots = [document.documentElement, document.body];
    const names = roots.flatMap((root) => [root.className, root.dataset.theme, root.getAttribute("theme")]).join(" ");
    const found = /\b(dark|light)\b/.exec(names) ?? /^(dark|light)$$/.exec(getComputedStyle(document.body).colorScheme);
    return found?.[1] ?? "auto";
  };

  const tell = (frame) => frame.contentWindow?.postMessage({ theme: themeAround() }, "*");
  addEventListener("message", ({ data, source }) => {
    if (data?.theme === "?") frames().filter((frame) => frame.contentWindow === source).forEach(tell);
  });
  const observer = new MutationObserver(() => frames().forEach(tell));
  for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true });
  frames().forEach(tell);
}

// Programs that Python wrote from a graph, loaded as modules.

const IMPORTS = /^(import \{.*\} from )"\.\/(\w+\.js)";$/gm;

/** The module of a program's text; what it imports from its own folder is taken from `folder`, an address. */
export async function loadProgram(text, folder) {
  const source = text.replace(IMPORTS, (_, begin, name) => `${begin}${JSON.stringify(new URL(name, folder).href)};`);
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

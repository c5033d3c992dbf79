// Programs that Python wrote from a graph, loaded as modules.

/** The module of a program's text. */
export async function loadProgram(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

// Pictures of a graph as files.

const SHARPNESS = 2; // pixels of a PNG for each of the drawing
const LARGEST = 16_000; // pixels that a canvas can be wide or high

/** An SVG as a PNG: a promise of a Blob. It has the colours of the drawing, not those that the reader's system prefers. */
export async function pngOf(svg) {
  const still = svg.replace(/<style>[\s\S]*?<\/style>/, "");
  const address = URL.createObjectURL(new Blob([still], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const scale = Math.min(SHARPNESS, LARGEST / Math.max(image.naturalWidth, image.naturalHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for a PNG"))));
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Offer a text or a Blob as a file. */
export function download(content, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// [[type, file, clean file], ...] in base64 -> for each "same", "other pixels" or "nothing".
const [files, done] = arguments;

async function pixels(type, text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([bytes], { type }));
  try {
    await image.decode();
  } catch {
    return null;
  }
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  URL.revokeObjectURL(image.src);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function outcome([type, file, clean]) {
  const [found, wanted] = [await pixels(type, file), await pixels(type, clean)];
  if (!found) return "nothing";
  const same = found.width === wanted.width && found.data.every((value, at) => value === wanted.data[at]);
  return same ? "same" : "other pixels";
}

(async () => {
  const outcomes = [];
  for (const file of files) outcomes.push(await outcome(file));
  done(outcomes);
})();

// npm run build: src/ into the one file dist/index.html, which CMake puts into the binary. The file is
// committed, so that building narabi needs no node.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";

const [script, style] = await Promise.all(
  ["src/main.ts", "src/style.css"].map(async (entry) => {
    const result = await build({ entryPoints: [entry], bundle: true, minify: true, write: false, target: "es2022", charset: "utf8" });
    return result.outputFiles[0].text.trim();
  }),
);
const page = await readFile("src/index.html", "utf8");
const whole = page.replace("/*style*/", () => style).replace("/*script*/", () => script.replaceAll("</script", "<\\/script"));
await mkdir("dist", { recursive: true });
await writeFile("dist/index.html", whole);
console.log(`dist/index.html: ${whole.length} characters`);

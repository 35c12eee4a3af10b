// Usage: node draw.mjs SOURCE.dot TARGET.svg — draws with Graphviz (as WebAssembly), for light and dark pages.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { instance } from "@viz-js/viz";

const [source, target] = process.argv.slice(2);
const dot = readFileSync(source, "utf8");

// A picture in a page follows the reader's setting by itself: the colours are no part of the drawing.
const style = `<style>
  text { font-family: Helvetica, Arial, sans-serif; fill: #1f2328 }
  path, polygon, polyline { stroke: #59636e }
  .edge polygon { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    path, polygon, polyline { stroke: #9198a1 }
    .edge polygon { fill: #9198a1 }
  }
</style>
`;
// Tests compare the sum with the source: a picture that was not drawn again is found without drawing it.
const sum = `<!-- ${basename(source)} sha256:${createHash("sha256").update(dot).digest("hex")} -->\n`;

const drawn = (await instance()).renderString(dot, { format: "svg" });
const opened = drawn.indexOf(">", drawn.indexOf("<svg")) + 1;
writeFileSync(target, drawn.slice(drawn.indexOf("<svg"), opened) + "\n" + sum + style + drawn.slice(opened).trimStart());

// Bundles each widget to one self-contained ES module beside the Python sources; the same sources give the same bytes.
import { build } from "esbuild";

const WIDGETS = ["slice_view", "image_panel", "toolbar", "standalone"];

await build({
  entryPoints: [...WIDGETS.map((name) => `src/${name}.js`), "src/widget.css"],
  outdir: "../static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
});

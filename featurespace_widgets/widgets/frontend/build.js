// Bundles each widget to one self-contained ES module beside the Python sources; the same sources give the same bytes.
import { build } from "esbuild";

await build({
  entryPoints: {
    slice_view: "src/views.js",
    image_panel: "src/image_panel.js",
    toolbar: "src/toolbar.js",
    lesson_card: "src/lesson_card.js",
    standalone: "src/standalone.js",
    widget: "src/widget.css",
  },
  outdir: "../static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "info",
});

// All that is drawn on planes in one bundle, since it shares most of its code; `kind` says which of them a widget is. A saved
// page asks it for `openPage`.

import matrix from "./matrix.js";
import planes from "./planes.js";
import sliceView from "./slice_view.js";

/** @import {RenderProps} from "./types.js" */

/** @type {Record<string, {render: (props: RenderProps) => () => void}>} */
const KINDS = { planes, matrix };

/** @param {RenderProps} props */
const render = (props) => (KINDS[props.model.get("kind")] ?? sliceView).render(props);

export { openPage } from "./page.js";
export default { render };

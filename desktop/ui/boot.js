import init from "./app.js";
init({ module_or_path: new URL("./app.wasm", import.meta.url) });

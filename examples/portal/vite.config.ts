import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { proxy } from "./scripts/proxy.ts";

/* The key stays in this process: the browser asks /graphql here, and the proxy adds the Authorization header. */
export default defineConfig({
  plugins: [react()],
  server: { proxy },
  preview: { proxy },
});

import { defineConfig } from "vite";

/* The page is served at /graphql and its files below /static/graphiql/, both relative to whatever
   prefix a proxy adds: only the addresses in the page itself need the folder. */
const servedBelowStatic = {
  name: "served-below-static",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replaceAll('"./assets/', '"./static/graphiql/assets/'),
  },
};

export default defineConfig({
  base: "./",
  plugins: [servedBelowStatic],
  build: {
    outDir: "../app/api/static/graphiql",
    emptyOutDir: true,
    chunkSizeWarningLimit: 4000,
    reportCompressedSize: false,
    rolldownOptions: {
      onLog(level, log, show) {
        // React's server markers ("use client") mean nothing in a browser bundle.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") show(level, log);
      },
    },
  },
});

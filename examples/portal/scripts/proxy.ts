/** Sends /graphql on to norepeat with the key from the environment, which no browser ever sees. */
import type { ProxyOptions } from "vite";

const target = process.env.NOREPEAT_URL ?? "http://127.0.0.1:8000";
const key = process.env.NOREPEAT_KEY;

export const proxy: Record<string, ProxyOptions> = {
  "/graphql": {
    target,
    changeOrigin: true,
    configure(server) {
      server.on("proxyReq", (request) => {
        request.removeHeader("cookie");
        request.removeHeader("authorization");
        if (key) request.setHeader("authorization", `Bearer ${key}`);
      });
    },
  },
};

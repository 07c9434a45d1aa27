import { useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState } from "react";

import { apiKey, keepApiKey } from "./api-key";

const PAUSE_MS = 400;

/** Keeps the API key and reads the schema again, since what a caller sees may depend on it. */
export function KeyField() {
  const [key, setKey] = useState(apiKey);
  const { introspect } = useGraphiQLActions();

  useEffect(() => {
    if (key === apiKey()) return;
    keepApiKey(key);
    const timer = setTimeout(introspect, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [key, introspect]);

  return (
    <form className="api-key" onSubmit={(event) => event.preventDefault()}>
      <label htmlFor="api-key">API key</label>
      <input
        id="api-key"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="nr_…"
        value={key}
        onChange={(event) => setKey(event.target.value.trim())}
      />
    </form>
  );
}

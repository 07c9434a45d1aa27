import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

import "graphiql/setup-workers/vite";

import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./main.css";

import { EXAMPLE_QUERY } from "./examples";
import { fetcher } from "./fetcher";
import { KeyField } from "./key-field";

createRoot(document.getElementById("root")!).render(
  <GraphiQL
    fetcher={fetcher}
    defaultQuery={EXAMPLE_QUERY}
    shouldPersistHeaders={false}
    showPersistHeadersSettings={false}
  >
    <GraphiQL.Logo>
      <KeyField />
    </GraphiQL.Logo>
  </GraphiQL>,
);

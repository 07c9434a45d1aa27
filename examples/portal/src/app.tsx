import { useEffect, useRef } from "react";

import { PostmortemPage } from "./postmortem-page.tsx";
import { to, usePlace } from "./route.ts";
import { ServicePage } from "./service-page.tsx";
import { ServicesPage } from "./services-page.tsx";
import { SprintPage } from "./sprint-page.tsx";

export function App() {
  const { page, id, search } = usePlace();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    // A new page begins at its top, for the eyes and for a screen reader.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [page, id]);

  return (
    <>
      <header>
        <a className="brand" href={to.sprint()}>
          Reliability portal
        </a>
        <nav aria-label="Pages">
          <a href={to.sprint()} aria-current={page === "" ? "page" : undefined}>
            Sprint
          </a>
          <a href={to.services()} aria-current={page === "services" ? "page" : undefined}>
            Services
          </a>
        </nav>
      </header>
      <main ref={main} tabIndex={-1}>
        {page === "" && <SprintPage team={search.get("team") ?? ""} key={search.get("team")} />}
        {page === "services" && (id ? <ServicePage slug={id} key={id} /> : <ServicesPage />)}
        {page === "postmortems" && <PostmortemPage id={id} key={id} />}
        {!["", "services", "postmortems"].includes(page) && <h1>There is no such page</h1>}
      </main>
    </>
  );
}

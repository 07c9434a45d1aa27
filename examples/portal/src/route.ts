/** Where the reader is: the part of the address behind `#`, so that any web server can serve the page. */
import { useSyncExternalStore } from "react";

const listen = (told: () => void) => {
  addEventListener("hashchange", told);
  return () => removeEventListener("hashchange", told);
};

export type Place = { page: string; id: string; search: URLSearchParams };

export function usePlace(): Place {
  const hash = useSyncExternalStore(listen, () => location.hash);
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", id = ""] = path.split("/").map(decodeURIComponent);
  return { page, id, search: new URLSearchParams(search) };
}

export const to = {
  sprint: (team = "") => (team ? `#/?team=${encodeURIComponent(team)}` : "#/"),
  services: () => "#/services",
  service: (slug: string) => `#/services/${encodeURIComponent(slug)}`,
  postmortem: (id: string) => `#/postmortems/${encodeURIComponent(id)}`,
};

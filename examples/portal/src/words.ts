/** How values are shown. */
export const words = (name: string): string => {
  const text = name.toLowerCase().replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const DAY_ALONE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const MINUTE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const SHARE = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });

export const day = (at: string): string => DAY.format(new Date(at));
/** A date has no time zone: shown as it is. */
export const dayAlone = (on: string): string => DAY_ALONE.format(new Date(`${on}T00:00:00Z`));
export const minute = (at: string): string => MINUTE.format(new Date(at));
export const share = (part: number): string => SHARE.format(part);

/** Texts come from people: only web addresses become links. */
export const webAddress = (url: string | null | undefined): string | undefined =>
  url && /^https?:\/\//i.test(url) ? url : undefined;

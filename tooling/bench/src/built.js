/** A module of a package or an app as it was built, by its path in the repository: what is measured lies behind what packages offer by name. */
export const built = (path) => import(new URL(`../../../${path}`, import.meta.url).href);

/** Lines of a document that are text: without fenced code, and with inline code and comments blanked. */
export function prose(text: string): { text: string; line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let fence: string | null = null;
  for (const [i, raw] of text.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ' ')).split('\n').entries()) {
    const [, mark] = /^\s*(`{3,}|~{3,})/.exec(raw) ?? [];
    if (mark && (fence === null || (mark[0] === fence[0] && mark.length >= fence.length))) fence = fence === null ? mark : null;
    else if (fence === null) lines.push({ text: raw.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, ''), line: i + 1 });
  }
  return lines;
}

/** A heading with its text as written, and its line. */
export interface Heading {
  text: string;
  line: number;
}

/** Headings of all levels that begin with `#`. */
export function headings(text: string): Heading[] {
  const raw = text.split('\n');
  return prose(text).flatMap(({ line }) => {
    const [, title] = /^#{1,6}\s+(.*?)\s*#*\s*$/.exec(raw[line - 1]!) ?? [];
    return title === undefined ? [] : [{ text: title, line }];
  });
}

/** Anchors of a document as code hosts make them: lower case, without punctuation, dashes for spaces, numbered when repeated. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>([...text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)].map(([, id]) => id!));
  for (const { text: title } of headings(text)) {
    const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

import type { SearchItemDto } from './search.dto.js';
import { MARKS } from './search.sql.js';

/** A marked excerpt as a plain text, and where the marks were: whoever shows it need not trust what is in it. */
export function excerptOf(marked: string): Pick<SearchItemDto, 'excerpt' | 'highlights'> {
  const highlights: SearchItemDto['highlights'] = [];
  let excerpt = '';
  for (const [i, part] of marked.split(MARKS.start).entries()) {
    const end = i === 0 ? -1 : part.indexOf(MARKS.end);
    if (end > 0) highlights.push({ start: excerpt.length, end: excerpt.length + end });
    excerpt += part.replaceAll(MARKS.end, '');
  }
  return { excerpt, highlights };
}

import { chunksInTurns, chunksOf, CHUNK_MAX_TOKENS } from '../src/chunk/chunking.js';
import { countTokens, countTokensInSteps } from '../src/chunk/tokens.js';
import { inTurns } from '../src/chunk/turns.js';

const markdown = (content: string) => chunksOf(content, { title: 'Guide', format: 'markdown' });
const words = (count: number, word = 'word') => Array.from({ length: count }, (_, i) => `${word}${i}`);

describe('chunks', () => {
  it('are slices of the text, at their offsets, under their headings', () => {
    const text = `# Install\n\n${words(60).join(' ')}\n\n## On Linux\n\n${words(60, 'linux').join(' ')}\n\n# Use\n\n${words(60, 'use').join(' ')}\n`;
    const chunks = markdown(text);
    expect(chunks.map((chunk) => chunk.heading)).toEqual(['Guide > Install', 'Guide > Install > On Linux', 'Guide > Use']);
    for (const chunk of chunks) expect(text.slice(chunk.startOffset, chunk.endOffset)).toBe(chunk.content);
    expect(chunks.map((chunk) => chunk.position)).toEqual([0, 1, 2]);
  });

  it('keep a fenced code block whole, blank lines and what looks like headings in it included', () => {
    const code = '```sh\n# not a heading\n\nrun it\n```';
    const [first, ...others] = markdown(`Before.\n\n${code}\n\nAfter.`);
    expect(first!.content).toContain(code);
    expect(first!.heading).toBe('Guide');
    expect(others).toEqual([]);
  });

  it('cut what is too large at sentences, and repeat the end of the part before', () => {
    const text = Array.from({ length: 120 }, (_, i) => `Sentence number ${i} has some words in it.`).join(' ');
    const chunks = chunksOf(text, { title: 'T', format: 'text' });
    expect(chunks.length).toBeGreaterThan(2);
    for (const [i, chunk] of chunks.entries()) {
      expect(chunk.tokenCount).toBeLessThanOrEqual(CHUNK_MAX_TOKENS);
      expect(chunk.content).toMatch(/^Sentence number/);
      if (i > 0) expect(chunk.startOffset).toBeLessThan(chunks[i - 1]!.endOffset);
    }
  });

  it.each<[string, string, 'markdown' | 'text' | 'json' | 'code']>([
    ['a line without a space', 'x'.repeat(50_000), 'text'],
    ['pairs of surrogates', '👻'.repeat(5_000), 'text'],
    ['ideographs', '漢字。'.repeat(3_000), 'markdown'],
    ['a fence that nobody closes', `\`\`\`\n${words(3_000).join('\n')}`, 'markdown'],
    ['many headings', words(500, '# h').join('\n'), 'markdown'],
    ['JSON on one line', JSON.stringify(words(3_000)), 'json'],
    ['code', words(2_000, 'call();\n\n').join(''), 'code'],
    ['Windows line ends', words(2_000).join('\r\n'), 'markdown'],
  ])('cover all of a text but white space, none too large: %s', (_, text, format) => {
    const chunks = chunksOf(text, { title: 'T', format });
    let covered = 0;
    for (const chunk of chunks) {
      expect(chunk.tokenCount).toBeLessThanOrEqual(CHUNK_MAX_TOKENS);
      expect(chunk.content.isWellFormed()).toBe(true);
      expect(text.slice(covered, Math.max(covered, chunk.startOffset)).trim()).toBe('');
      covered = chunk.endOffset;
    }
    expect(text.slice(covered).trim()).toBe('');
  });

  it('take time in proportion to the text', () => {
    const text = `${words(200).join(' ')}\n\n`.repeat(2_000);
    const started = performance.now();
    expect(chunksOf(text, { title: 'T', format: 'markdown' }).length).toBeGreaterThan(1_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('count tokens by words, signs and ideographs', () => {
    expect([countTokens(''), countTokens('a cat'), countTokens('internationalisation'), countTokens('f(x);'), countTokens('漢字')]).toEqual([0, 2, 4, 5, 2]);
  });

  it.each([
    ['paragraphs', 'Some words of a paragraph that says little.\n\n'.repeat(40_000)],
    ['one paragraph', 'Some words of a paragraph that says little. '.repeat(40_000)],
    ['lines without a blank one', 'Some words of a line that says little\n'.repeat(40_000)],
  ])('let others have their turn while a large text is cut: %s', async (_, text) => {
    let turns = 0;
    let longest = 0;
    const started = performance.now();
    let last = started;
    const timer = setInterval(() => {
      turns += 1;
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const item = { title: 'T', format: 'markdown' as const };
    const [pieces, tokens] = [await chunksInTurns(text, item), await inTurns(countTokensInSteps(text))];
    clearInterval(timer);
    const took = performance.now() - started;
    expect(pieces).toEqual(chunksOf(text, item));
    expect(tokens).toBe(countTokens(text));
    expect(turns).toBeGreaterThan(took / 50);
    expect(longest).toBeLessThan(Math.max(took / 3, 100));
  });
});

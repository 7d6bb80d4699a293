import { hash } from 'node:crypto';
import { consistencyRanges, Frontier, inclusionRanges, isConsistent, isIncluded, leafHash, nodeHash, rootOf, subtreesOf, type Range } from '../src/sealing/merkle.js';

/** The inputs and roots that implementations of RFC 6962 agree on (certificate-transparency, merkletree tests). */
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const LEAVES = Array.from({ length: 70 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));

/** MTH of RFC 6962, 2.1, word by word. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

const rangeRoot = (range: Range) => naiveRoot(LEAVES.slice(range.start, range.end));

describe('the tree of RFC 6962', () => {
  it('has the roots that other implementations have', () => {
    const frontier = new Frontier();
    const roots = INPUTS.map((input) => {
      frontier.append(leafHash(Buffer.from(input, 'hex')));
      return frontier.root.toString('hex');
    });
    expect(roots).toEqual(ROOTS);
    expect(leafHash(Buffer.alloc(0)).toString('hex')).toBe(hash('sha256', Buffer.of(0), 'hex'));
  });

  it('grows to the root of each size, also when it goes on from its right edge', () => {
    for (let size = 1; size <= LEAVES.length; size++) {
      const peaks = subtreesOf({ start: 0, end: size - 1 }).map(({ level, index }) => rangeRoot({ start: index * 2 ** level, end: (index + 1) * 2 ** level }));
      const frontier = new Frontier(size - 1, peaks);
      frontier.append(LEAVES[size - 1]!);
      expect([size, frontier.root.equals(naiveRoot(LEAVES.slice(0, size)))]).toEqual([size, true]);
    }
    expect(() => new Frontier(5, [LEAVES[0]!])).toThrow('A tree of 5 leaves has 2 full subtrees, not 1');
  });

  it('tells of each full subtree when it is complete', () => {
    const frontier = new Frontier();
    const grown: string[] = [];
    for (const leaf of LEAVES.slice(0, 16)) frontier.append(leaf, ({ level, index }, found) => void (found.equals(rangeRoot({ start: index * 2 ** level, end: (index + 1) * 2 ** level })) && grown.push(`${level}:${index}`)));
    expect(grown.sort()).toEqual(['1:0', '1:1', '1:2', '1:3', '1:4', '1:5', '1:6', '1:7', '2:0', '2:1', '2:2', '2:3', '3:0', '3:1', '4:0']);
  });

  it('takes ranges apart into full subtrees, and their hashes are that of the range', () => {
    for (let size = 1; size <= LEAVES.length; size++) {
      const hashes = subtreesOf({ start: 0, end: size }).map(({ level, index }) => rangeRoot({ start: index * 2 ** level, end: (index + 1) * 2 ** level }));
      expect(rootOf(hashes).equals(naiveRoot(LEAVES.slice(0, size)))).toBe(true);
    }
  });

  it('proves each leaf of each size, and none in the place of another', () => {
    for (let size = 1; size <= LEAVES.length; size++) {
      const root = naiveRoot(LEAVES.slice(0, size));
      for (let index = 0; index < size; index++) {
        const path = inclusionRanges(index, size).map(rangeRoot);
        const proof = { index, size, leaf: LEAVES[index]!, path, root };
        expect([index, size, isIncluded(proof)]).toEqual([index, size, true]);
        const wrong = [{ ...proof, leaf: LEAVES[(index + 1) % LEAVES.length]! }, { ...proof, index: size }, { ...proof, path: [...path, root] }, ...(size > 1 ? [{ ...proof, index: (index + 1) % size }, { ...proof, path: path.slice(1) }] : [])];
        expect(wrong.map(isIncluded)).toEqual(wrong.map(() => false));
      }
    }
  });

  it('proves that each size begins with each smaller one, and with nothing else', () => {
    for (let to = 1; to <= LEAVES.length; to++) {
      const toRoot = naiveRoot(LEAVES.slice(0, to));
      for (let from = 1; from <= to; from++) {
        const path = consistencyRanges(from, to).map(rangeRoot);
        const proof = { from, to, fromRoot: naiveRoot(LEAVES.slice(0, from)), toRoot, path };
        expect([from, to, isConsistent(proof)]).toEqual([from, to, true]);
        const forged = leafHash(Buffer.from('forged'));
        const wrong = [{ ...proof, fromRoot: forged }, { ...proof, toRoot: forged }, { ...proof, path: [...path, toRoot] }, ...(path.length > 0 ? [{ ...proof, path: path.slice(1) }, { ...proof, path: [forged, ...path.slice(1)] }] : [])];
        expect(wrong.map(isConsistent)).toEqual(wrong.map(() => false));
      }
    }
    expect(isConsistent({ from: 0, to: 3, fromRoot: LEAVES[0]!, toRoot: LEAVES[0]!, path: [] })).toBe(false);
  });
});

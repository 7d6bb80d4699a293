/**
 * How long each leaf was on its way, in milliseconds: from the moment its entry was minted, so before its commit, to the end of
 * the turn that sealed it, so after the sealer's commit. Leaves `{ sequence, occurredAt }` and turns `{ size, endedAt }`, both in
 * their order; moments in milliseconds. Throws for a leaf that no turn has covered.
 */
export function lagsOf(leaves, turns) {
  let turn = 0;
  return leaves.map(({ sequence, occurredAt }) => {
    while (turn < turns.length && turns[turn].size < sequence) turn++;
    if (turn === turns.length) throw new Error(`no turn has sealed leaf ${sequence}`);
    return turns[turn].endedAt - occurredAt;
  });
}

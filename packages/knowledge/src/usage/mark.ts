/** The CHECK of an item's figures: as many were helpful as were used, at most, and what was used was so at some time. */
export const MARK = 'helpful_count >= 0 and helpful_count <= usage_count and (usage_count = 0) = (last_used_at is null)';

import { requireContext } from '@agent-hive/kernel';

/** Who acts with this key or token. */
export class MeActorDto {
  /** `user`, `agent` or `service`. */
  type: string;
  id: string | null;
  name: string;
}

/** What the caller is and may. */
export class MeDto {
  tenantId: string;
  actor: MeActorDto;
  scopes: string[];
  role: string | null;
  /** Id of the key; null for the platform's and for tokens. */
  keyId: string | null;

  static ofCaller(): MeDto {
    const { tenantId, actor, scopes, role, keyId } = requireContext().principal;
    return { tenantId, actor: { ...actor }, scopes: [...scopes], role, keyId };
  }
}

import { Module, type DynamicModule } from '@nestjs/common';
import type { SignerSource } from './signer.js';
import { SIGNER_SOURCE } from './signing-keys.service.js';

@Module({})
export class SignerModule {
  /** Says where the process's signing key is. Without this module, it is made by the process and gone with it. */
  static of(source: SignerSource): DynamicModule {
    return { module: SignerModule, global: true, providers: [{ provide: SIGNER_SOURCE, useValue: source }], exports: [SIGNER_SOURCE] };
  }
}

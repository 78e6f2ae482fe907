/** Node.js 18 has Web Cryptography, which both HPKE packages stand on, but not as a global. */
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;

/* The authority's state directory:
 *
 *     root.key            signs tier CAs only: needed by `init` alone, move it offline
 *     signer/TIER.key     issuing keys, read by the signer alone
 *     public/root.pem     the anchor that manifests name
 *     public/tier-TIER.pem  the anchors that services name
 *     db/authority.db     owners, platforms, tokens, approvals
 */
#ifndef IDEVS_AUTHORITY_FOLDER_H
#define IDEVS_AUTHORITY_FOLDER_H

#include "base/error.h"
#include "wire/tier.h"

/* Paths, the caller's to free. */
char *folder_root_key(const char *state);
char *folder_root(const char *state);
char *folder_tier_key(const char *state, enum tier tier);
char *folder_tier(const char *state, enum tier tier);
char *folder_database_folder(const char *state);
char *folder_database(const char *state);

/* Makes all of it for `trust_domain` (a host name): root for ten years, tier CAs for five. Refuses
 * `usage`, `state.unusable` when there is a root already, `file.*`. */
bool folder_init(const char *state, const char *trust_domain,
                 struct idevs_error *ret_err) _must_check_;

#endif

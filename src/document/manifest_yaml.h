/* The owner's manifest.yaml -> struct manifest and its CBOR, taking in the anchor and
 * key files that it names. Used by the CLI only: nobody else reads YAML of an owner. */
#ifndef IDEVS_DOCUMENT_MANIFEST_YAML_H
#define IDEVS_DOCUMENT_MANIFEST_YAML_H

#include "wire/manifest.h"

/* Appends the canonical CBOR of the manifest at `path`. Refuses `manifest.*`, `file.*`, naming line
 * and column where YAML knows them. */
bool manifest_from_yaml(const char *path, struct buffer *b,
                        struct idevs_error *ret_err) _must_check_;

#endif

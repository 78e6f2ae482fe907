/* Strict YAML documents on libcyaml: at most LIMIT_CONFIG, one document, no aliases, no unknown
 * keys, no duplicate keys, strict booleans and integers, no NUL. Errors name line and column. */
#ifndef IDEVS_DOCUMENT_YAML_H
#define IDEVS_DOCUMENT_YAML_H

#include "base/buffer.h"
#include "base/error.h"
#include <cyaml/cyaml.h>

/* Loads `path` by `schema` into a new `*ret` (free with yaml_free). Refuses `code` (`config.syntax`
 * or `manifest.syntax`) with "path:line:column: reason" as found; `file.*`. */
bool yaml_load(const char *path, const cyaml_schema_value_t *schema, const char *code, void **ret,
               struct idevs_error *ret_err) _must_check_;
void yaml_free(const cyaml_schema_value_t *schema, void *data);

/* "64 MiB", "512 KiB", "100" -> bytes; "5s", "10 min", "1 h", "30" -> seconds. One space at most.
 */
bool yaml_bytes(const char *text, uint64_t max, uint64_t *ret) _must_check_;
bool yaml_seconds(const char *text, uint64_t max, uint64_t *ret) _must_check_;
/* A path of a configuration file is relative to the file's folder. Result is the caller's. */
char *yaml_path(const char *config_path, const char *path);

#endif

#include "document/yaml.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idevs_error err;
    _cleanup_yaml_ struct yaml *doc =
        yaml_parse(bytes_of(data, size), "a.yaml", "config.syntax", &err);
    struct yaml *map = NULL;
    const char *text = NULL;
    uint64_t v = 0;

    if (doc && yaml_size(doc, "size", YAML_OPTIONAL, 0, UINT64_MAX, &v, &err) &&
        yaml_seconds(doc, "every", YAML_OPTIONAL, 0, UINT64_MAX, &v, &err) &&
        yaml_path(doc, "key", YAML_OPTIONAL, &text, &err) &&
        yaml_map(doc, "in", YAML_OPTIONAL, &map, &err) && yaml_done(doc, &err))
        return 0;
    return 0;
}

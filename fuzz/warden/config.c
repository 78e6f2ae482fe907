#include "warden/config.h"

#include "base/limits.h"
#include "file.h"

/* A configuration that is accepted keeps the compartments' users apart from the launcher's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct warden_config c = {0};
    struct idevs_error err = {0};

    if (!warden_config_load(file_with(bytes_of(data, size)), &c, &err)) {
        must_be_refusal(&err);
        must(!c.socket && !c.state && !c.toolchain);
        return 0;
    }
    must(c.socket && c.state && c.uid_first > 0 && c.uid_count > 0 && c.uid_count <= LIMIT_RUNS &&
         (c.launcher_uid < c.uid_first || c.launcher_uid - c.uid_first >= c.uid_count));
    warden_config_free(&c);
    return 0;
}

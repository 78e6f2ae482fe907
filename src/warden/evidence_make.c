#include "warden/evidence_make.h"
#include "base/alloc.h"
#include "base/fd.h"

#include <sys/stat.h>

static bool put(const char *folder, const char *name, struct bytes content,
                struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);

    return file_write(path, content, 0644, ret_err);
}

bool evidence_make(const struct hardware_maker *maker, const uint8_t over[REPORT_DATA_LEN],
                   const char *out, bool *ret_endorsed, struct idevs_error *ret_err)
{
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};

    if (!maker->make(over, &made, ret_err))
        return false;
    if (mkdir(out, 0755) < 0)
        return refuse_errno(ret_err, "file.unwritable", out);
    *ret_endorsed = made.endorsements.len > 0;
    return put(out, EVIDENCE_FILE, buffer_bytes(&made.evidence), ret_err) &&
           (!*ret_endorsed ||
            put(out, ENDORSEMENTS_FILE, buffer_bytes(&made.endorsements), ret_err));
}

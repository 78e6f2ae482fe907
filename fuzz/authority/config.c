#include "authority/config.h"

#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_config_ struct config c = {0};
    struct idevs_error err = {0};

    if (config_load(file_with(bytes_of(data, size)), &c, &err)) {
        must(c.listen && c.certificate && c.key && c.state && c.document);
        return 0;
    }
    must_be_refusal(&err);
    must(!c.document && !c.listen);
    return 0;
}

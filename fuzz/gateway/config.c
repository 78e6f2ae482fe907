#include "gateway/config.h"

#include "fuzz.h"

/* A configuration that is accepted has everything that the gateway relies on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_gateway_config_ struct gateway_config c = {0};
    struct idevs_error err = {0};

    if (!gateway_config_parse(bytes_of(data, size), "gateway.yaml", &c, &err)) {
        if (!err.code[0] || c.document)
            abort();
        return 0;
    }
    if (!c.listen || !c.upstream || !c.authority || !c.certificate || !c.key || !c.state ||
        c.n_anchors == 0 || c.max_body == 0 || c.upstream_seconds == 0 ||
        c.policy.names_programs != (c.policy.n_programs > 0))
        abort();
    return 0;
}

#include "launcher/config.h"

#include "file.h"

/* A configuration that is accepted has everything that the launcher relies on. `owners` must name a
 * PEM file: the input's own descriptor can be one, when it holds a key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct launcher_config c;
    struct idevs_error err = {0};

    if (!config_load(file_with(bytes_of(data, size)), &c, &err)) {
        must_be_refusal(&err);
        must(!c.listen && !c.n_owners && !c.n_services);
        return 0;
    }
    must(c.listen && c.certificate && c.key && c.state && c.warden && c.n_owners > 0 &&
         c.max_body > 0 && c.budget > 0 && c.longest_pause > 0);
    for (size_t i = 0; i < c.n_services; i++)
        must(c.services[i].name && service_url_is_valid(c.services[i].url));
    config_free(&c);
    return 0;
}

#include "authority/config.h"

static bool take_files(struct yaml *doc, const char *key, const char *ret[LIMIT_TPM_FILES],
                       size_t *ret_n, struct idevs_error *ret_err)
{
    struct yaml *list = NULL;

    if (!yaml_list(doc, key, YAML_OPTIONAL, &list, ret_err))
        return false;
    *ret_n = list ? yaml_count(list) : 0;
    if (*ret_n > LIMIT_TPM_FILES)
        return yaml_refuse(list, ret_err, "%zu files", *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        if (!yaml_path(yaml_at(list, i), NULL, YAML_REQUIRED, &ret[i], ret_err))
            return false;
    return true;
}

bool config_load(const char *path, struct config *ret, struct idevs_error *ret_err)
{
    struct config c = {.document = yaml_load(path, "config.syntax", ret_err)};
    struct yaml *doc = c.document;

    if (!doc)
        return false;
    bool done = yaml_text(doc, "listen", YAML_REQUIRED, &c.listen, ret_err) &&
                yaml_path(doc, "certificate", YAML_REQUIRED, &c.certificate, ret_err) &&
                yaml_path(doc, "key", YAML_REQUIRED, &c.key, ret_err) &&
                yaml_path(doc, "state", YAML_REQUIRED, &c.state, ret_err) &&
                yaml_path(doc, "signer", YAML_OPTIONAL, &c.signer, ret_err) &&
                take_files(doc, "tpm_roots", c.tpm_roots, &c.n_tpm_roots, ret_err) &&
                take_files(doc, "tpm_intermediates", c.tpm_intermediates, &c.n_tpm_intermediates,
                           ret_err) &&
                yaml_done(doc, ret_err);
    if (!done) {
        config_free(&c);
        return false;
    }
    *ret = c;
    return true;
}

void config_free(struct config *c)
{
    yaml_release(c->document);
    *c = (struct config){0};
}

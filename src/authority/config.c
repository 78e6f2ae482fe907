#include "authority/config.h"

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
                yaml_paths(doc, "tpm_roots", YAML_OPTIONAL, LIMIT_TPM_FILES, c.tpm_roots,
                           &c.n_tpm_roots, ret_err) &&
                yaml_paths(doc, "tpm_intermediates", YAML_OPTIONAL, LIMIT_TPM_FILES,
                           c.tpm_intermediates, &c.n_tpm_intermediates, ret_err) &&
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

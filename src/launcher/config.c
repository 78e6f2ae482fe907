#include "launcher/config.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "document/yaml.h"

#include <stdlib.h>

#define DEFAULT_LISTEN "127.0.0.1:8443"

bool service_url_is_valid(const char *url)
{
    static const char *const SCHEMES[] = {"https://", "http://"};

    for (size_t i = 0; i < ARRAY_LEN(SCHEMES); i++) {
        size_t n = strlen(SCHEMES[i]);
        if (strncmp(url, SCHEMES[i], n) == 0)
            return authority_is_valid(url + n);
    }
    return false;
}

static bool load_owner(const char *path, struct owner *ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);
    uint8_t spki[SPKI_LEN];

    if (!file_read(path, &pem, ret_err))
        return false;
    _cleanup_public_key_ struct public_key *key = public_key_from_pem(buffer_bytes(&pem));
    if (!key)
        return refuse(ret_err, "owner.key", "%s has no P-256 public key", path);
    public_key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), ret->spki_sha256);
    return true;
}

static bool load_owners(struct yaml *doc, struct launcher_config *ret, struct idevs_error *ret_err)
{
    struct yaml *list = NULL;

    if (!yaml_list(doc, "owners", YAML_REQUIRED, &list, ret_err))
        return false;
    if (yaml_count(list) == 0 || yaml_count(list) > LIMIT_OWNERS)
        return yaml_refuse(list, ret_err, "1 to %d owners", LIMIT_OWNERS);
    for (size_t i = 0; i < yaml_count(list); i++) {
        const char *path = NULL;
        if (!yaml_path(yaml_at(list, i), NULL, YAML_REQUIRED, &path, ret_err) ||
            !load_owner(path, &ret->owners[ret->n_owners], ret_err))
            return false;
        ret->n_owners++;
    }
    return true;
}

static bool load_services(struct yaml *doc, struct launcher_config *ret,
                          struct idevs_error *ret_err)
{
    struct yaml *map = NULL;

    if (!yaml_map(doc, "services", YAML_OPTIONAL, &map, ret_err))
        return false;
    if (yaml_count(map) > LIMIT_LAUNCHER_SERVICES)
        return yaml_refuse(map, ret_err, "at most %d services", LIMIT_LAUNCHER_SERVICES);
    for (size_t i = 0; i < yaml_count(map); i++) {
        const char *name = yaml_key(map, i);
        const char *url = NULL;
        if (!yaml_text(yaml_at(map, i), NULL, YAML_REQUIRED, &url, ret_err))
            return false;
        if (!name_is_valid(name, LIMIT_SERVICE_NAME) || !service_url_is_valid(url))
            return yaml_refuse(yaml_at(map, i), ret_err, "a service is NAME: https://host:port");
        ret->services[i].name = alloc_text(name);
        ret->services[i].url = alloc_text(url);
        ret->n_services++;
    }
    return true;
}

static bool load_sizes(struct yaml *doc, struct launcher_config *ret, struct idevs_error *ret_err)
{
    uint64_t body = LIMIT_BODY;
    uint64_t budget = LIMIT_BUDGET;
    uint64_t pause = LIMIT_RUN_PAUSE;

    if (!yaml_size(doc, "max_body", YAML_OPTIONAL, LIMIT_LAUNCHER_BODY_FLOOR, LIMIT_BODY_CEILING,
                   &body, ret_err) ||
        !yaml_size(doc, "budget", YAML_OPTIONAL, LIMIT_BUDGET_FLOOR, LIMIT_BUDGET_CEILING, &budget,
                   ret_err) ||
        !yaml_seconds(doc, "longest_pause", YAML_OPTIONAL, 1, LIMIT_RUN_PAUSE_CEILING, &pause,
                      ret_err))
        return false;
    ret->max_body = body;
    ret->budget = budget;
    ret->longest_pause = (unsigned)pause;
    return true;
}

static bool load_file(struct yaml *doc, const char *key, enum yaml_need need, char **ret,
                      struct idevs_error *ret_err)
{
    const char *path = NULL;

    if (!yaml_path(doc, key, need, &path, ret_err))
        return false;
    if (path)
        *ret = alloc_text(path);
    return true;
}

static bool load(struct yaml *doc, struct launcher_config *ret, struct idevs_error *ret_err)
{
    const char *listen = DEFAULT_LISTEN;

    if (!yaml_text(doc, "listen", YAML_OPTIONAL, &listen, ret_err))
        return false;
    ret->listen = alloc_text(listen);
    return load_file(doc, "certificate", YAML_REQUIRED, &ret->certificate, ret_err) &&
           load_file(doc, "key", YAML_REQUIRED, &ret->key, ret_err) &&
           load_file(doc, "state", YAML_REQUIRED, &ret->state, ret_err) &&
           load_file(doc, "warden", YAML_REQUIRED, &ret->warden, ret_err) &&
           load_file(doc, "ca", YAML_OPTIONAL, &ret->ca, ret_err) &&
           load_file(doc, "record", YAML_OPTIONAL, &ret->record, ret_err) &&
           load_sizes(doc, ret, ret_err) && load_owners(doc, ret, ret_err) &&
           load_services(doc, ret, ret_err) && yaml_done(doc, ret_err);
}

bool config_load(const char *path, struct launcher_config *ret, struct idevs_error *ret_err)
{
    _cleanup_yaml_ struct yaml *doc = yaml_load(path, "config.syntax", ret_err);

    *ret = (struct launcher_config){0};
    if (doc && load(doc, ret, ret_err))
        return true;
    config_free(ret);
    return false;
}

void config_free(struct launcher_config *config)
{
    char **texts[] = {&config->listen, &config->certificate, &config->key,   &config->state,
                      &config->warden, &config->ca,          &config->record};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(*texts[i]);
    for (size_t i = 0; i < config->n_services; i++) {
        free(config->services[i].name);
        free(config->services[i].url);
    }
    *config = (struct launcher_config){0};
}

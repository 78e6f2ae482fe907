#include "warden/config.h"
#include "attester/tpm.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "compartment/microvm.h"
#include "document/yaml.h"

#define UID_FIRST                                                                                  \
    700000 /* above what systems give to users, below subordinate ids' usual range                 \
            */
#define UID_MIN 1000
#define UID_MAX 4294000000

static bool take_path(struct yaml *doc, const char *key, enum yaml_need need, char **ret,
                      struct idevs_error *ret_err)
{
    const char *path = NULL;

    if (!yaml_path(doc, key, need, &path, ret_err))
        return false;
    *ret = path ? alloc_text(path) : NULL;
    return true;
}

static bool take_uids(struct yaml *doc, struct warden_config *ret, struct idevs_error *ret_err)
{
    uint64_t launcher = 0;
    uint64_t first = UID_FIRST;
    uint64_t count = LIMIT_RUNS;

    if (!yaml_u64(doc, "launcher_uid", YAML_REQUIRED, 0, UID_MAX, &launcher, ret_err) ||
        !yaml_u64(doc, "uid_first", YAML_OPTIONAL, UID_MIN, UID_MAX, &first, ret_err) ||
        !yaml_u64(doc, "uid_count", YAML_OPTIONAL, 2, LIMIT_RUNS, &count, ret_err))
        return false;
    if (launcher >= first && launcher < first + count)
        return yaml_refuse(doc, ret_err, "launcher_uid is one of the compartments' users");
    ret->launcher_uid = (uid_t)launcher;
    ret->uid_first = (uid_t)first;
    ret->uid_count = (uint32_t)count;
    return true;
}

static bool take_secrecy(struct yaml *doc, struct warden_config *ret, struct idevs_error *ret_err)
{
    static const char *const NAMES[] = {[SECRECY_OFF] = "off",
                                        [SECRECY_PREFERRED] = "preferred",
                                        [SECRECY_REQUIRED] = "required",
                                        NULL};
    unsigned chosen = SECRECY_PREFERRED;

    if (!yaml_choice(doc, "secret_memory", YAML_OPTIONAL, NAMES, &chosen, ret_err))
        return false;
    ret->secrecy = (enum compartment_secrecy)chosen;
    return true;
}

static bool take_back_end(struct yaml *item, struct warden_config *ret, struct idevs_error *ret_err)
{
    const char *name = NULL;

    if (!yaml_text(item, NULL, YAML_REQUIRED, &name, ret_err))
        return false;
    const struct compartment_back_end *back_end = compartment_back_end(name);
    if (!back_end)
        return yaml_refuse(item, ret_err, "no back end is called %s", name);
    for (size_t i = 0; i < ret->n_back_ends; i++)
        if (ret->back_ends[i] == back_end)
            return yaml_refuse(item, ret_err, "%s stands twice", name);
    ret->back_ends[ret->n_back_ends++] = back_end;
    return true;
}

/* Without a list, `process` alone: each other one is a decision of the operator. */
static bool take_back_ends(struct yaml *doc, struct warden_config *ret, struct idevs_error *ret_err)
{
    struct yaml *list = NULL;

    if (!yaml_list(doc, "back_ends", YAML_OPTIONAL, &list, ret_err))
        return false;
    if (!list) {
        ret->back_ends[ret->n_back_ends++] = compartment_back_end("process");
        return true;
    }
    if (yaml_count(list) == 0)
        return yaml_refuse(list, ret_err, "no back end is permitted");
    for (size_t i = 0; i < yaml_count(list); i++)
        if (!take_back_end(yaml_at(list, i), ret, ret_err))
            return false;
    return true;
}

/* "device:/dev/tpmrm0", "socket:/run/swtpm/socket" */
static bool take_tpm_address(struct yaml *doc, struct warden_config *ret,
                             struct idevs_error *ret_err)
{
    static const char DEVICE[] = "device:";
    static const char SOCKET[] = "socket:";
    const char *address = "device:/dev/tpmrm0";

    if (!yaml_text(doc, "tpm", YAML_OPTIONAL, &address, ret_err))
        return false;
    ret->tpm_is_socket = strncmp(address, SOCKET, strlen(SOCKET)) == 0;
    if (!ret->tpm_is_socket && strncmp(address, DEVICE, strlen(DEVICE)) != 0)
        return yaml_refuse(doc, ret_err, "tpm is neither device:PATH nor socket:PATH");
    const char *path = address + strlen(DEVICE); /* both are as long */
    if (*path != '/')
        return yaml_refuse(doc, ret_err, "tpm names no absolute path");
    ret->tpm = alloc_text(path);
    return true;
}

static bool take_attester(struct yaml *doc, struct warden_config *ret, struct idevs_error *ret_err)
{
    static const char *const NAMES[] = {"provider-signed", "tpm", NULL};
    const char *registers = "0,1,2,3,4,5,6,7";
    unsigned chosen = 0;

    if (!yaml_choice(doc, "attester", YAML_OPTIONAL, NAMES, &chosen, ret_err))
        return false;
    if (chosen == 0)
        return true; /* the keys below are then unknown ones */
    if (!take_tpm_address(doc, ret, ret_err) ||
        !take_path(doc, "tpm_endorsement", YAML_OPTIONAL, &ret->tpm_endorsement, ret_err) ||
        !yaml_text(doc, "tpm_registers", YAML_OPTIONAL, &registers, ret_err))
        return false;
    return tpm_parse_registers(registers, &ret->tpm_registers) ||
           yaml_refuse(doc, ret_err, "tpm_registers is no list like \"0,2,4\" of 0 to 23");
}

bool warden_config_load(const char *path, struct warden_config *ret, struct idevs_error *ret_err)
{
    struct warden_config c = {0};
    _cleanup_yaml_ struct yaml *doc = yaml_load(path, "config.syntax", ret_err);

    if (doc && take_path(doc, "socket", YAML_REQUIRED, &c.socket, ret_err) &&
        take_path(doc, "state", YAML_REQUIRED, &c.state, ret_err) &&
        take_path(doc, "toolchain", YAML_OPTIONAL, &c.toolchain, ret_err) &&
        take_path(doc, "guest", YAML_OPTIONAL, &c.guest, ret_err) && take_uids(doc, &c, ret_err) &&
        take_back_ends(doc, &c, ret_err) && take_secrecy(doc, &c, ret_err) &&
        take_attester(doc, &c, ret_err) && yaml_done(doc, ret_err)) {
        *ret = c;
        microvm_use(c.guest);
        return true;
    }
    warden_config_free(&c);
    return false;
}

void warden_config_free(struct warden_config *config)
{
    free_text(&config->socket);
    free_text(&config->state);
    free_text(&config->toolchain);
    free_text(&config->tpm);
    free_text(&config->tpm_endorsement);
    if (config->guest)
        microvm_use(NULL);
    free_text(&config->guest);
    *config = (struct warden_config){0};
}

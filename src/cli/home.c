#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

char *home_path(const struct cli *cli, const char *name)
{
    return name[0] == '/' ? alloc_text(name) : alloc_format("%s/%s", cli->home, name);
}

/* Missing keys have one remedy, whatever the reason: `idevs init`. */
static bool read_key_file(const struct cli *cli, const char *name, struct buffer *b,
                          struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = home_path(cli, name);

    return file_read(path, b, ret_err) || refuse(ret_err, "owner.key", "%s", ret_err->found);
}

struct key *home_key(const struct cli *cli, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    if (!read_key_file(cli, "owner.key", &pem, ret_err))
        return NULL;
    return key_load(buffer_bytes(&pem), ret_err);
}

struct x25519_key *home_log_key(const struct cli *cli, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    if (!read_key_file(cli, "owner-log.key", &pem, ret_err))
        return NULL;
    return x25519_load(buffer_bytes(&pem), ret_err);
}

const char *const PEERS[PEER_COUNT] = {"launcher", "authority"};

void addresses_release(struct addresses *a)
{
    yaml_releasep(&a->config);
}

bool home_addresses(const struct cli *cli, struct addresses *ret, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = home_path(cli, "config.yaml");

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    ret->config = yaml_load(path, "config.syntax", ret_err);
    if (!ret->config)
        return false;
    for (size_t i = 0; i < PEER_COUNT; i++) {
        char ca[32];
        snprintf(ca, sizeof(ca), "%s_ca", PEERS[i]);
        if (!yaml_text(ret->config, PEERS[i], YAML_OPTIONAL, &ret->url[i], ret_err) ||
            !yaml_text(ret->config, ca, YAML_OPTIONAL, &ret->ca[i], ret_err))
            return false;
    }
    return yaml_done(ret->config, ret_err);
}

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "cli/cli.h"

char *home_path(const struct cli *cli, const char *name)
{
    return alloc_format("%s/%s", cli->home, name);
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
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(16));

    if (!read_key_file(cli, "owner.key", &pem, ret_err))
        return NULL;
    return key_load(buffer_bytes(&pem), ret_err);
}

struct x25519_key *home_log_key(const struct cli *cli, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(16));

    if (!read_key_file(cli, "owner-log.key", &pem, ret_err))
        return NULL;
    return x25519_load(buffer_bytes(&pem), ret_err);
}

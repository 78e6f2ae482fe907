#include "crypto/files.h"
#include "base/fd.h"

struct key *key_from_file(const char *path, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    return file_read(path, &pem, ret_err) ? key_load(buffer_bytes(&pem), ret_err) : NULL;
}

bool chain_from_file(const char *path, struct chain *ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);

    return file_read(path, &pem, ret_err) && chain_from_pem(buffer_bytes(&pem), ret, ret_err);
}

bool key_to_file(const char *path, const struct key *key, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);

    if (!key_save(key, &pem))
        return refuse(ret_err, "internal", "a key that cannot be written");
    return file_write(path, buffer_bytes(&pem), 0600, ret_err);
}

bool chain_to_file(const char *path, const struct chain *chain, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);

    if (!chain_to_pem(chain, &pem))
        return refuse(ret_err, "internal", "a certificate that cannot be written");
    return file_write(path, buffer_bytes(&pem), 0644, ret_err);
}

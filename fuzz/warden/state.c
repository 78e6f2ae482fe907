/* Small files of the warden: its state's version and platform key, a toolchain's digest. */
#include "base/text.h"
#include "warden/identity.h"
#include "warden/toolchain.h"

#include "scratch.h"

#include <sys/stat.h>

static void read_identity(struct bytes version, struct bytes pem)
{
    struct idevs_error err = {0};

    scratch_write("version", version);
    scratch_write("platform.pem", pem);
    must(chmod(scratch_file("platform.pem"), 0600) == 0);
    _cleanup_key_ struct key *key = identity_open(scratch_folder(), &err);
    if (!key)
        must_be_refusal(&err);
}

/* FOLDER.digest says what FOLDER is, in one spelling, or nothing is compiled with it. */
static void read_digest(struct bytes in)
{
    struct idevs_error err = {0};
    char path[128];
    char hex[2 * SHA256_LEN + 2];
    uint8_t digest[SHA256_LEN];
    uint8_t verified[SHA256_LEN];

    text_from(bytes_of_text(scratch_file("tools")), path, sizeof(path));
    if (mkdir(path, 0700) == 0)
        scratch_write("tools/cc", bytes_of_text("compiler"));
    must(toolchain_digest(path, digest, &err));
    hex_text(digest, sizeof(digest), hex);
    scratch_write("tools.digest", in);
    bool verifies = toolchain_verify(path, verified, &err);
    struct bytes text = in.len && in.data[in.len - 1] == '\n' ? bytes_of(in.data, in.len - 1) : in;
    must(!verifies || bytes_equal_text(text, hex));
    if (!verifies)
        must_be_refusal(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));

    if (next_u8(&r) % 2) {
        read_digest(all_left(&r));
        return 0;
    }
    struct bytes version = next_part(&r);
    read_identity(version, all_left(&r));
    return 0;
}

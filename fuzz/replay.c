/* Runs a fuzz harness over every file of the corpus folders given: what fuzzing found stays found.
 */
#include "base/fd.h"
#include "base/limits.h"

#include <dirent.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replay_folder(const char *folder)
{
    unsigned n = 0;
    DIR *dir = opendir(folder);

    if (!dir)
        return 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[4096];
        struct idevs_error err;
        _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || !file_read(path, &b, &err))
            continue;
        LLVMFuzzerTestOneInput(b.len ? b.data : (const uint8_t *)"", b.len);
        n++;
    }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        unsigned n = replay_folder(argv[i]);
        printf("%s: %u inputs\n", argv[i], n);
        if (n == 0)
            return 1; /* a corpus that is not there tests nothing */
    }
    return 0;
}

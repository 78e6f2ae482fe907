/* Sources that attack whoever compiles them: each is built by a real warden and must not get what
 * it is after; and, without a compartment, by the compiler of the host, where it must.
 *
 *     escape-compile INCLUDE-FOLDER LIBIDEVS [CLAIM...]
 *
 * As root. script/escape-table reads the rows. */
#include "../unit/test.h"

#include "../unit/warden/folder.h"
#include "../unit/warden/served.h"
#include "base/alloc.h"
#include "base/text.h"
#include "host.h"
#include "warden/compile.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDING "\nint main(void) { return 0; }\n"
#define READS  HOST_SECRET /* what a source shows that read the host's file */

struct order order;

struct source {
    const char *claim;
    const char *code;  /* of the refusal; "": it builds */
    const char *words; /* of the compiler, in the answer */
    const char *shows; /* in the compiler's words or in the executable: it went through */
    const char *alone; /* why it is not built without a compartment; "": it is, and goes through */
    const char *tries; /* "The source ..." */
    void (*put)(struct buffer *b);
};

#define SOURCE(claim_, code_, words_, shows_, alone_, tries_)                                      \
    static void claim_(struct buffer *b);                                                          \
    static const struct source claim_##_row = {#claim_, code_,  words_, shows_,                    \
                                               alone_,  tries_, claim_};                           \
    static void claim_(struct buffer *b)
#define ROW(claim) &claim##_row

static void put(struct buffer *b, const char *format, ...) _printf_(2, 3);

static void put(struct buffer *b, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof(text) && buffer_append(b, text, (size_t)n));
}

/* ---- files of the host ---- */

SOURCE(a_file_is_not_included, "build.compiler", "No such file", READS, "",
       "includes a file of the host, which the compiler's complaints would quote")
{
    put(b, "#include \"%s\"" ENDING, order.secret);
}

SOURCE(a_file_is_not_included_from_above_the_root, "build.compiler", "No such file", READS, "",
       "includes it on a path that climbs above the root")
{
    put(b, "#include \"/../../../../..%s\"" ENDING, order.secret);
}

SOURCE(a_file_is_not_included_by_a_macro, "build.compiler", "No such file", READS, "",
       "includes it by a name that a macro makes")
{
    put(b, "#define WHERE \"%s\"\n#include WHERE" ENDING, order.secret);
}

SOURCE(a_file_is_not_imported, "build.compiler", "No such file", READS, "", "imports it")
{
    put(b, "#import \"%s\"" ENDING, order.secret);
}

SOURCE(a_files_presence_is_not_told, "", "", "it is there", "", "asks whether it is there")
{
    put(b, "#if __has_include(\"%s\")\n#error it is there\n#endif" ENDING, order.secret);
}

SOURCE(a_file_is_not_taken_into_the_executable, "build.compiler", "file not found", READS, "",
       "has the assembler put it into the executable (.incbin)")
{
    put(b, "__asm__(\".incbin \\\"%s\\\"\");" ENDING, order.secret);
}

SOURCE(a_file_is_not_assembled, "build.compiler", "can't open", READS, "",
       "has the assembler read it as a source (.include)")
{
    put(b, "__asm__(\".include \\\"%s\\\"\");" ENDING, order.secret);
}

SOURCE(a_file_is_not_quoted_as_the_place_of_an_error, "build.compiler", "undeclared", READS, "",
       "says that a line with an error is that file's, so that the compiler quotes it (#line)")
{
    put(b, "#line 1 \"%s\"\nint main(void) { return x; }\n", order.secret);
}

SOURCE(a_file_is_not_quoted_as_the_place_of_a_line_marker, "build.compiler", "undeclared", READS,
       "", "says so by a line marker of the preprocessor")
{
    put(b, "# 1 \"%s\" 3\nint main(void) { return x; }\n", order.secret);
}

SOURCE(standard_input_is_not_included, "build.compiler", "No such file", READS, "",
       "includes the compiler's standard input")
{
    put(b, "#include \"/dev/stdin\"" ENDING);
}

SOURCE(a_descriptor_is_not_included, "build.compiler", "No such file", READS, "",
       "includes a descriptor that the compiler inherited, by /proc/self/fd")
{
    put(b, "#include </proc/self/fd/0>" ENDING);
}

SOURCE(the_compilers_environment_is_not_included, "build.compiler", "No such file", READS,
       "the compiler reads files of /proc as empty", "includes the compiler's environment")
{
    put(b, "#include </proc/self/environ>" ENDING);
}

SOURCE(a_device_is_not_included, "build.compiler", "No such file", NULL, HARMS,
       "includes a device that never ends")
{
    put(b, "#include \"/dev/zero\"" ENDING);
}

SOURCE(the_users_of_the_host_are_not_included, "build.compiler", "No such file", NULL,
       "the file differs by host", "includes /etc/shadow")
{
    put(b, "#include \"/etc/shadow\"" ENDING);
}

SOURCE(the_key_of_the_platform_is_not_included, "build.compiler", "No such file", NULL,
       "its warden alone knows it", "includes a file of the warden's state")
{
    put(b, "#include \"%s/state/platform.pem\"" ENDING, served.folder);
}

/* ---- options of the compiler ---- */

SOURCE(a_plugin_is_no_pragma, "", "bad option", NULL, "the compiler takes it nowhere",
       "loads a plugin into the compiler by a pragma")
{
    put(b, "#pragma GCC optimize (\"-fplugin=%s\")" ENDING, order.secret);
}

SOURCE(a_plugin_is_no_attribute, "", "bad option", NULL, "the compiler takes it nowhere",
       "loads a plugin by an attribute")
{
    put(b, "__attribute__((optimize(\"plugin=%s\"))) int main(void) { return 0; }\n", order.secret);
}

SOURCE(another_assembler_is_no_target, "build.compiler", "is unknown", NULL,
       "the compiler takes it nowhere", "names a folder with another assembler (-B)")
{
    put(b, "#pragma GCC target (\"-B%s\")" ENDING, order.folder);
}

SOURCE(a_dump_is_no_option_of_the_source, "", "bad option", NULL, "the compiler takes it nowhere",
       "has the compiler write its dumps into a file")
{
    put(b, "#pragma GCC optimize (\"dump-tree-all=%s\")" ENDING, order.left);
}

SOURCE(a_source_is_no_response_file, "build.compiler", "stray '@'", NULL,
       "the source is never an argument", "is itself a list of options")
{
    put(b, "@%s -fplugin=%s\n", order.secret, order.secret);
}

/* ---- too much ---- */

SOURCE(a_macro_bomb_ends_for_its_memory, "build.compiler", "Cannot allocate memory", NULL, HARMS,
       "expands a macro to a text of many gigabytes")
{
    put(b, "#define A \"%01000d\"\n", 0);
    for (char c = 'B'; c <= 'J'; c++)
        put(b, "#define %c %c %c %c %c %c %c %c %c\n", c, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1,
            c - 1, c - 1);
    put(b, "char bomb[] = J;" ENDING);
}

SOURCE(a_source_that_includes_itself_ends, "build.compiler", "nested depth", NULL,
       "the compiler ends it everywhere", "includes itself")
{
    put(b, "#include __FILE__" ENDING);
}

SOURCE(an_executable_without_end_is_not_written, "build.compiler", "", NULL, HARMS,
       "makes an executable of a gigabyte")
{
    put(b, "char big[1UL << 30] = {1};\nint main(void) { return big[5]; }\n");
}

SOURCE(an_object_without_end_is_not_written, "build.compiler", "", NULL, HARMS,
       "has the assembler repeat a line for ever")
{
    put(b, "__asm__(\".rept 0x7fffffff\\n.quad 1\\n.endr\");" ENDING);
}

SOURCE(nested_brackets_do_not_end_the_warden, "build.compiler", "", NULL, HARMS,
       "nests a million brackets, at which the compiler's own stack ends")
{
    put(b, "int x = ");
    for (size_t i = 0; i < 1000000; i++)
        assert_true(buffer_append(b, "(", 1));
    put(b, ENDING);
}

SOURCE(a_flood_of_words_is_cut, "", "said more than fits", NULL, "nothing is cut there",
       "has the compiler say more than anybody reads")
{
    for (size_t i = 0; i < 1000; i++)
        put(b,
            "#warning a flood a flood a flood a flood a flood a flood a flood a flood a flood\n");
    put(b, ENDING);
}

SOURCE(no_words_for_a_terminal, "build.compiler", "?]0;escaped?", "\033]0;escaped\007", "",
       "has the compiler say what a terminal takes for commands")
{
    put(b, "#error \033]0;escaped\007\n");
}

SOURCE(a_source_without_end_is_not_taken, "build.source", "", NULL, "no compiler has the limit",
       "is longer than a source may be")
{
    static char spaces[MIB(1)];

    memset(spaces, ' ', sizeof(spaces));
    for (size_t i = 0; i <= LIMIT_SOURCE / sizeof(spaces); i++)
        assert_true(buffer_append(b, spaces, sizeof(spaces)));
}

static const struct source *const SOURCES[] = {
    ROW(a_file_is_not_included),
    ROW(a_file_is_not_included_from_above_the_root),
    ROW(a_file_is_not_included_by_a_macro),
    ROW(a_file_is_not_imported),
    ROW(a_files_presence_is_not_told),
    ROW(a_file_is_not_taken_into_the_executable),
    ROW(a_file_is_not_assembled),
    ROW(a_file_is_not_quoted_as_the_place_of_an_error),
    ROW(a_file_is_not_quoted_as_the_place_of_a_line_marker),
    ROW(standard_input_is_not_included),
    ROW(a_descriptor_is_not_included),
    ROW(the_compilers_environment_is_not_included),
    ROW(a_device_is_not_included),
    ROW(the_users_of_the_host_are_not_included),
    ROW(the_key_of_the_platform_is_not_included),
    ROW(a_plugin_is_no_pragma),
    ROW(a_plugin_is_no_attribute),
    ROW(another_assembler_is_no_target),
    ROW(a_dump_is_no_option_of_the_source),
    ROW(a_source_is_no_response_file),
    ROW(a_macro_bomb_ends_for_its_memory),
    ROW(a_source_that_includes_itself_ends),
    ROW(an_executable_without_end_is_not_written),
    ROW(an_object_without_end_is_not_written),
    ROW(nested_brackets_do_not_end_the_warden),
    ROW(a_flood_of_words_is_cut),
    ROW(no_words_for_a_terminal),
    ROW(a_source_without_end_is_not_taken),
};

/* ---- by the warden ---- */

static bool holds(struct bytes where, const char *what)
{
    return memmem(where.data, where.len, what, strlen(what)) != NULL;
}

static void write_source(const struct source *source, struct buffer *b)
{
    *b = buffer_up_to(LIMIT_SOURCE + MIB(2));
    host_offer();
    source->put(b);
}

static void the_source_gets_nothing(void **state)
{
    const struct source *source = *state;
    _cleanup_buffer_ struct buffer b;
    _cleanup_buffer_ struct buffer executable = buffer_up_to(LIMIT_EXECUTABLE);
    struct answer a;

    write_source(source, &b);
    int sock = served_connect();
    served_build(sock, buffer_bytes(&b), "escape", &a);
    if (a.done && (lseek(a.fd, 0, SEEK_SET) != 0 || !fd_read_to_end(a.fd, &executable)))
        fail_msg("no executable");
    fd_close(&a.fd);
    close(sock);
    const char *harm = host_unharmed();
    if (harm)
        fail_msg("%s: %s", source->tries, harm);
    if (strcmp(a.code, source->code) != 0 || a.done != (source->code[0] == 0))
        fail_msg("%s: '%s', not '%s': %s", source->tries, a.code, source->code, a.text);
    if (!strstr(a.text, source->words))
        fail_msg("%s: %s", source->tries, a.text);
    if (source->shows &&
        (strstr(a.text, source->shows) || holds(buffer_bytes(&executable), source->shows)))
        fail_msg("%s: it went through: %s", source->tries, a.text);
}

/* ---- by the compiler of the host ---- */

/* In a folder of its own, with the secret as standard input; what it says goes to `said`. */
static void become_compiler(const char *folder)
{
    int in = open(order.secret, O_RDONLY);
    int out = chdir(folder) == 0 ? open("said", O_WRONLY | O_CREAT, 0600) : -1;

    if (in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2)
        execlp("gcc-12", "gcc-12", "-std=gnu17", "-o", "program", "program.c", NULL);
    _exit(127);
}

static void take_file(const char *folder, const char *name, struct buffer *b)
{
    struct idevs_error err;
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);

    if (access(path, F_OK) == 0)
        assert_true(file_read(path, b, &err));
}

static void the_source_goes_through_alone(void **state)
{
    const struct source *source = *state;
    _cleanup_folder_ char *folder = folder_fresh();
    _cleanup_buffer_ struct buffer b;
    _cleanup_buffer_ struct buffer got = buffer_up_to(LIMIT_EXECUTABLE);

    write_source(source, &b);
    folder_put(folder, "program.c", buffer_bytes(&b));
    pid_t pid = fork();
    if (pid == 0)
        become_compiler(folder);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    host_unharmed();
    take_file(folder, "said", &got);
    take_file(folder, "program", &got);
    if (!holds(buffer_bytes(&got), source->shows))
        fail_msg("%s: it did not go through", source->tries);
}

/* ---- too long ---- */

/* Twenty thousand warnings: for the better part of a minute the compiler computes. */
static void put_what_takes_long(struct buffer *b)
{
    for (size_t i = 0; i < 20000; i++)
        put(b,
            "#warning a flood a flood a flood a flood a flood a flood a flood a flood a flood\n");
}

/* As the warden does when LIMIT_BUILD_TIME is over; nobody waits for that here. */
static void a_build_that_takes_too_long_is_given_up(void **state)
{
    static const uint8_t identity[SHA256_LEN];
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_SOURCE);
    _cleanup_buffer_ struct buffer executable = buffer_up_to(LIMIT_EXECUTABLE);
    _cleanup_text_ char *folder = alloc_format("%s/toolchain", served.folder);
    _cleanup_fd_ int toolchain = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct compartment_back_end *back_end = compartment_back_end("process");
    struct compilation *c = NULL;
    struct idevs_error err;

    (void)state;
    put_what_takes_long(&b);
    const struct compilation_order job = {toolchain, 732900, buffer_bytes(&b), identity,
                                          back_end->build_flags};
    if (!back_end->open(&err) || !compilation_start(&job, &c, &err))
        fail_msg("%s: %s", err.code, err.found);
    struct pollfd p = {.fd = compilation_watch(c), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 200), 0);
    compilation_give_up(c);
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_false(compilation_finish(c, &executable, &err));
    assert_refused(&err, "build.limit");
    compilation_free(c);
    back_end->close();
}

/* ---- at the end ---- */

static void a_good_source_is_still_built(void **state)
{
    struct answer a;

    (void)state;
    int sock = served_connect();
    served_build(sock, bytes_of_text(ENDING), "good", &a);
    if (!a.done)
        fail_msg("%s: %s", a.code, a.text);
    fd_close(&a.fd);
    close(sock);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    served_stop();
    const char *left = host_left();
    if (left)
        fail_msg("%s", left);
}

/* ---- all ---- */

static bool is_wanted(const char *claim, int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], claim) == 0)
            return true;
    return argc <= 3;
}

static size_t add(struct CMUnitTest *tests, const struct source *source)
{
    void *row = (void *)(uintptr_t)source;
    size_t n = 0;

    tests[n++] = (struct CMUnitTest){source->claim, the_source_gets_nothing, NULL, NULL, row};
    if (!source->alone[0])
        tests[n++] =
            (struct CMUnitTest){source->claim, the_source_goes_through_alone, NULL, NULL, row};
    return n;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[2 * ARRAY_LEN(SOURCES) + 3];
    size_t n = 0;

    if (argc < 3 || geteuid() != 0) {
        printf("skipped: needs root\n");
        return 77;
    }
    host_begin();
    if (!served_begin(argv[1], argv[2], 732000))
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(SOURCES); i++)
        if (is_wanted(SOURCES[i]->claim, argc, argv))
            n += add(tests + n, SOURCES[i]);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_build_that_takes_too_long_is_given_up);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_good_source_is_still_built);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_left_behind);
    int failed = _cmocka_run_group_tests("compile", tests, n, NULL, NULL);
    served_end();
    host_end();
    return failed;
}

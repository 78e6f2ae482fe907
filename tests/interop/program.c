/* A program that does what it is told, one line of tab-separated words at a time on its standard
 * input, and says what came of it: so a peer in another language sees what libidevs asks and what
 * it believes. It uses idevs.h alone.
 *
 *   read SERVICE PATH | write SERVICE PATH TYPE BODY | write_once SERVICE PATH KEY TYPE BODY
 *   load SERVICE NAME | save SERVICE NAME DATA | log TEXT
 *
 * Answers: "ok STATUS HEX-OF-BODY TYPE" or "refused CODE FOUND"; the first answers idevs_open(). */
#include <idevs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 6

struct order {
    const char *word[WORDS];
    size_t n;
};

static void say_refused(const struct idevs_error *err)
{
    printf("refused %s %s\n", err->code, err->found);
    fflush(stdout);
}

static void say_done(const struct idevs_reply *reply)
{
    printf("ok %d ", reply->status);
    for (size_t i = 0; i < reply->body_len; i++)
        printf("%02x", reply->body[i]);
    printf(" %s\n", reply->content_type ? reply->content_type : "");
    fflush(stdout);
}

static int obey(struct idevs *ip, const struct order *o, struct idevs_reply *reply)
{
    const char *const *w = o->word;

    if (strcmp(w[0], "read") == 0 && o->n == 3)
        return idevs_read(ip, w[1], w[2], reply);
    if (strcmp(w[0], "write") == 0 && o->n == 5)
        return idevs_write(ip, w[1], w[2], w[3], w[4], strlen(w[4]), reply);
    if (strcmp(w[0], "write_once") == 0 && o->n == 6)
        return idevs_write_once(ip, w[1], w[2], w[3], w[4], w[5], strlen(w[5]), reply);
    if (strcmp(w[0], "load") == 0 && o->n == 3)
        return idevs_load(ip, w[1], w[2], reply);
    if (strcmp(w[0], "save") == 0 && o->n == 4)
        return idevs_save(ip, w[1], w[2], w[3], strlen(w[3]));
    if (strcmp(w[0], "log") == 0 && o->n == 2)
        return idevs_log(ip, IDEVS_INFO, "%s", w[1]);
    fprintf(stderr, "no such order: %s with %zu words\n", w[0], o->n);
    exit(2);
}

static struct order parse(char *line)
{
    struct order o = {.n = 0};
    char *word;

    line[strcspn(line, "\n")] = 0;
    while (o.n < WORDS && (word = strsep(&line, "\t")))
        o.word[o.n++] = word;
    return o;
}

int main(void)
{
    struct idevs_error err = {0};
    struct idevs *ip = idevs_open(&err);
    char *line = NULL;
    size_t size = 0;

    if (!ip) {
        say_refused(&err);
        return 1;
    }
    say_done(&(struct idevs_reply){.status = 200});
    while (getline(&line, &size, stdin) > 0) {
        struct order o = parse(line);
        struct idevs_reply reply = {.status = 204};
        if (obey(ip, &o, &reply) == 0)
            say_done(&reply);
        else
            say_refused(idevs_last_error(ip));
    }
    free(line);
    idevs_close(ip);
    return 0;
}

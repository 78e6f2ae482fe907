/* What a refusal says in words. Only for people to read and, of one that nobody signed, to choose
 * what to try next: nothing that such a text claims about an exchange is believed. */
#ifndef IDEVS_RUNTIME_PROBLEM_H
#define IDEVS_RUNTIME_PROBLEM_H

#include "base/error.h"
#include "wire/frame.h"

#include <stddef.h>

/* The text that a problem document has under `member` (with its quotes: "\"found\""), up to its
 * first '"' and to size - 1 bytes; empty when it has none. Escapes stay as they are. */
void problem_text(struct bytes body, const char *member, char *ret, size_t size);
/* The code of an application/problem+json frame when it stands in the catalogue, otherwise NULL;
 * static text. */
const char *problem_code(const struct frame *frame);
/* Refuses with that code, or with `otherwise`, saying who was asked and that it is unsigned. */
bool problem_refuse(const struct frame *frame, const char *otherwise, const char *asked,
                    struct idevs_error *ret_err);

#endif

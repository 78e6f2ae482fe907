#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "document/yaml_node.h"

#include <stdlib.h>
#include <yaml.h>

struct parse {
    yaml_parser_t parser;
    const struct document *document;
    struct idevs_error *ret_err;
};

static void event_done(yaml_event_t *event)
{
    yaml_event_delete(event);
}
#define _cleanup_event_ _cleanup_(event_done)

static void node_free(struct yaml *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->n; i++) {
        node_free(node->entries[i].key);
        node_free(node->entries[i].value);
    }
    free(node->entries);
    free(node->text);
    free(node->path);
    free(node);
}
DEFINE_CLEANUP(struct yaml *, node_free)

static void document_free(struct document *document)
{
    free(document->path);
    free(document);
}
DEFINE_CLEANUP(struct document *, document_free)

void yaml_release(struct yaml *root)
{
    if (!root)
        return;
    struct document *document = (struct document *)(uintptr_t)root->document;
    node_free(root);
    document_free(document);
}

/* ---- from events to nodes ---- */

static bool refuse_event(const struct parse *p, const yaml_event_t *event, const char *reason)
{
    return yaml_refuse_at(p->document, p->document->code, event->start_mark.line + 1,
                          event->start_mark.column + 1, p->ret_err, reason);
}

static bool next_event(struct parse *p, yaml_event_t *event)
{
    *event = (yaml_event_t){0};
    if (yaml_parser_parse(&p->parser, event))
        return true;
    return yaml_refuse_at(p->document, p->document->code, p->parser.problem_mark.line + 1,
                          p->parser.problem_mark.column + 1, p->ret_err,
                          p->parser.problem ? p->parser.problem : "not YAML");
}

static struct yaml *node_of(const struct parse *p, enum kind kind, const yaml_event_t *event)
{
    struct yaml *node = alloc_zero(1, sizeof(*node));

    node->document = p->document;
    node->kind = kind;
    node->line = event->start_mark.line + 1;
    node->column = event->start_mark.column + 1;
    return node;
}

static void add_entry(struct yaml *node, struct yaml *key, struct yaml *value)
{
    node->entries = alloc_grow(node->entries, node->n + 1, sizeof(node->entries[0]));
    node->entries[node->n++] = (struct entry){.key = key, .value = value};
}

/* libyaml keeps tags and anchors per kind of event. */
static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return false;
    }
}

static struct yaml *read_node(struct parse *p, const yaml_event_t *event, unsigned depth);

static struct yaml *read_scalar(struct parse *p, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;

    if (memchr(value, 0, len)) {
        refuse_event(p, event, "a NUL character");
        return NULL;
    }
    struct yaml *node = node_of(p, KIND_SCALAR, event);
    node->text = alloc_text(value);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static struct yaml *read_list(struct parse *p, const yaml_event_t *start, unsigned depth)
{
    _cleanup_(node_freep) struct yaml *list = node_of(p, KIND_LIST, start);

    for (;;) {
        _cleanup_event_ yaml_event_t event;
        if (!next_event(p, &event))
            return NULL;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            break;
        struct yaml *value = read_node(p, &event, depth + 1);
        if (!value)
            return NULL;
        add_entry(list, NULL, value);
    }
    struct yaml *done = list;
    list = NULL;
    return done;
}

static struct yaml *read_key(struct parse *p, const struct yaml *map, const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT || is_decorated(event)) {
        refuse_event(p, event, "a key that is not simply a name");
        return NULL;
    }
    if (event->data.scalar.length == 0 || event->data.scalar.length > LIMIT_YAML_KEY) {
        refuse_event(p, event, "a key that is empty or too long");
        return NULL;
    }
    _cleanup_(node_freep) struct yaml *key = read_scalar(p, event);
    if (!key)
        return NULL;
    if (yaml_find(map, key->text)) {
        yaml_refuse(key, p->ret_err, "key \"%s\" stands here twice", key->text);
        return NULL;
    }
    struct yaml *done = key;
    key = NULL;
    return done;
}

static struct yaml *read_map(struct parse *p, const yaml_event_t *start, unsigned depth)
{
    _cleanup_(node_freep) struct yaml *map = node_of(p, KIND_MAP, start);

    for (;;) {
        _cleanup_event_ yaml_event_t key_event;
        if (!next_event(p, &key_event))
            return NULL;
        if (key_event.type == YAML_MAPPING_END_EVENT)
            break;
        _cleanup_(node_freep) struct yaml *key = read_key(p, map, &key_event);
        if (!key)
            return NULL;
        _cleanup_event_ yaml_event_t event;
        if (!next_event(p, &event))
            return NULL;
        struct yaml *value = read_node(p, &event, depth + 1);
        if (!value)
            return NULL;
        add_entry(map, key, value);
        key = NULL;
    }
    struct yaml *done = map;
    map = NULL;
    return done;
}

static struct yaml *read_node(struct parse *p, const yaml_event_t *event, unsigned depth)
{
    if (event->type == YAML_ALIAS_EVENT || is_decorated(event)) {
        refuse_event(p, event, "an anchor, alias or tag, which are not used here");
        return NULL;
    }
    if (depth >= LIMIT_YAML_DEPTH) {
        refuse_event(p, event, "nested too deeply");
        return NULL;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(p, event);
    case YAML_SEQUENCE_START_EVENT:
        return read_list(p, event, depth);
    case YAML_MAPPING_START_EVENT:
        return read_map(p, event, depth);
    default:
        refuse_event(p, event, "no value where one is needed");
        return NULL;
    }
}

static bool expect_event(struct parse *p, yaml_event_type_t type, const char *otherwise)
{
    _cleanup_event_ yaml_event_t event;

    if (!next_event(p, &event))
        return false;
    if (event.type != type)
        return refuse_event(p, &event, otherwise);
    if (type == YAML_DOCUMENT_START_EVENT && (event.data.document_start.version_directive ||
                                              event.data.document_start.tag_directives.start !=
                                                  event.data.document_start.tag_directives.end))
        return refuse_event(p, &event, "a directive, which is not used here");
    return true;
}

static struct yaml *read_document(struct parse *p)
{
    _cleanup_event_ yaml_event_t event = {0};

    if (!expect_event(p, YAML_STREAM_START_EVENT, "not a stream") ||
        !expect_event(p, YAML_DOCUMENT_START_EVENT, "an empty document") || !next_event(p, &event))
        return NULL;
    if (event.type != YAML_MAPPING_START_EVENT) {
        refuse_event(p, &event, "a document that is not a mapping of keys to values");
        return NULL;
    }
    _cleanup_(node_freep) struct yaml *root = read_node(p, &event, 0);
    if (!root || !expect_event(p, YAML_DOCUMENT_END_EVENT, "more than one document") ||
        !expect_event(p, YAML_STREAM_END_EVENT, "more than one document"))
        return NULL;
    struct yaml *done = root;
    root = NULL;
    return done;
}

struct yaml *yaml_parse(struct bytes text, const char *path, const char *code,
                        struct idevs_error *ret_err)
{
    _cleanup_(document_freep) struct document *document = alloc_zero(1, sizeof(*document));
    struct parse p = {.document = document, .ret_err = ret_err};

    document->path = alloc_text(path);
    document->code = code;
    if (text.len > LIMIT_CONFIG) {
        refuse(ret_err, "file.too-large", "%s is larger than %zu bytes", path, LIMIT_CONFIG);
        return NULL;
    }
    if (!yaml_parser_initialize(&p.parser)) {
        refuse(ret_err, "internal", "no memory for YAML");
        return NULL;
    }
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, text.len ? text.data : (const uint8_t *)"", text.len);
    struct yaml *root = read_document(&p);
    yaml_parser_delete(&p.parser);
    if (root)
        document = NULL; /* the root's now */
    return root;
}

struct yaml *yaml_load(const char *path, const char *code, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_CONFIG);

    if (!file_read(path, &text, ret_err))
        return NULL;
    return yaml_parse(buffer_bytes(&text), path, code, ret_err);
}

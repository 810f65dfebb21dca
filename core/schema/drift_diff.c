/* SPDX-License-Identifier: MIT */
/* The differences between two pruned models, in words for people. */
#include <stdint.h>
#include <string.h>

#include "core/base/str.h"
#include "core/schema/drift.h"

/* How the lists of the model are called one by one, and whether more of it than should be does no
 * harm. What has no row goes by its member's name. */
static const struct kind {
    const char *member, *name;
    bool harmless;
} kinds[] = {
    {"tables", "table", false},
    {"columns", "column", false},
    {"primary_key", "primary key", false},
    {"uniques", "unique constraint", false},
    {"foreign_keys", "foreign key", false},
    {"checks", "check constraint", false},
    {"indexes", "index", true}, /* but a unique one */
    {"enums", "enum", false},
    {"domains", "domain", false},
    {"objects", "object", false}, /* they say themselves what they are */
};

/* What follows from the attribute before it, and is not told again when that differs. */
static const struct {
    const char *leader, *follower;
} followers[] = {
    {"type", "base"},
    {"type", "length"},
    {"type", "precision"},
    {"type", "scale"},
    {"type", "dimensions"},
    {"type", "enum"},
    {"type", "enum_schema"},
    {"nullable", "not_null"},
    {"definition", "method"},
    {"definition", "keys"},
    {"definition", "include"},
    {"definition", "unique"},
    {"definition", "predicate"},
    {"definition", "columns"},
    {"definition", "references"},
    {"definition", "on_delete"},
    {"definition", "on_update"},
    {"definition", "match_full"},
    {"definition", "validated"},
    {"definition", "deferrable"},
    {"definition", "initially_deferred"},
};

struct comparing {
    struct drift_diff *out;
    bool failed; /* out of memory */
};

/* Where in the model: what a thing is, and the name of the table that it belongs to. */
struct place {
    const struct kind *kind;
    const char *owner; /* NULL: none */
};

void drift_diff_clear(struct drift_diff *diff)
{
    json_decref(diff->list);
    diff->list = NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static struct kind kind_of(const char *member)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(kinds[i].member, member))
            return kinds[i];
    return (struct kind){.member = member, .name = member};
}

/* "column users.email"; what stands among others says itself what it is: "view titles", "trigger
 * users.touch". */
static void name_object(const struct place *place, const json_t *object, struct str *out)
{
    const char *kind = text_of(object, "kind"), *owner = place->owner;
    const char *schema = text_of(object, "schema");

    if (!owner && !str_eq(kind, "sequence") && !str_eq(kind, "grant"))
        owner = text_of(object, "on");
    for (const char *c = kind ? kind : place->kind->name; *c; c++)
        str_add_char(out, *c == '_' ? ' ' : *c);
    str_add_char(out, ' ');
    if (owner)
        str_addf(out, "%s.", owner);
    if (schema)
        str_addf(out, "%s.", schema);
    str_add(out, text_of(object, "name"));
}

/* Shown of a whole object: what defines it in one line, where there is such a thing. */
static json_t *shown(const json_t *object)
{
    static const char *const members[] = {"definition", "type", "name"};

    if (!object)
        return json_null();
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (text_of(object, members[i]))
            return json_incref(json_object_get(object, members[i]));
    return json_deep_copy(object);
}

struct difference {
    const char *class, *object, *attribute;
    json_t *expected, *actual; /* taken */
    bool harmless;
};

static void report(struct comparing *c, const struct difference *d)
{
    json_t *one = json_pack("{s:s, s:s, s:s?, s:o, s:o, s:s}", "class", d->class, "object",
                            d->object, "attribute", d->attribute, "expected", d->expected, "actual",
                            d->actual, "severity", d->harmless ? "warning" : "error");

    c->failed |= !one;
    *(d->harmless ? &c->out->warnings : &c->out->errors) += 1;
    if (json_array_size(c->out->list) < DRIFT_DIFFERENCES_MAX)
        c->failed |= json_array_append_new(c->out->list, one) != 0;
    else
        json_decref(one);
}

static bool may_be_extra(const struct kind *kind, const json_t *object)
{
    static const char *const harmless[] = {"statistics", "grant"};

    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        if (str_eq(text_of(object, "kind"), harmless[i]))
            return true;
    return kind->harmless && !json_is_true(json_object_get(object, "unique"));
}

/* One of them is not there. */
static void report_whole(struct comparing *c, const struct place *place, const json_t *expected,
                         const json_t *actual)
{
    CLEANUP(str_clear) struct str object = STR_INIT;

    name_object(place, expected ? expected : actual, &object);
    report(c, &(struct difference){.class = expected ? "missing" : "extra",
                                   .object = str_text(&object),
                                   .expected = shown(expected),
                                   .actual = shown(actual),
                                   .harmless = !expected && may_be_extra(place->kind, actual)});
}

static void report_attribute(struct comparing *c, const char *object, const char *attribute,
                             const json_t *expected, const json_t *actual)
{
    report(c, &(struct difference){.class = "changed",
                                   .object = object,
                                   .attribute = attribute,
                                   .expected = expected ? json_deep_copy(expected) : json_null(),
                                   .actual = actual ? json_deep_copy(actual) : json_null(),
                                   .harmless = str_eq(attribute, "comment")});
}

static bool is_same(const json_t *a, const json_t *b)
{
    return json_equal(a, b) || ((!a || json_is_null(a)) && (!b || json_is_null(b)));
}

static bool follows(const json_t *expected, const json_t *actual, const char *attribute)
{
    for (size_t i = 0; i < ARRAY_LEN(followers); i++)
        if (str_eq(followers[i].follower, attribute) &&
            !is_same(json_object_get(expected, followers[i].leader),
                     json_object_get(actual, followers[i].leader)))
            return true;
    return false;
}

static bool is_object_list(const json_t *value)
{
    return json_is_array(value) && text_of(json_array_get(value, 0), "name");
}

static void compare_objects(struct comparing *c, const struct place *place, const json_t *expected,
                            const json_t *actual);

/* Triggers of several tables may have one name, and enums of several schemas; whom a sequence
 * belongs to may change. Only objects are on something. */
static bool is_same_thing(const json_t *a, const json_t *b)
{
    bool is_object = json_object_get(a, "on") != NULL;

    if (!is_same(json_object_get(a, "name"), json_object_get(b, "name")) ||
        !is_same(json_object_get(a, "schema"), json_object_get(b, "schema")))
        return false;
    if (is_object && !is_same(json_object_get(a, "kind"), json_object_get(b, "kind")))
        return false;
    return !is_object || str_eq(text_of(a, "kind"), "sequence") ||
           is_same(json_object_get(a, "on"), json_object_get(b, "on"));
}

static const json_t *find(const json_t *list, const json_t *object)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_same_thing(json_array_get(list, i), object))
            return json_array_get(list, i);
    return NULL;
}

static void compare_lists(struct comparing *c, const struct place *place, const json_t *expected,
                          const json_t *actual)
{
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const json_t *one = json_array_get(expected, i), *other = find(actual, one);
        if (other)
            compare_objects(c, place, one, other);
        else
            report_whole(c, place, one, NULL);
    }
    for (size_t i = 0; i < json_array_size(actual); i++)
        if (!find(expected, json_array_get(actual, i)))
            report_whole(c, place, NULL, json_array_get(actual, i));
}

/* The names of what is in both lists, in the order of the first. */
static json_t *common_names(const json_t *list, const json_t *other)
{
    json_t *names = json_array();

    for (size_t i = 0; i < json_array_size(list); i++)
        if (find(other, json_array_get(list, i)))
            (void)json_array_append(names, json_object_get(json_array_get(list, i), "name"));
    return names;
}

/* Counts where the rules left the order as it was. */
static void compare_order(struct comparing *c, const char *object, const json_t *expected,
                          const json_t *actual)
{
    json_auto_t *before = common_names(expected, actual), *now = common_names(actual, expected);

    if (!json_equal(before, now))
        report_attribute(c, object, "order of columns", before, now);
}

/* A member of two objects: things of their own, or an attribute. */
static void compare_member(struct comparing *c, const char *object, const char *owner,
                           const char *member, const json_t *expected, const json_t *actual)
{
    struct kind kind = kind_of(member);
    struct place place = {.kind = &kind, .owner = owner};

    if (is_same(expected, actual))
        return;
    if (is_object_list(expected) || is_object_list(actual)) {
        compare_lists(c, &place, expected, actual);
        if (str_eq(member, "columns"))
            compare_order(c, object, expected, actual);
    } else if (text_of(expected, "name") && text_of(actual, "name")) {
        compare_objects(c, &place, expected, actual);
    } else if (text_of(expected, "name") || text_of(actual, "name")) {
        report_whole(c, &place, json_is_object(expected) ? expected : NULL,
                     json_is_object(actual) ? actual : NULL);
    } else {
        report_attribute(c, object, member, expected, actual);
    }
}

static void compare_members(struct comparing *c, const char *object, const char *owner,
                            const json_t *expected, const json_t *actual)
{
    const char *member;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)expected, member, value)
    {
        if (!follows(expected, actual, member))
            compare_member(c, object, owner, member, value, json_object_get(actual, member));
    }
    json_object_foreach((json_t *)(uintptr_t)actual, member, value)
    {
        if (!json_object_get(expected, member) && !follows(expected, actual, member))
            compare_member(c, object, owner, member, NULL, value);
    }
}

static void compare_objects(struct comparing *c, const struct place *place, const json_t *expected,
                            const json_t *actual)
{
    CLEANUP(str_clear) struct str object = STR_INIT;

    if (is_same(expected, actual))
        return;
    name_object(place, expected, &object);
    compare_members(c, str_text(&object), text_of(expected, "name"), expected, actual);
}

err_code drift_compare(const json_t *expected, const json_t *actual, struct drift_diff *out,
                       struct err *err)
{
    struct comparing c = {.out = out};

    *out = (struct drift_diff){.list = json_array()};
    compare_members(&c, "schema", NULL, expected, actual);
    if (!out->errors && !out->warnings && !json_equal(expected, actual))
        report_attribute(&c, "schema", "order", NULL, NULL);
    if (!c.failed && out->list)
        return ERR_NONE;
    drift_diff_clear(out);
    return err_set(err, ERR_INTERNAL, "out of memory");
}

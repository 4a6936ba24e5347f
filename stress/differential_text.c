// stress/differential_text.c: objects as text, and what is asked of all that an object refers to.
//
// The text is made from what an engine says of types, numbers, bytes and elements, never from its repr, which is tested
// itself. It is the same for two objects that nothing but identity tells apart. What is not heavy has a short text, and
// whoever asks for a text has made sure of that.
#include "differential.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROOM = 256,  // elements of a container that is not heavy
	DEPTH = 40,  // levels of such a one
	NODES = 600, // what can be reached from it
	CHARACTERS = 400, // of a str that is not heavy, and bytes of a bytes object
};

// ---- writing ----

static char *reserve(struct text *text, size_t more)
{
	if (text->size + more >= text->capacity) {
		text->capacity = (text->size + more) * 2 + 64;
		text->bytes = realloc(text->bytes, text->capacity);
		if (!text->bytes) abort();
	}
	return text->bytes + text->size;
}

static void add_bytes(struct text *text, const char *bytes, size_t size)
{
	memcpy(reserve(text, size), bytes, size);
	text->size += size;
	text->bytes[text->size] = 0;
}

static void add_string(struct text *text, const char *string) { add_bytes(text, string, strlen(string)); }

void text_add(struct text *text, const char *format, ...)
{
	char line[200];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	add_string(text, line);
}

void text_add_quoted(struct text *text, const char *bytes, size_t size)
{
	add_string(text, "'");
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		if (byte >= ' ' && byte < 127 && byte != '\'' && byte != '\\') add_bytes(text, &bytes[i], 1);
		else text_add(text, "\\x%02x", byte);
	}
	add_string(text, "'");
}

// 17 digits tell any two apart.
static void add_float(struct text *text, double value)
{
	if (isnan(value)) add_string(text, "nan");
	else text_add(text, "%.17gf", value);
}

// ---- sorting ----

struct piece {
	const char *bytes;
	size_t size;
};

static int by_bytes(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;
	int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

// Sorts the pieces that end at these places of the text, from `start` on, and puts commas in between.
static void sort_pieces(struct text *text, size_t start, const size_t *ends, size_t count)
{
	struct piece pieces[ROOM];
	size_t size = text->size - start;
	char *unsorted = malloc(size + 1);
	if (!unsorted) abort();
	if (size) memcpy(unsorted, text->bytes + start, size);
	for (size_t i = 0; i < count; i++) {
		size_t from = i ? ends[i - 1] : start;
		pieces[i] = (struct piece){unsorted + from - start, ends[i] - from};
	}
	qsort(pieces, count, sizeof *pieces, by_bytes);
	text->size = start;
	for (size_t i = 0; i < count; i++) {
		if (i) add_string(text, ", ");
		add_bytes(text, pieces[i].bytes, pieces[i].size);
	}
	free(unsorted);
}

// ---- objects ----

// The containers from the outermost one to the one that is being written.
struct path {
	const struct path *up;
	reference object;
};

static size_t levels_up(const struct path *path, reference object)
{
	size_t levels = 1;
	for (; path; path = path->up, levels++) {
		if (path->object == object) return levels;
	}
	return 0;
}

static bool is_container(enum kind kind) { return kind >= TUPLE && kind <= FROZENSET; }

static void add_object(struct text *text, reference object, const struct path *path);

static void add_in_order(struct text *text, reference *elements, size_t count, const struct path *path, bool dict)
{
	for (size_t i = 0; i < count; i++) {
		if (i) add_string(text, dict && i % 2 ? ": " : ", ");
		add_object(text, elements[i], path);
	}
}

static void add_out_of_order(struct text *text, reference *elements, size_t count, const struct path *path)
{
	size_t ends[ROOM], start = text->size;
	for (size_t i = 0; i < count; i++) {
		add_object(text, elements[i], path);
		ends[i] = text->size;
	}
	sort_pieces(text, start, ends, count);
}

static void add_elements(struct text *text, reference object, const struct path *path, enum kind kind)
{
	reference elements[ROOM];
	size_t count = engine_elements(object, elements, ROOM);
	if (count > ROOM) {
		text_add(text, "%zu elements", count);
		return;
	}
	if (kind == SET || kind == FROZENSET) add_out_of_order(text, elements, count, path);
	else add_in_order(text, elements, count, path, kind == DICT);
	for (size_t i = 0; i < count; i++) engine_drop(elements[i]);
}

static const char *const opening[] = {
	[TUPLE] = "(", [LIST] = "[", [DICT] = "{", [SET] = "set{", [FROZENSET] = "frozenset{"};
static const char *const closing[] = {[TUPLE] = ")", [LIST] = "]", [DICT] = "}", [SET] = "}", [FROZENSET] = "}"};

static void add_container(struct text *text, reference object, const struct path *up, enum kind kind)
{
	const struct path path = {up, object};
	size_t levels = levels_up(up, object);
	if (levels) {
		text_add(text, "^%zu", levels);
		return;
	}
	add_string(text, opening[kind]);
	add_elements(text, object, &path, kind);
	add_string(text, closing[kind]);
}

static void add_characters(struct text *text, reference object, const char *prefix)
{
	size_t size;
	const char *bytes = engine_bytes(object, &size);
	add_string(text, prefix);
	text_add_quoted(text, bytes, size);
}

static void add_object(struct text *text, reference object, const struct path *path)
{
	enum kind kind = engine_kind(object);
	switch (kind) {
	case NONE: add_string(text, "none"); break;
	case BOOL: add_string(text, engine_int(object) ? "true" : "false"); break;
	case INT: text_add(text, "%" PRId64, engine_int(object)); break;
	case FLOAT: add_float(text, engine_float(object)); break;
	case STR: add_characters(text, object, ""); break;
	case BYTES: add_characters(text, object, "b"); break;
	case OTHER: add_string(text, "something else"); break;
	default: add_container(text, object, path, kind); break;
	}
}

void text_add_object(struct text *text, reference object) { add_object(text, object, NULL); }

void text_add_sorted(struct text *text, reference list)
{
	const struct path path = {NULL, list};
	reference elements[ROOM];
	size_t count = engine_elements(list, elements, ROOM);
	if (count > ROOM) return;
	add_string(text, "in any order: ");
	add_out_of_order(text, elements, count, &path);
	for (size_t i = 0; i < count; i++) engine_drop(elements[i]);
}

int64_t sum_of_text(reference str)
{
	uint64_t sum = 0;
	size_t size;
	const char *bytes = engine_bytes(str, &size);
	for (size_t i = 0; i < size; i++) sum += (uint64_t)(bytes[i] + 300) * (uint64_t)(bytes[i] + 300);
	return (int64_t)(sum * 10000 + size);
}

// ---- what can be reached ----

struct survey {
	size_t nodes;
	bool heavy, unordered, unsortable;
};

static void look_at(struct survey *survey, reference object, const struct path *path, size_t depth);

static void look_inside(struct survey *survey, reference object, const struct path *up, size_t depth)
{
	const struct path path = {up, object};
	reference elements[ROOM];
	if (levels_up(up, object)) {
		survey->unsortable = true;
		return;
	}
	size_t count = engine_elements(object, elements, ROOM);
	if (count > ROOM || depth == DEPTH) survey->heavy = true;
	if (count > ROOM) return;
	for (size_t i = 0; i < count; i++) {
		if (!survey->heavy) look_at(survey, elements[i], &path, depth + 1);
		engine_drop(elements[i]);
	}
	enum kind kind = engine_kind(object);
	if (kind != SET && kind != FROZENSET) return;
	survey->unsortable = true;
	if (count > 1) survey->unordered = true;
}

static void look_at(struct survey *survey, reference object, const struct path *path, size_t depth)
{
	size_t size = 0;
	enum kind kind = engine_kind(object);
	if (++survey->nodes > NODES) survey->heavy = true;
	if (is_container(kind)) look_inside(survey, object, path, depth);
	else if (kind == FLOAT) survey->unsortable |= isnan(engine_float(object)) != 0;
	else if (kind == STR || kind == BYTES) engine_bytes(object, &size);
	if (size > CHARACTERS) survey->heavy = true;
}

static struct survey look(reference object)
{
	struct survey survey = {0};
	look_at(&survey, object, NULL, 0);
	return survey;
}

bool is_heavy(reference object) { return look(object).heavy; }
bool has_unordered(reference object) { return look(object).unordered; }
bool is_sortable(reference object) { return !look(object).unsortable; }

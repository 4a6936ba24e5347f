// stress/compare_scan.c: see compare_scan.h. Lines of a text that comes in pieces.
//
// A file's edges are kept as they come and given up when a line shows that it is no edge list. Their names stay in the
// table, used by nobody: what becomes a node is what an edge refers to, and sources.
#include "compare_scan.h"

#include <stdlib.h>
#include <string.h>

static bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static void skip_bytes(struct text *rest, size_t size)
{
	rest->at += size;
	rest->size -= size;
}

static void skip_spaces(struct text *rest)
{
	while (rest->size > 0 && is_space(*rest->at)) {
		skip_bytes(rest, 1);
	}
}

// The next field; empty when there is none.
static struct text take_field(struct text *rest)
{
	skip_spaces(rest);
	struct text field = {.at = rest->at};
	while (rest->size > 0 && !is_space(*rest->at)) {
		skip_bytes(rest, 1);
		field.size++;
	}
	return field;
}

static bool is_number(struct text field)
{
	for (size_t i = 0; i < field.size; i++) {
		if (!memchr("0123456789+-.eE", field.at[i], 15)) {
			return false;
		}
	}
	return true;
}

void pairs_add(struct pairs *pairs, uint32_t from, uint32_t to)
{
	if (pairs->count == pairs->room) {
		pairs->room = pairs->room ? pairs->room * 2 : 1024;
		pairs->at = compare_grow(pairs->at, pairs->room, sizeof(*pairs->at));
	}
	pairs->at[pairs->count++] = (struct pair){from, to};
}

static bool has_room(const struct scan *scan) { return scan->edges.count + scan->includes.count < scan->limit; }

// ---- include lines ----

static bool take_text(struct text *rest, const char *text)
{
	size_t size = strlen(text);
	if (rest->size < size || memcmp(rest->at, text, size) != 0) {
		return false;
	}
	skip_bytes(rest, size);
	return true;
}

// What an include line names, with the delimiter before it; empty: it is none.
static struct text find_include(struct text line)
{
	struct text none = {.size = 0};
	if (!take_text(&line, "#")) {
		return none;
	}
	skip_spaces(&line);
	if (!take_text(&line, "include")) {
		return none;
	}
	skip_spaces(&line);
	if (line.size == 0 || (*line.at != '"' && *line.at != '<')) {
		return none;
	}
	const char *end = memchr(line.at + 1, *line.at == '<' ? '>' : '"', line.size - 1);
	return end && end > line.at + 1 ? (struct text){line.at, (size_t)(end - line.at)} : none;
}

static void give_up_list(struct scan *scan)
{
	scan->edges.count = scan->file.edges_before;
	scan->file.edges = 0;
	scan->file.may_be_list = false;
}

static void add_include(struct scan *scan, struct text written)
{
	if (scan->file.may_be_list) {
		give_up_list(scan);
	}
	scan->file.edges++;
	if (has_room(scan)) {
		pairs_add(&scan->includes, 0, names_add(&scan->written, written));
	}
}

// ---- edge lists ----

static bool are_numbers(struct text rest)
{
	for (;;) {
		struct text field = take_field(&rest);
		if (field.size == 0) {
			return true;
		}
		if (!is_number(field)) {
			return false;
		}
	}
}

// False when the line is no edge.
static bool add_edge(struct scan *scan, struct text line)
{
	struct text from = take_field(&line), to = take_field(&line);
	if (to.size == 0 || !are_numbers(line)) {
		return false;
	}
	scan->file.edges++;
	if (has_room(scan)) {
		uint32_t first = names_add(&scan->names, from);
		pairs_add(&scan->edges, first, names_add(&scan->names, to));
	}
	return true;
}

static void note_spoiled(struct scan *scan)
{
	if (scan->file.edges > 0 && !*scan->spoiled) {
		snprintf(scan->spoiled, sizeof(scan->spoiled), "%s:%u", scan->file.path, scan->file.line_number);
	}
}

// ---- lines ----

static void read_line(struct scan *scan)
{
	struct scan_file *file = &scan->file;
	struct text line = {file->line, file->line_size};
	skip_spaces(&line);
	struct text written = find_include(line);
	if (written.size > 0) {
		add_include(scan, written);
		return;
	}
	if (!file->may_be_list || line.size == 0 || *line.at == '#' || *line.at == '%') {
		return;
	}
	if (file->line_is_long || !add_edge(scan, line)) {
		note_spoiled(scan);
		give_up_list(scan);
	}
}

static void end_line(struct scan *scan)
{
	scan->file.line_number++;
	read_line(scan);
	scan->file.line_size = 0;
	scan->file.line_is_long = false;
}

static void take_piece(struct scan_file *file, const char *text, size_t size)
{
	size_t room = SCAN_MAX_LINE - file->line_size;
	size_t taken = size < room ? size : room;
	memcpy(file->line + file->line_size, text, taken);
	file->line_size += taken;
	file->line_is_long = file->line_is_long || taken < size;
}

void scan_begin(struct scan *scan, const char *path)
{
	struct scan_file *file = &scan->file;
	file->path = path;
	file->may_be_list = true;
	file->edges = 0;
	file->edges_before = scan->edges.count;
	file->includes_before = scan->includes.count;
	file->line_number = 0;
	file->line_size = 0;
	file->line_is_long = false;
}

void scan_text(struct scan *scan, const char *text, size_t size)
{
	const char *end = text + size;
	for (const char *newline; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1) {
		take_piece(&scan->file, text, (size_t)(newline - text));
		end_line(scan);
	}
	take_piece(&scan->file, text, (size_t)(end - text));
}

// ---- the end of a file ----

static void add_source(struct scan *scan)
{
	struct scan_file *file = &scan->file;
	if (scan->source_count == scan->limit) {
		scan->includes.count = file->includes_before;
		return;
	}
	if (scan->source_count == scan->source_room) {
		scan->source_room = scan->source_room ? scan->source_room * 2 : 256;
		scan->sources = compare_grow(scan->sources, scan->source_room, sizeof(*scan->sources));
	}
	uint32_t source = names_add(&scan->names, (struct text){file->path, strlen(file->path)});
	scan->sources[scan->source_count++] = source;
	for (size_t i = file->includes_before; i < scan->includes.count; i++) {
		scan->includes.at[i].from = source;
	}
}

void scan_end(struct scan *scan)
{
	struct scan_file *file = &scan->file;
	scan->found += file->edges;
	if (file->may_be_list && file->edges > 0) {
		scan->edge_lists++;
		return;
	}
	scan->including += file->edges > 0;
	add_source(scan);
}

bool *scan_mark_sources(const struct scan *scan)
{
	bool *is_source = compare_alloc(scan->names.count + 1, sizeof(*is_source));
	for (size_t i = 0; i < scan->source_count; i++) {
		is_source[scan->sources[i]] = true;
	}
	return is_source;
}

void scan_fini(struct scan *scan)
{
	names_fini(&scan->names);
	names_fini(&scan->written);
	free(scan->edges.at);
	free(scan->includes.at);
	free(scan->sources);
}

// stress/compare_includes.c: which file an include line means.
//
// An include line names a file as its author's compiler finds it. Here it means the first of these that there is:
//
//     1. if written in quotes: the source that was read at that place as seen from the including one's folder
//     2. the source whose path is what is written, or ends with it after a slash; of several the one with the
//        shortest path, then the first by its bytes; "./" and "../" at the beginning are left out
//     3. a node of its own, named as written, without these
#include "compare_scan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct source {
	struct text path, base; // base: what follows the last slash
	uint32_t name;
};

struct resolving {
	const struct names *names;
	const bool *is_source; // by number in names
	struct source *sources;
	size_t count;
};

static struct text base_of(struct text path)
{
	const char *slash = memrchr(path.at, '/', path.size);
	size_t before = slash ? (size_t)(slash + 1 - path.at) : 0;
	return (struct text){path.at + before, path.size - before};
}

// What stands before the last slash; empty when there is none.
static struct text folder_of(struct text path)
{
	const char *slash = memrchr(path.at, '/', path.size);
	return (struct text){path.at, slash ? (size_t)(slash - path.at) : 0};
}

static bool starts_with(struct text text, const char *start)
{
	return text.size >= strlen(start) && memcmp(text.at, start, strlen(start)) == 0;
}

static struct text skip(struct text text, size_t size) { return (struct text){text.at + size, text.size - size}; }

static struct text strip_dots(struct text written)
{
	while (starts_with(written, "./") || starts_with(written, "../")) {
		written = skip(written, starts_with(written, "./") ? 2 : 3);
	}
	return written;
}

static bool is_end_of(struct text end, struct text path)
{
	if (path.size < end.size || memcmp(path.at + path.size - end.size, end.at, end.size) != 0) {
		return false;
	}
	return path.size == end.size || path.at[path.size - end.size - 1] == '/';
}

static int by_base(const void *left, const void *right)
{
	const struct source *a = left, *b = right;
	int order = text_compare(a->base, b->base);
	if (order) {
		return order;
	}
	order = (a->path.size > b->path.size) - (a->path.size < b->path.size);
	return order ? order : text_compare(a->path, b->path);
}

static void list_sources(struct resolving *resolving, const struct scan *scan)
{
	resolving->count = scan->source_count;
	resolving->sources = compare_alloc(scan->source_count + 1, sizeof(*resolving->sources));
	for (size_t i = 0; i < scan->source_count; i++) {
		struct source *source = &resolving->sources[i];
		source->name = scan->sources[i];
		source->path = names_get(&scan->names, source->name);
		source->base = base_of(source->path);
	}
	qsort(resolving->sources, resolving->count, sizeof(*resolving->sources), by_base);
}

// The first source of that base, or the one before which it would be.
static size_t find_base(const struct resolving *resolving, struct text base)
{
	size_t low = 0, high = resolving->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (text_compare(resolving->sources[middle].base, base) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static uint32_t find_by_end(const struct resolving *resolving, struct text written)
{
	struct text end = strip_dots(written), base = base_of(end);
	for (size_t i = find_base(resolving, base); i < resolving->count; i++) {
		const struct source *source = &resolving->sources[i];
		if (text_compare(source->base, base) != 0) {
			break;
		}
		if (is_end_of(end, source->path)) {
			return source->name;
		}
	}
	return NAMES_ABSENT;
}

// The source at that place as seen from the folder.
static uint32_t find_beside(const struct resolving *resolving, struct text folder, struct text written)
{
	while (starts_with(written, "./") || starts_with(written, "../")) {
		folder = starts_with(written, "./") ? folder : folder_of(folder);
		written = skip(written, starts_with(written, "./") ? 2 : 3);
	}
	char path[PATH_MAX + SCAN_MAX_LINE];
	if (folder.size + 1 + written.size > sizeof(path)) {
		return NAMES_ABSENT;
	}
	memcpy(path, folder.at, folder.size);
	size_t size = folder.size;
	if (size > 0) {
		path[size++] = '/';
	}
	memcpy(path + size, written.at, written.size);
	uint32_t found = names_find(resolving->names, (struct text){path, size + written.size});
	return found != NAMES_ABSENT && resolving->is_source[found] ? found : NAMES_ABSENT;
}

static uint32_t find_included(const struct resolving *resolving, struct text including, struct text written)
{
	uint32_t found = NAMES_ABSENT;
	if (*written.at == '"') {
		found = find_beside(resolving, folder_of(including), skip(written, 1));
	}
	return found != NAMES_ABSENT ? found : find_by_end(resolving, skip(written, 1));
}

// Makes edges of the include lines. All are looked up first: adding a name moves the others.
void includes_resolve(struct scan *scan)
{
	bool *is_source = scan_mark_sources(scan);
	struct resolving resolving = {.names = &scan->names, .is_source = is_source};
	list_sources(&resolving, scan);
	uint32_t *found = compare_alloc(scan->includes.count + 1, sizeof(*found));
	for (size_t i = 0; i < scan->includes.count; i++) {
		struct pair *include = &scan->includes.at[i];
		found[i] = find_included(&resolving, names_get(&scan->names, include->from),
		                         names_get(&scan->written, include->to));
	}
	for (size_t i = 0; i < scan->includes.count; i++) {
		struct pair *include = &scan->includes.at[i];
		struct text name = strip_dots(skip(names_get(&scan->written, include->to), 1));
		uint32_t to = found[i] != NAMES_ABSENT ? found[i] : names_add(&scan->names, name);
		pairs_add(&scan->edges, include->from, to);
	}
	free(found);
	free(resolving.sources);
	free(is_source);
}

// stress/compare_scan.h: what the files that the user named say about a graph: the include lines of sources, and the
// lines of edge lists.
//
// compare_corpus.c shows each file that it reads to the scan, compare_graph.c makes a graph of what was found. A file is
// one of two things, which is known at its end:
//
//     edge list   has no include line and at least one edge; each line that is neither empty nor a comment (# or %)
//                 is an edge: two names, then perhaps numbers, with white space between them
//     source      everything else; a node, with an edge for each line  #include "x"  or  #include <x>
#ifndef STRESS_COMPARE_SCAN_H
#define STRESS_COMPARE_SCAN_H

#include "compare.h"

struct text {
	const char *at; // not followed by a NUL
	size_t size;
};

// By the bytes; negative, 0 or positive.
int text_compare(struct text a, struct text b);

// ---- compare_names.c: names, each once, numbered from 0 ----

#define NAMES_ABSENT UINT32_MAX

struct names {
	char *bytes;
	size_t used, room;
	uint32_t *at; // where each begins in `bytes`, and where the last one ends
	uint32_t count;
	uint32_t *slots; // hash table of numbers; NAMES_ABSENT: empty
	size_t slot_count;
};

// Its number, a new one if it was not there.
uint32_t names_add(struct names *names, struct text name);
// NAMES_ABSENT when it is not there.
uint32_t names_find(const struct names *names, struct text name);
// Valid until the next names_add.
struct text names_get(const struct names *names, uint32_t number);
void names_fini(struct names *names);

// ---- compare_scan.c ----

struct pair {
	uint32_t from, to;
};

struct pairs {
	struct pair *at;
	size_t count, room;
};

void pairs_add(struct pairs *pairs, uint32_t from, uint32_t to);

#define SCAN_MAX_LINE 1024 // what is beyond it in a line is not looked at

// The file that is being read.
struct scan_file {
	const char *path;
	bool may_be_list; // nothing said otherwise yet
	size_t edges;     // found in it, or include lines
	size_t edges_before, includes_before;
	unsigned line_number;
	bool line_is_long;
	size_t line_size;
	char line[SCAN_MAX_LINE];
};

struct scan {
	size_t limit; // of edges and includes together that are kept, and of sources
	size_t found; // edges and includes, kept or not
	struct names names;
	struct names written;  // what include lines name, after the delimiter in which it stands: "x.h or <x.h
	struct pairs edges;    // of numbers in `names`
	struct pairs includes; // from a number in `names` to one in `written`
	uint32_t *sources;     // numbers in `names`
	size_t source_count, source_room;
	unsigned including; // sources with include lines
	unsigned edge_lists;
	// file:line of the first line that kept a file from being an edge list when edges had come before; or empty
	char spoiled[COMPARE_MAX_PLACE];
	struct scan_file file;
};

// `path` must stay until scan_end.
void scan_begin(struct scan *scan, const char *path);
void scan_text(struct scan *scan, const char *text, size_t size);
// What follows the last newline is not looked at: the corpus ends each file with one, so it is half a line at a cut.
void scan_end(struct scan *scan);
void scan_fini(struct scan *scan);
// For each number in `names` whether it is a source; the caller frees it.
bool *scan_mark_sources(const struct scan *scan);

// ---- compare_includes.c ----

// Adds an edge for each include line.
void includes_resolve(struct scan *scan);

#endif

// stress/compare_graph.c: the graph of the workload `graph`: of what the scan found in the named files, or generated.
//
// Every line is an edge, those that repeat another, too. Without arguments, or when the named files have no edge at
// all, a graph is generated that depends on the seed only: it looks like the headers of a program, a few of which are
// included by very many.
//
// I1  The file is sealed: all workers read the same graph.
#include "compare_graph.h"
#include "compare_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GENERATED_NODES 4000
#define GENERATED_CHILDREN 8 // at most

// ---- the file ----

struct node {
	struct text name;
	uint32_t number; // in names
};

static int by_name(const void *left, const void *right)
{
	const struct node *a = left, *b = right;
	return text_compare(a->name, b->name);
}

// Those names that an edge refers to, and the sources, sorted; the caller frees them.
static struct node *choose_nodes(const struct scan *scan, size_t *count)
{
	bool *used = scan_mark_sources(scan);
	for (size_t i = 0; i < scan->edges.count; i++) {
		used[scan->edges.at[i].from] = used[scan->edges.at[i].to] = true;
	}
	struct node *nodes = compare_alloc(scan->names.count + 1, sizeof(*nodes));
	*count = 0;
	for (uint32_t i = 0; i < scan->names.count; i++) {
		if (used[i]) {
			nodes[(*count)++] = (struct node){names_get(&scan->names, i), i};
		}
	}
	free(used);
	qsort(nodes, *count, sizeof(*nodes), by_name);
	return nodes;
}

static void fill(unsigned char *file, const struct graph_head *head, const struct scan *scan, const struct node *nodes)
{
	uint32_t *place = compare_alloc(scan->names.count + 1, sizeof(*place));
	struct graph_edge *edge = (void *)(file + sizeof(*head));
	uint32_t *name_at = (void *)(edge + head->edges);
	char *names = (void *)(name_at + head->nodes + 1);
	memcpy(file, head, sizeof(*head));
	for (uint32_t i = 0; i < head->nodes; i++) {
		struct text name = nodes[i].name;
		place[nodes[i].number] = i;
		memcpy(names + name_at[i], name.at, name.size);
		name_at[i + 1] = name_at[i] + (uint32_t)name.size;
	}
	for (size_t i = 0; i < head->edges; i++) {
		edge[i].from = place[scan->edges.at[i].from];
		edge[i].to = place[scan->edges.at[i].to];
	}
	free(place);
}

static void write_file(struct graph *graph, const struct scan *scan)
{
	struct node *nodes = choose_nodes(scan, &graph->nodes);
	struct graph_head head = {.nodes = graph->nodes, .edges = scan->edges.count};
	for (size_t i = 0; i < graph->nodes; i++) {
		head.name_bytes += nodes[i].name.size;
	}
	graph->edges = head.edges;
	size_t size = graph_file_size(&head);
	graph->fd = memfd_create("graph", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *file = MAP_FAILED;
	if (graph->fd >= 0 && ftruncate(graph->fd, (off_t)size) == 0) {
		file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, graph->fd, 0);
	}
	if (file == MAP_FAILED) {
		compare_refuse("cannot keep a graph of %zu bytes in memory: %s", size, strerror(errno));
	}
	fill(file, &head, scan, nodes);
	munmap(file, size);
	if (fcntl(graph->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		compare_refuse("cannot seal the graph in memory: %s", strerror(errno));
	}
	free(nodes);
}

// ---- the generated graph ----

// A number below the limit; small ones come oftener.
static uint32_t draw_low(uint64_t *state, uint32_t limit)
{
	uint32_t a = generate_below(state, limit), b = generate_below(state, limit), c = generate_below(state, limit);
	a = a < b ? a : b;
	return a < c ? a : c;
}

// Each file includes some of those before it.
static void generate(struct scan *scan, uint64_t seed)
{
	uint64_t state = generate_state(seed);
	for (uint32_t i = 0; i < GENERATED_NODES; i++) {
		char name[40];
		unsigned folder = generate_below(&state, 64);
		int size = snprintf(name, sizeof(name), "part_%02u/unit_%04u.h", folder, i);
		names_add(&scan->names, (struct text){name, (size_t)size});
		uint32_t children = i == 0 ? 0 : 1 + generate_below(&state, GENERATED_CHILDREN);
		for (uint32_t child = 0; child < children; child++) {
			pairs_add(&scan->edges, i, draw_low(&state, i));
		}
	}
	scan->found = scan->edges.count;
}

void graph_open(struct graph *graph, struct scan *scan, uint64_t seed)
{
	includes_resolve(scan);
	graph->including = scan->including;
	graph->edge_lists = scan->edge_lists;
	graph->generated = scan->edges.count == 0;
	memcpy(graph->spoiled, scan->spoiled, sizeof(graph->spoiled));
	if (graph->generated) {
		scan_fini(scan);
		*scan = (struct scan){.limit = 0};
		generate(scan, seed);
	}
	graph->found = scan->found;
	write_file(graph, scan);
}

void graph_close(struct graph *graph)
{
	if (graph->fd >= 0) {
		close(graph->fd);
	}
}

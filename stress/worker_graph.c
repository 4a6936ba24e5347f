// stress/worker_graph.c: a graph whose nodes know their children and their parents, built, walked, dropped, collected.
//
// What a program does that reads a model, works on it and forgets it: from the first node with a parent on everything
// hangs together, and the counts alone free nothing of it. Each thread builds a copy of its own of the whole graph,
// again and again: a list of nodes, each a tuple of a str (its name), the list of its children and the list of its
// parents. Then it walks through it, drops its only reference, and collects. When a collection of another thread is
// under way, that returns at once, and one of the following takes this copy along; so when all have finished, the
// first thread collects once more, which is measured, too.
//
// What a build observed is its digest: FNV-1a over a line "name children parents\n" for each node, the number of the
// references that were not the ones expected besides if there were any. The nodes come sorted by their names' bytes.
// operation: one node built, dropped and collected
#include "compare_graph.h"
#include "digest.h"
#include "worker_blocks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a thread knows of the copy that it builds. All objects are borrowed from `list`.
struct copy {
	tally_object *list;
	tally_object **nodes, **children, **parents;
	uint32_t *child_at, *parent_at; // while edges are walked through: the place of the next one in the node's lists
};

enum { NAME, CHILDREN, PARENTS, PARTS };

static void read_graph(struct run *run)
{
	size_t size = 0;
	const char *option = run->graph_path ? "--graph" : "--graph-fd";
	const void *file = worker_map(option, run->graph_fd, run->graph_path, &size);
	struct graph_view *graph = worker_alloc(1, sizeof(*graph));
	if (!graph_view_of(file, size, graph)) {
		tally_error_set(TALLY_ERROR_VALUE, "%zu bytes that are no graph", size);
		worker_die(option);
	}
	run->shared = graph;
}

static void prepare(struct member *member)
{
	const struct graph_view *graph = member->run->shared;
	struct copy *copy = worker_alloc(1, sizeof(*copy));
	copy->nodes = worker_alloc(graph->nodes, sizeof(tally_object *));
	copy->children = worker_alloc(graph->nodes, sizeof(tally_object *));
	copy->parents = worker_alloc(graph->nodes, sizeof(tally_object *));
	copy->child_at = worker_alloc(graph->nodes, sizeof(uint32_t));
	copy->parent_at = worker_alloc(graph->nodes, sizeof(uint32_t));
	member->own = copy;
}

static void give_up(struct member *member)
{
	struct copy *copy = member->own;
	free(copy->nodes);
	free(copy->children);
	free(copy->parents);
	free(copy->child_at);
	free(copy->parent_at);
	free(copy);
}

// ---- building ----

static void add_node(const struct graph_view *graph, struct copy *copy, size_t index)
{
	const char *name = graph->names + graph->name_at[index];
	size_t size = graph->name_at[index + 1] - graph->name_at[index];
	tally_object *parts[PARTS] = {
		[NAME] = worker_need(tally_str_from_bytes(name, size, NULL), "tally_str_from_bytes"),
		[CHILDREN] = worker_need(tally_list_new(), "tally_list_new"),
		[PARENTS] = worker_need(tally_list_new(), "tally_list_new"),
	};
	tally_object *node = worker_need(tally_tuple_new(parts, PARTS), "tally_tuple_new");
	worker_check(tally_list_append(copy->list, node), "tally_list_append");
	copy->nodes[index] = node;
	copy->children[index] = parts[CHILDREN];
	copy->parents[index] = parts[PARENTS];
	for (int i = 0; i < PARTS; i++) {
		tally_decref(parts[i]);
	}
	tally_decref(node);
}

static void build(const struct graph_view *graph, struct copy *copy)
{
	copy->list = worker_need(tally_list_new(), "tally_list_new");
	for (size_t i = 0; i < graph->nodes; i++) {
		add_node(graph, copy, i);
	}
	for (size_t i = 0; i < graph->edges; i++) {
		uint32_t from = graph->edge[i].from, to = graph->edge[i].to;
		worker_check(tally_list_append(copy->children[from], copy->nodes[to]), "tally_list_append");
		worker_check(tally_list_append(copy->parents[to], copy->nodes[from]), "tally_list_append");
	}
}

// ---- walking ----

static bool drop_and_compare(tally_object *found, const tally_object *expected)
{
	tally_decref(found);
	return found == expected;
}

static bool holds(tally_object *list, uint32_t index, const tally_object *expected)
{
	return drop_and_compare(worker_need(tally_list_get(list, (ptrdiff_t)index), "tally_list_get"), expected);
}

static bool has_part(tally_object *node, int part, const tally_object *expected)
{
	return drop_and_compare(worker_need(tally_tuple_get(node, part), "tally_tuple_get"), expected);
}

static size_t size_of(tally_object *list)
{
	size_t size = 0;
	worker_check(tally_list_size(list, &size), "tally_list_size");
	return size;
}

static uint64_t digest_node(uint64_t digest, tally_object *node, size_t children, size_t parents)
{
	size_t size = 0;
	tally_object *name = worker_need(tally_tuple_get(node, NAME), "tally_tuple_get");
	const char *bytes = tally_str_utf8(name, &size);
	worker_check(bytes ? 0 : -1, "tally_str_utf8");
	digest = digest_bytes(digest, bytes, size);
	tally_decref(name);
	char degrees[48];
	int length = snprintf(degrees, sizeof(degrees), " %zu %zu\n", children, parents);
	return digest_bytes(digest, degrees, (size_t)length);
}

// Adds the node's line to the digest; returns how many of its parts were not those expected.
static unsigned walk_node(const struct copy *copy, size_t index, uint64_t *digest, size_t *edges)
{
	tally_object *node = worker_need(tally_list_get(copy->list, (ptrdiff_t)index), "tally_list_get");
	size_t children = size_of(copy->children[index]), parents = size_of(copy->parents[index]);
	unsigned wrong = node != copy->nodes[index];
	wrong += !has_part(node, CHILDREN, copy->children[index]);
	wrong += !has_part(node, PARENTS, copy->parents[index]);
	*digest = digest_node(*digest, node, children, parents);
	*edges += children;
	tally_decref(node);
	return wrong;
}

// How many references of one node to another are not where they belong.
static uint64_t walk_edges(const struct graph_view *graph, struct copy *copy)
{
	uint64_t wrong = 0;
	memset(copy->child_at, 0, graph->nodes * sizeof(uint32_t));
	memset(copy->parent_at, 0, graph->nodes * sizeof(uint32_t));
	for (size_t i = 0; i < graph->edges; i++) {
		uint32_t from = graph->edge[i].from, to = graph->edge[i].to;
		wrong += !holds(copy->children[from], copy->child_at[from]++, copy->nodes[to]);
		wrong += !holds(copy->parents[to], copy->parent_at[to]++, copy->nodes[from]);
	}
	return wrong;
}

static uint64_t walk(struct run *run, struct copy *copy, bool notes)
{
	const struct graph_view *graph = run->shared;
	size_t nodes = size_of(copy->list), edges = 0;
	uint64_t digest = DIGEST_START, wrong = nodes != graph->nodes;
	for (size_t i = 0; i < graph->nodes; i++) {
		wrong += walk_node(copy, i, &digest, &edges);
	}
	wrong += walk_edges(graph, copy);
	if (notes) {
		run->nodes = nodes;
		run->edges = edges;
	}
	return wrong ? digest_number(digest, wrong) : digest;
}

static uint64_t build_block(struct member *member)
{
	struct run *run = member->run;
	const struct graph_view *graph = run->shared;
	struct copy *copy = member->own;
	build(graph, copy);
	uint64_t seen = walk(run, copy, member->index == 0);
	tally_decref(copy->list);
	worker_collect();
	member->ops += graph->nodes;
	return seen;
}

static void work(struct member *member)
{
	blocks_repeat(member, build_block);
	team_meet(member);
	if (member->index == 0) {
		worker_collect();
	}
}

static void observe(struct run *run)
{
	run->digest = blocks_digest(run, 0);
	free(run->shared);
}

const struct workload worker_graph[] = {
	{"graph", read_graph, prepare, work, give_up, observe, true},
	{.name = NULL},
};

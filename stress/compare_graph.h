// stress/compare_graph.h: the graph of the workload `graph`, as the driver hands it to the workers: a file in memory that
// is mapped as it stands.
//
//     struct graph_head
//     struct graph_edge[edges]     in the order in which they were found
//     uint32_t name_at[nodes + 1]  where each name begins among the names, and where the last one ends
//     char names[name_bytes]       of the nodes 0, 1, ..., in the order of their bytes, each once
//
// Driver and workers are of one machine, so numbers are as the machine has them.
#ifndef STRESS_COMPARE_GRAPH_H
#define STRESS_COMPARE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graph_head {
	uint64_t nodes, edges, name_bytes;
};

struct graph_edge {
	uint32_t from, to; // indexes of nodes
};

// The parts of such a file.
struct graph_view {
	size_t nodes, edges;
	const struct graph_edge *edge;
	const uint32_t *name_at;
	const char *names;
};

static inline size_t graph_file_size(const struct graph_head *head)
{
	return sizeof(*head) + head->edges * sizeof(struct graph_edge) + (head->nodes + 1) * sizeof(uint32_t) +
	       head->name_bytes;
}

// False when the file's size is not what its head says.
static inline bool graph_view_of(const void *file, size_t size, struct graph_view *view)
{
	const struct graph_head *head = file;
	if (size < sizeof(*head) || head->nodes > UINT32_MAX || head->edges > UINT32_MAX ||
	    head->name_bytes > UINT32_MAX || graph_file_size(head) != size) {
		return false;
	}
	const struct graph_edge *edge = (const void *)(head + 1);
	const uint32_t *name_at = (const void *)(edge + head->edges);
	*view = (struct graph_view){
		.nodes = head->nodes,
		.edges = head->edges,
		.edge = edge,
		.name_at = name_at,
		.names = (const void *)(name_at + head->nodes + 1),
	};
	return true;
}

#endif

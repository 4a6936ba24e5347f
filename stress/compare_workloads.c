// stress/compare_workloads.c: the list of workloads, in the order in which they are run and shown.
//
// What each does stands in the worker's files (worker.h) and in docs/compare.md.
#include "compare.h"

const char *const compare_build_names[COMPARE_BUILDS] = {"gil", "biased", "atomic"};

const struct kind workloads_all[] = {
	{"wordcount-shared", "wordcount", INPUT_TEXT, "words of the text counted into one shared dict", NULL},
	{"wordcount-private", "wordcount", INPUT_TEXT, "the same, one dict a thread, merged at the end", "wordcount-shared"},
	{"private-mix", "private", INPUT_NONE, "own objects only: the four that follow, mixed", NULL},
	{"private-count", "private", INPUT_NONE, "incref and decref of an own object", NULL},
	{"private-tuple", "private", INPUT_NONE, "2-tuples made and dropped", NULL},
	{"private-list", "private", INPUT_NONE, "append to, get from and clear an own list", NULL},
	{"private-dict", "private", INPUT_NONE, "set in, get from and clear an own dict", NULL},
	{"shared-count", "shared-object", INPUT_NONE, "incref and decref of one object by all threads", NULL},
	{"shared-list", "shared-object", INPUT_NONE, "gets from one list by all threads", NULL},
	{"handoff", "handoff", INPUT_NONE, "objects made by producers, dropped by consumers", NULL},
	{"graph", "collector", INPUT_GRAPH, "a graph with references back, built, dropped, collected", NULL},
	{"cycles", "collector", INPUT_NONE, "small cycles made and dropped, collected on the way", NULL},
};

const size_t workloads_count = sizeof(workloads_all) / sizeof(workloads_all[0]);

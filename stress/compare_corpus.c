// stress/compare_corpus.c: gathers the text whose words are counted, and shows it to the scan that finds a graph in it.
//
// The text is one anonymous file in memory (memfd_create), which the workers inherit and map: nothing has to be
// cleaned up however the program ends, and all workers read the same bytes. It holds the files one after another, a
// newline between them, with ASCII letters made small; then it is sealed.
//
// Named files and folders are read in the order given, a folder's entries in the order of their names' bytes,
// folders within at their place. What was named must be readable. Inside a folder, what cannot be read is skipped
// and counted; symbolic links, sockets, devices and pipes are ignored and counted, so no cycle can be met and no read
// can wait.
//
// I1  corpus.bytes <= the limit; what lies beyond it is found (its size is counted) and not read. The cut falls
//     between words.
#include "compare_scan.h"
#include "words.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LICENCES "/usr/share/common-licenses"
#define MIB ((size_t)1 << 20)
#define QUICK_LIMIT (8 * MIB)
#define FULL_LIMIT (1024 * MIB)
#define QUICK_GENERATED (4 * MIB)
#define FULL_GENERATED (24 * MIB)
#define QUICK_EDGES 100000
#define FULL_EDGES 500000
#define BUFFER 65536

struct gathering {
	struct corpus *corpus;
	struct scan *scan; // NULL: no graph is wanted of the files
	char *path;        // of the file or folder at hand, as the user would name it
	size_t path_room;
	size_t limit;
	size_t written; // to the file, with what waits in `pending`
	size_t pending;
	unsigned char buffer[BUFFER];
};

static void flush(struct gathering *gathering)
{
	for (size_t at = 0; at < gathering->pending;) {
		ssize_t wrote = write(gathering->corpus->fd, gathering->buffer + at, gathering->pending - at);
		if (wrote < 0 && errno != EINTR) {
			compare_refuse("cannot keep %zu bytes of text in memory: %s", gathering->written,
			               strerror(errno));
		}
		at += wrote > 0 ? (size_t)wrote : 0;
	}
	gathering->pending = 0;
}

// Takes text as it is found: counts all of it, keeps what fits, with small letters.
static void keep(void *context, const char *text, size_t size)
{
	struct gathering *gathering = context;
	gathering->corpus->found += size;
	size_t room = gathering->limit - gathering->written;
	size = size < room ? size : room;
	if (gathering->scan) {
		scan_text(gathering->scan, text, size);
	}
	for (size_t i = 0; i < size; i++) {
		if (gathering->pending == BUFFER) {
			flush(gathering);
		}
		gathering->buffer[gathering->pending++] = words_small((unsigned char)text[i]);
	}
	gathering->written += size;
}

static bool is_full(const struct gathering *gathering) { return gathering->written == gathering->limit; }

// Puts a name at the end of the path; returns the length before, for leave_name.
static size_t enter_name(struct gathering *gathering, const char *name)
{
	size_t before = strlen(gathering->path), length = strlen(name);
	while (gathering->path_room < before + length + 2) {
		gathering->path_room *= 2;
		gathering->path = compare_grow(gathering->path, gathering->path_room, 1);
	}
	const char *slash = before > 0 && gathering->path[before - 1] != '/' ? "/" : "";
	strcat(strcat(gathering->path, slash), name);
	return before;
}

static void leave_name(struct gathering *gathering, size_t before) { gathering->path[before] = '\0'; }

static bool read_pieces(struct gathering *gathering, int fd)
{
	char piece[BUFFER];
	for (;;) {
		ssize_t size = read(fd, piece, sizeof(piece));
		if (size == 0) {
			return true;
		}
		if (size < 0 && errno == EINTR) {
			continue;
		}
		if (size < 0) {
			return false;
		}
		keep(gathering, piece, (size_t)size);
	}
}

// Reads an open file to its end; false when reading fails.
static bool read_file(struct gathering *gathering, int fd)
{
	struct scan *scan = is_full(gathering) ? NULL : gathering->scan;
	if (scan) {
		scan_begin(scan, gathering->path);
	}
	bool good = read_pieces(gathering, fd);
	if (good) {
		gathering->corpus->files++;
		keep(gathering, "\n", 1);
	}
	if (scan) {
		scan_end(scan);
	}
	return good;
}

static int by_name(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

// The names in a folder but "." and "..", sorted; the caller frees them. Takes over `fd`. NULL when it cannot be read.
static char **list_folder(int fd, size_t *count)
{
	DIR *folder = fdopendir(fd);
	if (!folder) {
		close(fd);
		return NULL;
	}
	size_t room = 64, used = 0;
	char **names = compare_alloc(room, sizeof(*names));
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		if (used == room) {
			room *= 2;
			names = compare_grow(names, room, sizeof(*names));
		}
		names[used] = strdup(entry->d_name);
		if (!names[used++]) {
			compare_refuse("no memory for the names in a folder");
		}
	}
	closedir(folder);
	qsort(names, used, sizeof(*names), by_name);
	*count = used;
	return names;
}

static void gather_entry(struct gathering *gathering, int folder, const char *name);

static bool gather_folder(struct gathering *gathering, int fd)
{
	size_t count = 0;
	int listed = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	char **names = listed < 0 ? NULL : list_folder(listed, &count);
	for (size_t i = 0; names && i < count; i++) {
		gather_entry(gathering, fd, names[i]);
		free(names[i]);
	}
	free(names);
	return names != NULL;
}

// One entry inside a folder: skipped when it cannot be read, ignored when it is neither file nor folder.
static void gather_entry(struct gathering *gathering, int folder, const char *name)
{
	struct corpus *corpus = gathering->corpus;
	struct stat status;
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		corpus->skipped++;
		return;
	}
	if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
		corpus->ignored++;
		return;
	}
	if (S_ISREG(status.st_mode) && is_full(gathering)) {
		corpus->found += (size_t)status.st_size + 1;
		return;
	}
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t before = enter_name(gathering, name);
	bool read = fd >= 0 && (S_ISDIR(status.st_mode) ? gather_folder(gathering, fd) : read_file(gathering, fd));
	leave_name(gathering, before);
	corpus->skipped += !read;
	if (fd >= 0) {
		close(fd);
	}
}

// What the user named must be there and readable.
static void gather_named(struct gathering *gathering, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		compare_refuse("cannot read '%s': %s; a readable file or folder expected", path, strerror(errno));
	}
	if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
		compare_refuse("cannot read '%s': neither a file nor a folder; a readable file or folder expected",
		               path);
	}
	enter_name(gathering, path);
	if (!(S_ISDIR(status.st_mode) ? gather_folder(gathering, fd) : read_file(gathering, fd))) {
		compare_refuse("cannot read '%s': %s; a readable file or folder expected", path, strerror(errno));
	}
	leave_name(gathering, 0);
	close(fd);
}

static void gather_default(struct gathering *gathering, const struct options *options)
{
	if (access(LICENCES, R_OK | X_OK) == 0) {
		gather_named(gathering, LICENCES);
	}
	size_t before = gathering->written;
	generate_text(options->seed, options->quick ? QUICK_GENERATED : FULL_GENERATED, keep, gathering);
	gathering->corpus->generated = gathering->written - before;
}

// Counts the words, and takes back half a word at a cut.
static void measure_text(struct gathering *gathering)
{
	struct corpus *corpus = gathering->corpus;
	corpus->bytes = gathering->written;
	if (corpus->bytes == 0) {
		return;
	}
	unsigned char *text = mmap(NULL, corpus->bytes, PROT_READ, MAP_PRIVATE, corpus->fd, 0);
	if (text == MAP_FAILED) {
		compare_refuse("cannot map %zu bytes of text: %s", corpus->bytes, strerror(errno));
	}
	while (corpus->found > corpus->bytes && corpus->bytes > 0 && words_is_word_byte(text[corpus->bytes - 1])) {
		corpus->bytes--;
	}
	corpus->words = words_in(text, corpus->bytes);
	munmap(text, gathering->written);
}

static void seal(const struct corpus *corpus)
{
	if (ftruncate(corpus->fd, (off_t)corpus->bytes) < 0 ||
	    fcntl(corpus->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		compare_refuse("cannot seal the text in memory: %s", strerror(errno));
	}
}

static bool is_wanted(const struct options *options, enum input input)
{
	for (size_t i = 0; i < workloads_count; i++) {
		if (options->chosen[i] && workloads_all[i].input == input) {
			return true;
		}
	}
	return false;
}

static void gather_text(struct corpus *corpus, const struct options *options, struct scan *scan)
{
	struct gathering *gathering = compare_alloc(1, sizeof(*gathering));
	gathering->corpus = corpus;
	gathering->scan = scan;
	gathering->path_room = 256;
	gathering->path = compare_alloc(gathering->path_room, 1);
	gathering->limit = options->quick ? QUICK_LIMIT : FULL_LIMIT;
	for (unsigned i = 0; i < options->path_count; i++) {
		gather_named(gathering, options->paths[i]);
	}
	if (options->path_count == 0) {
		gather_default(gathering, options);
	}
	flush(gathering);
	measure_text(gathering);
	seal(corpus);
	free(gathering->path);
	free(gathering);
}

static void open_text(struct corpus *corpus, const struct options *options, struct scan *scan)
{
	corpus->fd = memfd_create("text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (corpus->fd < 0) {
		compare_refuse("cannot make a file in memory for the text: %s", strerror(errno));
	}
	gather_text(corpus, options, scan);
	if (corpus->words == 0) {
		compare_refuse(
			"no words in the text (files read: %u, skipped: %u, ignored: %u); at least one word expected",
			corpus->files, corpus->skipped, corpus->ignored);
	}
}

void corpus_open(struct corpus *corpus, const struct options *options)
{
	*corpus = (struct corpus){.fd = -1, .graph = {.fd = -1}};
	bool graph = is_wanted(options, INPUT_GRAPH), named = options->path_count > 0;
	struct scan *scan = compare_alloc(1, sizeof(*scan));
	scan->limit = options->quick ? QUICK_EDGES : FULL_EDGES;
	if (named || is_wanted(options, INPUT_TEXT)) {
		open_text(corpus, options, graph && named ? scan : NULL);
	}
	if (graph) {
		graph_open(&corpus->graph, scan, options->seed);
	}
	scan_fini(scan);
	free(scan);
}

void corpus_close(struct corpus *corpus)
{
	graph_close(&corpus->graph);
	if (corpus->fd >= 0) {
		close(corpus->fd);
	}
}

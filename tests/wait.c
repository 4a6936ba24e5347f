// tests/wait.c: the waits of tally/wait.h: nobody waits for a thread that waits in one, in whatever state it came
// there, and the commonest deadlock of hosts, which they end.
//
// Threads are not forced into their waits: the test stops the world (in `gil`: takes the lock) once the other thread is
// on its way into the wait. If that thread waited attached, the test would wait for it for ever, however the two fall.
#include "fixture.h"
#include "turns.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

static stage at;

static void lock(pthread_mutex_t *mutex)
{
	if (tally_mutex_lock(mutex)) tap_bail_out("no lock");
}

static void unlock(pthread_mutex_t *mutex)
{
	if (pthread_mutex_unlock(mutex)) tap_bail_out("not unlocked");
}

// ---- what can be waited for ----

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static bool ready; // guarded by mutex
static pthread_t other;
static stage end_of_other;

static void hold_mutex(void) { lock(&mutex); }
static void let_mutex_go(void) { unlock(&mutex); }
static int wait_for_mutex(void)
{
	int result = tally_mutex_lock(&mutex);
	unlock(&mutex);
	return result;
}

static void be_unready(void) { ready = false; }
static void be_ready(void)
{
	lock(&mutex);
	ready = true;
	pthread_cond_signal(&condition);
	unlock(&mutex);
}
static int wait_for_condition(void)
{
	int result = 0;
	lock(&mutex);
	while (!ready && !result) result = tally_cond_wait(&condition, &mutex);
	unlock(&mutex);
	return result;
}
static int wait_for_condition_and_time(void)
{
	struct timespec until;
	int result = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1000000;
	lock(&mutex);
	while (!ready && !result) result = tally_cond_timedwait(&condition, &mutex, &until);
	unlock(&mutex);
	return result;
}

static void write_lock(void) { CHECK_EQ(tally_rwlock_wrlock(&rwlock), 0); }
static void read_lock(void) { CHECK_EQ(tally_rwlock_rdlock(&rwlock), 0); }
static void let_rwlock_go(void) { CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0); }
static int wait_to_read(void)
{
	int result = tally_rwlock_rdlock(&rwlock);
	let_rwlock_go();
	return result;
}
static int wait_to_write(void)
{
	int result = tally_rwlock_wrlock(&rwlock);
	let_rwlock_go();
	return result;
}

static void empty_semaphore(void) { sem_init(&semaphore, 0, 0); }
static void post(void) { sem_post(&semaphore); }
static int wait_for_semaphore(void) { return tally_sem_wait(&semaphore); }

static void *be_the_other(void *unused)
{
	(void)unused;
	while (!has_reached(&end_of_other, 1)) sched_yield();
	return &other;
}
static void start_other(void)
{
	reach(&end_of_other, 0);
	other = spawn(be_the_other, NULL);
}
static void end_other(void) { reach(&end_of_other, 1); }
static int wait_for_end(void)
{
	void *result = NULL;
	int error = tally_thread_join(other, &result);
	CHECK_PTR(result, &other);
	return error;
}
static int wait_for_call(void)
{
	CHECK_PTR(tally_call_blocking(be_the_other, NULL), &other);
	return 0;
}
static void begin_call(void) { reach(&end_of_other, 0); }

static const struct kind {
	const char *name;
	void (*prepare)(void); // what is waited for cannot be had
	int (*wait)(void);
	void (*release)(void); // it can
} kinds[] = {
	{"mutex", hold_mutex, wait_for_mutex, let_mutex_go},
	{"condition", be_unready, wait_for_condition, be_ready},
	{"condition with a time", be_unready, wait_for_condition_and_time, be_ready},
	{"rwlock to read", write_lock, wait_to_read, let_rwlock_go},
	{"rwlock to write", read_lock, wait_to_write, let_rwlock_go},
	{"semaphore", empty_semaphore, wait_for_semaphore, post},
	{"end of a thread", start_other, wait_for_end, end_other},
	{"call", begin_call, wait_for_call, end_other},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

// ---- in every state ----

static const struct kind *kind;
static tally_object *list, *probes;

static void check_wait(void)
{
	bool attached_before = tally_thread_is_attached();
	errno = 1234;
	reach(&at, 1);
	CHECK_EQ(kind->wait(), 0);
	CHECK_EQ(errno, 1234);
	CHECK_EQ(tally_thread_is_attached(), attached_before);
	reach(&at, 2);
}

static void *wait_unattached(void *unused)
{
	(void)unused;
	check_wait();
	return NULL;
}

static void *wait_detached(void *unused)
{
	tally_thread_detach(attached());
	return wait_unattached(unused);
}

static void *wait_in_a_region(void *unused)
{
	tally_token token = attached();
	CHECK_EQ(tally_blocking_begin(), 0);
	wait_unattached(unused);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *wait_attached(void *unused)
{
	tally_token token = attached();
	wait_unattached(unused);
	CHECK(tally_thread_is_attached());
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *wait_in_a_section(void *unused)
{
	tally_token token = attached();
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	wait_unattached(unused);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void wait_in_destructor(void *payload, void *context)
{
	(void)payload;
	(void)context;
	check_wait();
}

static void *wait_while_destroying(void *unused)
{
	(void)unused;
	tally_token token = attached();
	tally_decref(must(tally_host_new(probes)));
	CHECK(has_reached(&at, 2));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// The world can be stopped, and the object of the section be had, while the other thread waits.
static void check_kind(void *(*run)(void *))
{
	reach(&at, 0);
	kind->prepare();
	pthread_t waiter = spawn(run, NULL);
	await(&at, 1);
	for (int i = 0; i < 3; i++) {
		fixture_live_objects();
		CHECK_EQ(tally_list_append(list, list), 0);
		tally_decref(tally_list_pop(list, -1));
	}
	CHECK(!has_reached(&at, 2));
	kind->release();
	finish(waiter);
	CHECK(has_reached(&at, 2));
}

static void check_all_kinds(void *(*run)(void *))
{
	tally_host_type description = {.size = sizeof description, .name = "waiter", .payload_size = 8, .dealloc = wait_in_destructor};
	list = must(tally_list_new());
	probes = must(tally_host_type_new(&description));
	for (int repeat = tap_scale(8); repeat > 0; repeat--)
		for (kind = kinds; kind < kinds + KINDS; kind++) check_kind(run);
	tally_decref(list);
}

static void an_attached_thread_that_waits_holds_nobody_up(void) { check_all_kinds(wait_attached); }

static void a_thread_in_a_region_just_waits(void) { check_all_kinds(wait_in_a_region); }

static void a_thread_that_is_not_attached_just_waits(void)
{
	check_all_kinds(wait_unattached);
	check_all_kinds(wait_detached);
}

static void a_thread_in_a_section_that_waits_holds_nobody_up(void) { check_all_kinds(wait_in_a_section); }

static void a_destructor_that_waits_holds_nobody_up(void) { check_all_kinds(wait_while_destroying); }

// ---- sections ----

static size_t size_of_list(void)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &size), 0);
	return size;
}

static void *wait_and_look_again(void *unused)
{
	(void)unused;
	tally_critical section;
	tally_token token = attached();
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(size_of_list(), 0);
	reach(&at, 1);
	lock(&mutex);
	CHECK_EQ(size_of_list(), 1); // the section was suspended
	reach(&at, 2);
	for (int i = tap_scale(20000); i > 0; i--)
		if (size_of_list() != 1) CHECK_EQ(size_of_list(), 1); // and is held again
	unlock(&mutex);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void sections_are_suspended_during_a_wait_and_held_again_after_it(void)
{
	list = must(tally_list_new());
	reach(&at, 0);
	lock(&mutex);
	pthread_t waiter = spawn(wait_and_look_again, NULL);
	await(&at, 1);
	CHECK_EQ(tally_list_append(list, list), 0);
	unlock(&mutex);
	await(&at, 2);
	CHECK_EQ(tally_list_append(list, list), 0);
	finish(waiter);
	CHECK_EQ(size_of_list(), 2);
	tally_list_clear(list);
	tally_decref(list);
}

enum { THREADS = 4 };
static struct own {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	sem_t semaphore;
} owns[THREADS];

// What is free is taken in the middle of a section; were the thread to go away, others would come between get and set.
static void add_with_free_locks(void *unused, unsigned number)
{
	(void)unused;
	struct own *own = &owns[number];
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_critical section;
		tally_critical_begin(&section, list);
		int64_t value = take_counted(tally_list_get(list, 0));
		CHECK_EQ(tally_mutex_lock(&own->mutex), 0);
		CHECK_EQ(tally_rwlock_rdlock(&own->rwlock), 0);
		pthread_rwlock_unlock(&own->rwlock);
		CHECK_EQ(tally_rwlock_wrlock(&own->rwlock), 0);
		pthread_rwlock_unlock(&own->rwlock);
		CHECK_EQ(tally_sem_wait(&own->semaphore), 0);
		sem_post(&own->semaphore);
		unlock(&own->mutex);
		tally_object *next = counted(value + 1);
		tally_list_set(list, 0, next);
		tally_decref(next);
		tally_critical_end(&section);
	}
}

static void what_can_be_had_is_taken_without_going_away(void)
{
	if (is_gil()) CHECK_EQ(tally_switch_interval_set(1000), 0);
	tally_object *zero = counted(0);
	list = must(tally_list_from(&zero, 1));
	for (int i = 0; i < THREADS; i++) {
		pthread_mutex_init(&owns[i].mutex, NULL);
		pthread_rwlock_init(&owns[i].rwlock, NULL);
		sem_init(&owns[i].semaphore, 0, 1);
	}
	run_threads(THREADS, add_with_free_locks, NULL);
	CHECK_EQ(take_counted(tally_list_get(list, 0)), THREADS * tap_scale(20000));
	for (int i = 0; i < THREADS; i++) {
		pthread_mutex_destroy(&owns[i].mutex);
		pthread_rwlock_destroy(&owns[i].rwlock);
		sem_destroy(&owns[i].semaphore);
	}
	tally_decref(list);
	tally_decref(zero);
	if (is_gil()) CHECK_EQ(tally_switch_interval_set(5000000), 0);
}

// ---- results ----

static void *lock_and_end(void *robust)
{
	pthread_mutex_lock(robust);
	return NULL;
}

static void make_mutex(pthread_mutex_t *made, int type, int robust)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, type);
	pthread_mutexattr_setrobust(&attributes, robust);
	pthread_mutex_init(made, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static void check_results(void)
{
	pthread_mutex_t careful, recursive, robust;
	struct timespec past = {.tv_sec = 1};
	make_mutex(&careful, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	make_mutex(&recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
	make_mutex(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);

	if (!SANITIZED) CHECK_EQ(tally_cond_wait(&condition, &careful), EPERM); // ThreadSanitizer reports the misuse itself
	CHECK_EQ(tally_mutex_lock(&careful), 0);
	CHECK_EQ(tally_mutex_lock(&careful), EDEADLK);
	CHECK_EQ(tally_cond_timedwait(&condition, &careful, &past), ETIMEDOUT);
	CHECK_EQ(pthread_mutex_unlock(&careful), 0);

	CHECK_EQ(tally_mutex_lock(&recursive), 0);
	CHECK_EQ(tally_mutex_lock(&recursive), 0);
	CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
	CHECK_EQ(pthread_mutex_unlock(&recursive), 0);

	finish(spawn(lock_and_end, &robust));
	CHECK_EQ(tally_mutex_lock(&robust), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(&robust), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust), 0);

	CHECK_EQ(tally_rwlock_wrlock(&rwlock), 0);
	CHECK_EQ(tally_rwlock_wrlock(&rwlock), EDEADLK);
	CHECK_EQ(tally_rwlock_rdlock(&rwlock), EDEADLK);
	CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);

	pthread_mutex_destroy(&careful);
	pthread_mutex_destroy(&recursive);
	pthread_mutex_destroy(&robust);
}

static void what_the_system_refuses_is_refused_with_its_number(void)
{
	check_results();
	CHECK(tally_thread_is_attached());
	CHECK_EQ(tally_blocking_begin(), 0);
	check_results();
	CHECK_EQ(tally_blocking_end(), 0);
	run_unattached(check_results);
	CHECK_NO_ERROR();
}

static void ignore(int signal_number) { (void)signal_number; }

static void *wait_for_a_signal(void *result)
{
	tally_token token = attached();
	reach(&at, 1);
	*(int *)result = tally_sem_wait(&semaphore);
	CHECK(tally_thread_is_attached());
	reach(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_signal_ends_the_wait_for_a_semaphore(void)
{
	struct sigaction action = {.sa_handler = ignore}, former;
	int result = 0;
	sigaction(SIGUSR1, &action, &former);
	sem_init(&semaphore, 0, 0);
	reach(&at, 0);
	pthread_t waiter = spawn(wait_for_a_signal, &result);
	CHECK_EQ(tally_blocking_begin(), 0);
	while (!has_reached(&at, 2)) {
		if (has_reached(&at, 1)) pthread_kill(waiter, SIGUSR1);
		sched_yield();
	}
	CHECK_EQ(tally_blocking_end(), 0);
	finish(waiter);
	sigaction(SIGUSR1, &former, NULL);
	CHECK_EQ(result, EINTR);
}

// ---- a mutex that destructors take ----

enum { QUEUED = 64 };
static tally_object *queued[QUEUED];
static pthread_t sleeper;
static atomic_uint died, died_locked_out; // the latter: while their thread itself held the mutex

static void take_the_mutex(void *payload, void *context)
{
	(void)payload;
	(void)context;
	bool free = pthread_mutex_trylock(&mutex) == 0;
	if (free) unlock(&mutex);
	else if (pthread_equal(pthread_self(), sleeper)) atomic_fetch_add(&died_locked_out, 1);
	atomic_fetch_add(&died, 1);
}

static void *sleep_on_what_others_dropped(void *type)
{
	tally_token token = attached();
	sleeper = pthread_self();
	for (int i = 0; i < QUEUED; i++) queued[i] = must(tally_host_new(type));
	CHECK_EQ(tally_mutex_lock(&mutex), 0);
	reach(&at, 1);
	if (is_gil()) await(&at, 2); // there the dropper needs the lock, and destroys
	else while (!has_reached(&at, 2)) sched_yield(); // no point: what is dropped waits for this thread
	while (!ready) CHECK_EQ(tally_cond_wait(&condition, &mutex), 0);
	unlock(&mutex);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void nobody_is_destroyed_with_the_mutex_held_nor_kept_alive_by_the_wait(void)
{
	tally_host_type description = {.size = sizeof description, .name = "careful", .payload_size = 8, .dealloc = take_the_mutex};
	tally_object *type = must(tally_host_type_new(&description));
	for (int repeat = tap_scale(200); repeat > 0; repeat--) {
		ready = false;
		atomic_store(&died, 0);
		reach(&at, 0);
		pthread_t thread = spawn(sleep_on_what_others_dropped, type);
		await(&at, 1);
		for (int i = 0; i < QUEUED; i++) tally_decref(queued[i]);
		reach(&at, 2);
		await((stage *)&died, QUEUED); // it is not ready yet
		be_ready();
		finish(thread);
		CHECK_EQ(atomic_load(&died_locked_out), 0);
	}
}

static void *sleep_in_a_section(void *returns)
{
	tally_critical section;
	tally_token token = attached();
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	tally_decref(probe(probes, 0)); // dies when the section ends, which no wait may see to
	lock(&mutex);
	reach(&at, 1);
	for (; !ready; ++*(unsigned *)returns) CHECK_EQ(tally_cond_wait(&condition, &mutex), 0);
	unlock(&mutex);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void deaths_that_a_section_puts_off_do_not_end_the_wait(void)
{
	unsigned returns = 0;
	list = must(tally_list_new());
	probes = fixture_probe_type();
	ready = false;
	reach(&at, 0);
	pthread_t thread = spawn(sleep_in_a_section, &returns);
	await(&at, 1);
	for (int i = 0; i < 100; i++) fixture_live_objects(); // each takes the mutex's holder away from it for a while
	be_ready();
	finish(thread);
	CHECK(returns <= 2); // the system allows one for no reason
	tally_decref(list);
}

// ---- a queue of the host's ----

enum { ROOM = 8, PAIRS = 3 };
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t filled, emptied;
	tally_object *objects[ROOM];
	unsigned first, count;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER, .emptied = PTHREAD_COND_INITIALIZER};

static void push(tally_object *object)
{
	lock(&queue.mutex);
	while (queue.count == ROOM) CHECK_EQ(tally_cond_wait(&queue.emptied, &queue.mutex), 0);
	queue.objects[(queue.first + queue.count++) % ROOM] = object;
	pthread_cond_signal(&queue.filled);
	unlock(&queue.mutex);
}

static tally_object *take(void)
{
	lock(&queue.mutex);
	while (queue.count == 0) CHECK_EQ(tally_cond_wait(&queue.filled, &queue.mutex), 0);
	tally_object *object = queue.objects[queue.first++ % ROOM];
	queue.count--;
	pthread_cond_signal(&queue.emptied);
	if (queue.first % 64 == 0) fixture_live_objects(); // stops the world with the mutex held
	unlock(&queue.mutex);
	return object;
}

static atomic_llong sum;

static void produce_or_consume(void *unused, unsigned number)
{
	(void)unused;
	long long mine = 0;
	for (int i = tap_scale(10000); i > 0; i--) {
		if (number % 2) push(counted(i));
		else mine += take_counted(take());
	}
	atomic_fetch_add(&sum, mine);
}

static void a_queue_with_a_mutex_and_conditions_passes_every_object_on(void)
{
	long long n = tap_scale(10000);
	atomic_store(&sum, 0);
	queue.first = queue.count = 0;
	run_threads(2 * PAIRS, produce_or_consume, NULL);
	CHECK_EQ(atomic_load(&sum), PAIRS * n * (n + 1) / 2);
}

// ---- the deadlock ---- This very program once more, with one of these as its argument. A holds the mutex and makes a
// call that stops the world (in `gil`, any call); B, attached, waits for the mutex: in pthread_mutex_lock, then they
// wait for one another and a watchdog ends the process; or in tally_mutex_lock, then it ends by itself.

enum { CAUGHT = 7, NOT_CAUGHT = 8 };

static struct {
	int (*lock)(pthread_mutex_t *mutex);
	sem_t reported;
	char address[64];
} child;

// It may be that B has not fallen asleep yet when the first report comes.
static void print_report(const char *report, void *context)
{
	CHECK_PTR(context, &child);
	if (write(STDOUT_FILENO, report, strlen(report)) < 0) _exit(NOT_CAUGHT);
	if (strstr(report, child.address)) sem_post(&child.reported);
}

static void *watch(void *unused)
{
	(void)unused;
	char report[4096];
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(patience_ns(30) / 1000000000);
	bool caught = sem_timedwait(&child.reported, &end) == 0;
	tally_threads_report(report, sizeof report);
	printf("the watchdog sees:\n%s", report);
	fflush(stdout);
	_exit(caught ? CAUGHT : NOT_CAUGHT);
}

static void *be_b(void *unused)
{
	(void)unused;
	tally_thread_set_name("B");
	tally_token token = attached();
	reach(&at, 1);
	child.lock(&mutex);
	pthread_mutex_unlock(&mutex);
	tally_thread_detach(token);
	return NULL;
}

static int be_child(const char *how)
{
	tally_config config = {.size = sizeof config, .stall_ns = 100000000, .on_stall = print_report, .context = &child};
	tally_heap_stats stats = {.size = sizeof stats};
	tally_token token;
	uint64_t leaked = 1;
	child.lock = strcmp(how, "tally_mutex_lock") ? pthread_mutex_lock : tally_mutex_lock;
	sem_init(&child.reported, 0, 0);
	snprintf(child.address, sizeof child.address, " at 0x%llx\n", (unsigned long long)(uintptr_t)&mutex);
	printf("the mutex is%s", child.address);
	fflush(stdout);
	pthread_detach(spawn(watch, NULL));
	tally_thread_set_name("A");
	if (tally_init(&config) || tally_thread_attach(&token)) return NOT_CAUGHT;
	lock(&mutex);
	pthread_t b = spawn(be_b, NULL);
	await(&at, 1);
	if (tally_heap_stats_get(&stats)) return NOT_CAUGHT;
	pthread_mutex_unlock(&mutex);
	finish(b);
	tally_thread_detach(token);
	return tally_fini(UINT64_C(10000000000), &leaked) || leaked ? NOT_CAUGHT : 0;
}

// Runs the child; returns its exit status, or -1, with what it printed.
static int run_child(const char *how, char *output, size_t size)
{
	char name[] = "wait", argument[32], *arguments[] = {name, argument, NULL};
	extern char **environ;
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1;
	pid_t pid;
	size_t used = 0;
	snprintf(argument, sizeof argument, "%s", how);
	if (pipe(ends)) tap_bail_out("no pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ)) tap_bail_out("no child");
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	for (ssize_t got = 1; got > 0 && used + 1 < size; used += (size_t)(got > 0 ? got : 0))
		got = read(ends[0], output + used, size - 1 - used);
	output[used] = 0;
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void print_lines(char *output)
{
	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) tap_note("  %s", line);
}

// The last line about B before the watchdog's own report.
static const char *last_line_of_b(const char *output, char *line, size_t size)
{
	const char *end = strstr(output, "the watchdog sees:"), *last = NULL;
	for (const char *next = output; (next = strstr(next, "\nB (thread ")) && (!end || next < end);) last = ++next;
	snprintf(line, size, "%.*s", last ? (int)strcspn(last, "\n") : 0, last ? last : "");
	return line;
}

static unsigned lines_with_address(const char *output)
{
	char address[64];
	unsigned lines = 0;
	if (sscanf(output, "the mutex is%63[^\n]", address) != 1) return 0;
	for (; (output = strstr(output, address)); output++) lines++;
	return lines;
}

static void a_plain_wait_for_a_mutex_deadlocks_and_the_report_names_the_thread_and_the_mutex(void)
{
	static char output[65536];
	char b[512], header[64], wait[128];
	unsigned long long address = 0;
	CHECK_EQ(run_child("pthread_mutex_lock", output, sizeof output), CAUGHT);
	CHECK_EQ(sscanf(output, "the mutex is at %llx", &address), 1);
	snprintf(wait, sizeof wait, "; waits for a lock, condition or join at 0x%llx", address);
	snprintf(header, sizeof header, " has waited for %s for ", is_gil() ? "the lock" : "the world to stop");
	last_line_of_b(output, b, sizeof b);
	CHECK(strstr(output, header));
	CHECK(strstr(output, "ms; in the way:\n"));
	CHECK(strstr(b, is_gil() ? ": has had the lock for " : " ms ago and has not come to a point"));
	CHECK(strstr(b, wait));
	const char *seen = strstr(output, "the watchdog sees:");
	if (CHECK(seen)) {
		CHECK(strstr(seen, "\nA (thread "));
		CHECK(strstr(seen, is_gil() ? ": waits for the lock; " : ": began to stop the world "));
		CHECK(strstr(seen, wait));
	}
	print_lines(output);
}

// B may be late, and in the way for that; it is never so in a wait for the mutex.
static void the_same_program_with_tally_mutex_lock_ends_by_itself(void)
{
	static char output[65536];
	CHECK_EQ(run_child("tally_mutex_lock", output, sizeof output), 0);
	CHECK_EQ(lines_with_address(output), 1); // the first one, which says where the mutex is
	print_lines(output);
}

int main(int count, char **arguments)
{
	if (count > 1) return be_child(arguments[1]);
	fixture_begin(90);
	TAP_RUN(an_attached_thread_that_waits_holds_nobody_up);
	TAP_RUN(a_thread_in_a_region_just_waits);
	TAP_RUN(a_thread_that_is_not_attached_just_waits);
	TAP_RUN(a_thread_in_a_section_that_waits_holds_nobody_up);
	TAP_RUN(a_destructor_that_waits_holds_nobody_up);
	TAP_RUN(sections_are_suspended_during_a_wait_and_held_again_after_it);
	TAP_RUN(what_can_be_had_is_taken_without_going_away);
	TAP_RUN(what_the_system_refuses_is_refused_with_its_number);
	TAP_RUN(a_signal_ends_the_wait_for_a_semaphore);
	TAP_RUN(nobody_is_destroyed_with_the_mutex_held_nor_kept_alive_by_the_wait);
	TAP_RUN(deaths_that_a_section_puts_off_do_not_end_the_wait);
	TAP_RUN(a_queue_with_a_mutex_and_conditions_passes_every_object_on);
	TAP_RUN(a_plain_wait_for_a_mutex_deadlocks_and_the_report_names_the_thread_and_the_mutex);
	TAP_RUN(the_same_program_with_tally_mutex_lock_ends_by_itself);
	return tap_end();
}

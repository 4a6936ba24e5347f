// core/wait.c: waiting for the host's own locks, conditions and threads in blocking regions (tally/wait.h).
//
// Whoever waits here is not attached, so it holds up neither a stop of the world nor the lock of the gil build,
// whatever the one that it waits for does. When the wait is over the thread holds the host's lock and may have to wait
// once more, to be attached again. That wait ends: it is for the thread that has stopped the world or has the lock, and
// that one waits for nothing outside of the library; if it wants the same lock of the host, and asks for it here, it
// goes away first.
//
// I1  Nobody waits for the host while attached.
// I2  A wait for a condition destroys nobody while its mutex is held: its region begins without a run point, and a thread
//     with deaths to see to lets the mutex go first.
#include "thread.h"

#include <errno.h>
#include <tally/wait.h>

static bool is_attached(void) { return tally_self.state == TALLY_ATTACHED; }

// A run point. True: the thread was attached, and comes back by come_back.
static bool go_away(void) { return is_attached() && tally_blocking_begin() == 0; }

static void come_back(bool was_away)
{
	if (was_away) tally_blocking_end();
}

// ---- locks ----

int tally_mutex_lock(pthread_mutex_t *mutex)
{
	int result = pthread_mutex_trylock(mutex);
	if (result != EBUSY) return result;
	bool away = go_away();
	result = pthread_mutex_lock(mutex);
	come_back(away);
	return result;
}

int tally_rwlock_rdlock(pthread_rwlock_t *lock)
{
	int result = pthread_rwlock_tryrdlock(lock);
	if (result != EBUSY) return result;
	bool away = go_away();
	result = pthread_rwlock_rdlock(lock);
	come_back(away);
	return result;
}

int tally_rwlock_wrlock(pthread_rwlock_t *lock)
{
	int result = pthread_rwlock_trywrlock(lock);
	if (result != EBUSY) return result;
	bool away = go_away();
	result = pthread_rwlock_wrlock(lock);
	come_back(away);
	return result;
}

static int wait_for_semaphore(sem_t *semaphore)
{
	if (sem_trywait(semaphore) == 0) return 0;
	if (errno != EAGAIN) return errno;
	bool away = go_away();
	int result = sem_wait(semaphore) ? errno : 0;
	come_back(away);
	return result;
}

int tally_sem_wait(sem_t *semaphore)
{
	int kept = errno, result = wait_for_semaphore(semaphore);
	errno = kept;
	return result;
}

// ---- conditions ----

static int await(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	return until ? pthread_cond_timedwait(condition, mutex, until) : pthread_cond_wait(condition, mutex);
}

// What a section or a destructor further up the stack puts off stays put off.
static bool has_deaths_to_see_to(void) { return tally_self.dying && !tally_in_section() && !tally_self.burying; }

static int bury_without(pthread_mutex_t *mutex)
{
	int result = pthread_mutex_unlock(mutex);
	if (result) return result;
	tally_safepoint();
	return tally_mutex_lock(mutex);
}

static int await_away(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	if (!is_attached()) return await(condition, mutex, until);
	tally_thread_go_quietly();
	bool deaths = has_deaths_to_see_to();
	int result = deaths ? 0 : await(condition, mutex, until);
	tally_blocking_end();
	return deaths ? bury_without(mutex) : result;
}

int tally_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) { return await_away(condition, mutex, NULL); }

int tally_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	return await_away(condition, mutex, until);
}

// ---- threads, and whatever else ----

int tally_thread_join(pthread_t thread, void **result)
{
	int error = pthread_tryjoin_np(thread, result);
	if (error != EBUSY) return error;
	bool away = go_away();
	error = pthread_join(thread, result);
	come_back(away);
	return error;
}

void *tally_call_blocking(void *(*function)(void *argument), void *argument)
{
	bool away = go_away();
	void *result = function(argument);
	come_back(away);
	return result;
}

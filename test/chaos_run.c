/* chaos_run.c - the processes of the topology that is killed. SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "memory.h"
#include "test/chaos_parts.h"

const char *const kind_names[KINDS] = { "spout", "bolt", "acker", "supervisor", "coordinator" };

/* Nothing ends by time: what hangs is found. */
static const char at_least_once[] =
	"{ \"name\": \"chaos\",\n"
	"  \"config\": { \"topology.acker.executors\": 2, \"topology.message.timeout.secs\": 3600,\n"
	"    \"topology.chaining\": \"%s\" },\n"
	"  \"spouts\": [\n"
	"    { \"id\": \"source\", \"className\": \"chaos.Source\", \"parallelism\": 2,\n"
	"      \"properties\": { \"journal\": \"journal\", \"rate\": %" PRIu64 " } } ],\n"
	"  \"bolts\": [\n"
	"    { \"id\": \"pass\", \"className\": \"chaos.Pass\", \"parallelism\": 2 },\n"
	"    { \"id\": \"disk\", \"className\": \"chaos.Disk\", \"parallelism\": 2,\n"
	"      \"properties\": { \"path\": \"disk\" } },\n"
	"    { \"id\": \"tally\", \"className\": \"tally\", \"parallelism\": 2 },\n"
	"    { \"id\": \"table\", \"className\": \"table\", \"properties\": { \"path\": \"counts\" } } ],\n"
	"  \"streams\": [\n"
	"    { \"from\": \"source\", \"to\": \"pass\", \"grouping\": { \"type\": \"LOCAL_OR_SHUFFLE\" } },\n"
	"    { \"from\": \"pass\", \"to\": \"disk\", \"grouping\": { \"type\": \"LOCAL_OR_SHUFFLE\" } },\n"
	"    { \"from\": \"pass\", \"to\": \"tally\",\n"
	"      \"grouping\": { \"type\": \"FIELDS\", \"args\": [\"word\"], \"streamId\": \"words\" } },\n"
	"    { \"from\": \"tally\", \"to\": \"table\", \"grouping\": { \"type\": \"SHUFFLE\" } } ] }\n";

/* The numbers of a word keep their order from the spout's task to `count`. */
static const char exactly_once[] =
	"{ \"name\": \"chaos\",\n"
	"  \"transactional\": { \"id\": \"chaos\", \"type\": \"%s\" },\n"
	"  \"config\": { \"topology.message.timeout.secs\": 3600 },\n"
	"  \"spouts\": [\n"
	"    { \"id\": \"source\", \"className\": \"chaos.Source\", \"parallelism\": 2,\n"
	"      \"properties\": { \"journal\": \"journal\", \"rate\": %" PRIu64 " } } ],\n"
	"  \"bolts\": [\n"
	"    { \"id\": \"pass\", \"className\": \"exact.Pass\", \"parallelism\": 2 },\n"
	"    { \"id\": \"count\", \"className\": \"exact.Count\", \"parallelism\": 2 },\n"
	"    { \"id\": \"chain\", \"className\": \"exact.Chain\", \"parallelism\": 2 },\n"
	"    { \"id\": \"sink\", \"className\": \"exact.Sink\", \"parallelism\": 2,\n"
	"      \"properties\": { \"path\": \"sink\", \"journal\": \"journal\" } },\n"
	"    { \"id\": \"table\", \"className\": \"table\", \"properties\": { \"path\": \"totals\" } } ],\n"
	"  \"streams\": [\n"
	"    { \"from\": \"source\", \"to\": \"pass\",\n"
	"      \"grouping\": { \"type\": \"FIELDS\", \"args\": [\"word\"] } },\n"
	"    { \"from\": \"pass\", \"to\": \"count\",\n"
	"      \"grouping\": { \"type\": \"FIELDS\", \"args\": [\"word\"] } },\n"
	"    { \"from\": \"count\", \"to\": \"chain\", \"grouping\": { \"type\": \"FIELDS\", \"args\": [\"k\"] } },\n"
	"    { \"from\": \"count\", \"to\": \"table\",\n"
	"      \"grouping\": { \"type\": \"SHUFFLE\", \"streamId\": \"totals\" } },\n"
	"    { \"from\": \"chain\", \"to\": \"sink\", \"grouping\": { \"type\": \"SHUFFLE\" } } ] }\n";

/* ---- the directory ---- */

static void make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0)
		die("can't make %s: %s", path, strerror(errno));
}

static void make_journal(struct run *r)
{
	int fd = open("journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof *r->journal) != 0)
		die("can't make %s/journal: %s", r->dir, strerror(errno));
	r->journal = mmap(NULL, sizeof *r->journal, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->journal == MAP_FAILED)
		die("can't map %s/journal: %s", r->dir, strerror(errno));
	close(fd);
	atomic_store(&r->journal->end, CHAOS_IDS);
}

/* find_gale: it is where this program was built. */
static void find_gale(struct run *r)
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n < 0)
		die("can't read /proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	slash = strrchr(path, '/');
	*slash = '\0';
	r->plugins = xasprintf("%s/plugins", path);
	r->gale = xasprintf("%s/../gale", path);
}

static void make_topology(const struct run *r)
{
	FILE *f = fopen("chaos.json", "w");
	int n;

	if (f == NULL)
		die("can't write %s/chaos.json: %s", r->dir, strerror(errno));
	if (r->promise == AT_LEAST_ONCE)
		n = fprintf(f, at_least_once, r->chained ? "auto" : "off", r->rate);
	else
		n = fprintf(f, exactly_once, r->promise == OPAQUE ? "opaque" : "transactional", r->rate);
	if (n < 0 || fclose(f) != 0)
		die("can't write %s/chaos.json: %s", r->dir, strerror(errno));
}

void run_open(struct run *r, enum promise promise, bool chained, uint64_t rate)
{
	char name[] = "/tmp/gale.XXXXXX";	/* short: sockets live below it */

	memset(r, 0, sizeof *r);
	r->promise = promise;
	r->chained = chained;
	r->rate = rate;
	find_gale(r);
	if (mkdtemp(name) == NULL || chdir(name) != 0)
		die("can't make %s: %s", name, strerror(errno));
	r->dir = xstrdup(name);
	setenv("XDG_RUNTIME_DIR", name, 1);
	make_directory("disk");
	make_journal(r);
	make_topology(r);
}

void run_close(struct run *r, bool kept)
{
	if (r->supervisor > 0) {
		kill(r->supervisor, SIGKILL);
		waitpid(r->supervisor, NULL, 0);
	}
	munmap(r->journal, sizeof *r->journal);
	if (kept) {
		fprintf(stderr, "chaos: files are in %s\n", r->dir);
	} else {
		char *command = xasprintf("rm -rf '%s'", r->dir);

		if (system(command) != 0)
			fprintf(stderr, "chaos: can't remove %s\n", r->dir);
		free(command);
	}
	free(r->dir);
	free(r->gale);
	free(r->plugins);
}

/* ---- the supervisor ---- */

static _Noreturn void become_gale(const struct run *r, pid_t parent)
{
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(126);
	execl(r->gale, "gale", "run", "-q", "-P", r->plugins, "--state", "state", "chaos.json", (char *)NULL);
	_exit(127);
}

void run_start(struct run *r)
{
	pid_t parent = getpid();

	r->supervisor = fork();
	if (r->supervisor < 0)
		die("fork: %s", strerror(errno));
	if (r->supervisor == 0)
		become_gale(r, parent);
}

bool run_watch(struct run *r)
{
	int status;

	if (r->supervisor == 0 || waitpid(r->supervisor, &status, WNOHANG) != r->supervisor)
		return r->supervisor != 0;
	r->supervisor = 0;
	r->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return false;
}

void run_kill_supervisor(struct run *r)
{
	kill(r->supervisor, SIGKILL);
	waitpid(r->supervisor, NULL, 0);
	run_start(r);
}

/* ---- workers ---- */

/* read_file reads a file of /proc; returns its length, 0 when there is none. */
static size_t read_file(pid_t pid, const char *name, char *text, size_t room)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	n = read(fd, text, room - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static bool is_child(pid_t pid, pid_t parent)
{
	char text[512], *end;

	if (read_file(pid, "stat", text, sizeof text) == 0 || (end = strrchr(text, ')')) == NULL)
		return false;
	return strtol(end + 4, NULL, 10) == parent;
}

/* read_label takes a worker's name, the last of its arguments. */
static bool read_label(struct victim *v)
{
	char text[4096];
	size_t n = read_file(v->pid, "cmdline", text, sizeof text);
	const char *last;

	if (n < 2 || text[n - 1] != '\0')
		return false;
	last = memrchr(text, '\0', n - 1);
	if (last == NULL || strchr(last + 1, '[') == NULL)
		return false;
	snprintf(v->label, sizeof v->label, "%s", last + 1);
	v->kind = strncmp(v->label, "source[", 7) == 0 ? SPOUT : strncmp(v->label, "acker[", 6) == 0 ? ACKER :
	    strncmp(v->label, "coordinator[", 12) == 0 ? COORDINATOR : BOLT;
	return true;
}

/* hold_worker fills V when PID is a worker of KIND. The second look is at the one that is held. */
static bool hold_worker(const struct run *r, pid_t pid, enum kind kind, struct victim *v)
{
	v->pid = pid;
	if (!is_child(pid, r->supervisor) || (v->pidfd = pidfd_open(pid, 0)) < 0)
		return false;
	if (is_child(pid, r->supervisor) && read_label(v) && (kind == SUPERVISOR || kind == v->kind))
		return true;
	close(v->pidfd);
	return false;
}

static int by_label(const void *a, const void *b)
{
	return strcmp(((const struct victim *)a)->label, ((const struct victim *)b)->label);
}

size_t run_workers(const struct run *r, enum kind kind, struct victim *v, size_t max)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	if (proc == NULL)
		die("can't read /proc: %s", strerror(errno));
	while (n < max && (entry = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && hold_worker(r, pid, kind, &v[n]))
			n++;
	}
	closedir(proc);
	/* So the same seed means the same worker. */
	qsort(v, n, sizeof *v, by_label);
	return n;
}

void victim_close(struct victim *v)
{
	close(v->pidfd);
}

bool victim_signal(const struct victim *v, int signal)
{
	return pidfd_send_signal(v->pidfd, signal, NULL, 0) == 0;
}

/* call.c - see call.h. SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exitcode.h"
#include "statedir.h"

int call_live(const struct home *h, struct error *e)
{
	enum topology_status status;

	if (home_lives(h))
		return EXIT_DONE;
	status = home_status(h);
	if (status == TOPOLOGY_DEAD)
		error_set(e, "%s is DEAD: its supervisor was killed; \"gale submit --resume %s\" goes on from its "
		    "state", h->name, h->name);
	else
		error_set(e, "%s is %s: it does not run", h->name, topology_status_names[status]);
	return EXIT_CONFLICT;
}

int call_connect_state(int state, int type)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | type, 0), cause;
	struct sockaddr_un address;

	statedir_control(state, &address);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		cause = errno;
		close(fd);
		fd = -1;
		errno = cause;
	}
	return fd;
}

int call_connect(int home, int type)
{
	int dir = openat(home, "state", O_PATH | O_DIRECTORY | O_CLOEXEC), fd, cause;

	if (dir < 0)
		return -1;
	fd = call_connect_state(dir, type);
	cause = errno;
	close(dir);
	errno = cause;
	return fd;
}

bool call_may_come(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == EAGAIN;
}

bool call_final(const char *text, int *code, const char **rest)
{
	char *end;
	long given;

	if (strncmp(text, "ok", 2) == 0 && (text[2] == '\0' || text[2] == ' ')) {
		*code = EXIT_DONE;
		*rest = text + 2 + (text[2] == ' ');
		return true;
	}
	if (strncmp(text, "error ", 6) != 0)
		return false;
	given = strtol(text + 6, &end, 10);
	*code = given > EXIT_DONE && given <= EXIT_TERMINATED ? (int)given : EXIT_FAILED;
	*rest = end + (*end == ' ');
	return true;
}

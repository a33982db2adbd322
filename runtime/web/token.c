/* token.c - see token.h. SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "home.h"
#include "memory.h"
#include "random.h"

enum { LINE = TOKEN_DIGITS + 1 };	/* with its newline */

char *token_path(void)
{
	char *base = home_base(), *path = xasprintf("%s/.ui-token", base);

	free(base);
	return path;
}

/* check refuses a file that others can read or have put there. */
static int check(int fd, const char *path, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return error_set(e, "%s is not a file of yours; remove it", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(e, "%s is open to other users (mode %04o): the token in it is no secret any more; "
		    "remove it, and another one is made", path, (unsigned)(st.st_mode & 07777));
	return 0;
}

static int read_token(const char *path, char token[TOKEN_DIGITS + 1], struct error *e)
{
	char line[LINE + 1];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), rc;
	ssize_t n;

	if (fd < 0)
		return error_errno(e, "cannot open %s", path);
	rc = check(fd, path, e);
	n = rc == 0 ? read(fd, line, sizeof line) : -1;
	close(fd);
	if (rc != 0)
		return -1;
	if (n != LINE || line[TOKEN_DIGITS] != '\n' || strspn(line, "0123456789abcdef") != TOKEN_DIGITS)
		return error_set(e, "%s holds no token (64 hexadecimal digits); remove it, and another one is made", path);
	memcpy(token, line, TOKEN_DIGITS);
	token[TOKEN_DIGITS] = '\0';
	return 0;
}

/* write_token writes a new one to the file NAME. */
static int write_token(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR), rc;
	char line[LINE + 1];

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < TOKEN_DIGITS; i += 16)
		snprintf(line + i, 17, "%016llx", (unsigned long long)random_seed());
	line[TOKEN_DIGITS] = '\n';
	rc = write(fd, line, LINE) == LINE && fsync(fd) == 0 ? 0 : -1;
	close(fd);
	return rc;
}

/* make makes the file PATH, as a whole, unless somebody else has done so meanwhile. */
static int make(const char *path, struct error *e)
{
	char *unfinished = xasprintf("%s.%d", path, (int)getpid());
	int rc = 0;

	unlink(unfinished);	/* of a process that was killed, and had our number */
	if (write_token(unfinished) != 0 || (link(unfinished, path) != 0 && errno != EEXIST))
		rc = error_errno(e, "cannot make %s", path);
	unlink(unfinished);
	free(unfinished);
	return rc;
}

int token_get(char token[TOKEN_DIGITS + 1], struct error *e)
{
	char *path = token_path();
	int rc = home_make_base(e);

	if (rc == 0 && access(path, F_OK) != 0 && errno == ENOENT)
		rc = make(path, e);
	if (rc == 0)
		rc = read_token(path, token, e);
	free(path);
	return rc;
}

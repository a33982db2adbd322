/* pidfd.c - opens a pidfd of process $1 and sends it through standard input, a socket: for
 * pidfd_open.c. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec io = { .iov_base = control, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS };
	int fd = argc == 2 ? pidfd_open(atoi(argv[1]), 0) : -1;

	if (fd < 0)
		return 1;
	memcpy(control, &header, sizeof header);
	memcpy(control + CMSG_LEN(0), &fd, sizeof fd);
	return sendmsg(STDIN_FILENO, &m, 0) == 1 ? 0 : 1;
}

/* pidfd_open.c - pidfd_open for a test under valgrind. SPDX-License-Identifier: Apache-2.0
 *
 * The valgrind of Debian 12 answers pidfd_open with ENOSYS, but takes such a descriptor from
 * another process; and what is started with exec runs without valgrind. So this, linked into
 * the test in front of libc's, has test/pidfd open it. Elsewhere it is the system call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void ask(pid_t pid, int channel)
{
	char program[4096] = "", number[16];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 16);

	if (n > 0) {
		program[n] = '\0';
		strcpy(strrchr(program, '/') + 1, "pidfd");
		snprintf(number, sizeof number, "%d", (int)pid);
		dup2(channel, STDIN_FILENO);
		execl(program, program, number, (char *)NULL);
	}
	_exit(1);
}

static int receive(int channel)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	int fd = -1;

	if (recvmsg(channel, &m, MSG_CMSG_CLOEXEC) == 1 && m.msg_controllen == sizeof control)
		memcpy(&fd, control + CMSG_LEN(0), sizeof fd);
	return fd;
}

int pidfd_open(pid_t pid, unsigned flags)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, flags), ends[2];
	pid_t helper;

	if (fd >= 0 || errno != ENOSYS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return fd;
	helper = fork();
	if (helper == 0)
		ask(pid, ends[1]);
	close(ends[1]);
	fd = receive(ends[0]);
	close(ends[0]);
	if (helper > 0)
		waitpid(helper, NULL, 0);
	errno = ENOSYS;
	return fd;
}

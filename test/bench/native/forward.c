/*
 * Forwards bytes without looking at them: what a proxy costs on this machine that does nothing at all. One thread, one epoll, and four
 * system calls that carry bytes for each call, as any proxy of HTTP needs. Each connection of a client gets one to an endpoint, in turn.
 *
 *   forward PORT ENDPOINT_PORT...
 */
#include "common.h"

struct side {
  int fd, full;
  struct side *peer;
  size_t from, to; /* what of `bytes` waits to be written to the peer */
  char bytes[65536];
};

static int epoll, listener;

static void end(struct side *s) {
  close(s->fd);
  close(s->peer->fd);
  s->fd = s->peer->fd = -1; /* freed at the end of the turn: the other one may be in it too */
}

static void want(struct side *s) {
  watch(epoll, EPOLL_CTL_MOD, s->fd, (s->full ? 0 : EPOLLIN) | (s->peer->full ? EPOLLOUT : 0), s);
}

/* Writes what waits on this side to its peer. */
static void pass(struct side *s) {
  int was_full = s->full;
  while (s->from < s->to) {
    ssize_t wrote = write(s->peer->fd, s->bytes + s->from, s->to - s->from);
    if (wrote < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
    if (wrote <= 0) return end(s);
    s->from += wrote;
  }
  s->full = s->from < s->to;
  if (!s->full) s->from = s->to = 0;
  if (s->full != was_full) want(s), want(s->peer);
}

static void hear(struct side *s) {
  ssize_t count = read(s->fd, s->bytes, sizeof s->bytes);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return end(s);
  s->to = count;
  pass(s);
}

static struct side *add(int fd) {
  struct side *s = calloc(1, sizeof *s);
  s->fd = fd;
  return s;
}

int main(int count, char **words) {
  settle_in();
  if (count < 3) die("usage: forward PORT ENDPOINT_PORT...");
  epoll = epoll_create1(EPOLL_CLOEXEC);
  listener = listen_on(atoi(words[1]));
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, 0);
  puts("ready");
  fflush(stdout);
  unsigned turn = 0;
  for (struct epoll_event events[256];;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      struct side *s = events[i].data.ptr;
      if (!s) {
        for (int fd; (fd = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          int out = connect_to(atoi(words[2 + turn++ % (count - 2)]));
          if (out < 0) {
            close(fd);
            continue;
          }
          no_delay(fd);
          struct side *app = add(fd), *endpoint = add(out);
          app->peer = endpoint, endpoint->peer = app;
          watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, app);
          watch(epoll, EPOLL_CTL_ADD, out, EPOLLIN, endpoint);
        }
        continue;
      }
      if (s->fd >= 0 && s->peer->full && events[i].events & EPOLLOUT) pass(s->peer);
      if (s->fd >= 0 && !s->full && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(s);
      else if (s->fd >= 0 && events[i].events & EPOLLERR) end(s);
    }
    for (int i = 0; i < ready; i++) { /* both sides of a pair that has ended, once */
      struct side *s = events[i].data.ptr;
      if (!s || s->fd >= 0) continue;
      for (int j = i + 1; j < ready; j++) if (events[j].data.ptr == s->peer) events[j].data.ptr = 0;
      free(s->peer);
      free(s);
    }
  }
}

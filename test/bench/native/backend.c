/*
 * The backend of the benchmark: as little work as an HTTP server can do, so that the proxy before it is what is measured.
 *
 *   backend PORT...           PORT! breaks off every tenth GET that comes to that port, without an answer
 *
 *   GET /N                    200, N bytes
 *   POST, PUT, PATCH /        reads the body, with a length or in chunks, then 200 and the number of bytes that it had, in 20 digits
 *   Upgrade: websocket        every frame goes back as it came
 *
 * One thread, one epoll. No pipelining: bytes behind a request end the connection, since no proxy should have sent them.
 */
#include "common.h"

enum { HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, ANSWER, FRAMES };

static struct listener { int fd, breaks, turns; } listeners[64];

struct connection {
  int fd, state, closing, waits;
  struct listener *from;
  size_t have;              /* bytes in `in` */
  long long left, received; /* of the body that comes, or the chunk */
  long long out_left;       /* of the body that goes */
  size_t head_length, head_sent;
  char in[16384], head[512];
};

static int epoll;
static char sink[1 << 18], fill[1 << 20];

static void end(struct connection *c) {
  close(c->fd);
  free(c);
}

static void want(struct connection *c, int writing) {
  if (c->waits == writing) return;
  c->waits = writing;
  watch(epoll, EPOLL_CTL_MOD, c->fd, writing ? EPOLLOUT : EPOLLIN, c);
}

/* Writes what is due. 0: the connection is gone. */
static int answer(struct connection *c) {
  while (c->head_sent < c->head_length || c->out_left > 0) {
    size_t body = c->out_left < (long long)sizeof fill ? (size_t)c->out_left : sizeof fill;
    struct iovec parts[2] = {{c->head + c->head_sent, c->head_length - c->head_sent}, {fill, body}};
    ssize_t wrote = writev(c->fd, parts, 2);
    if (wrote < 0 && errno == EAGAIN) return want(c, 1), 1;
    if (wrote <= 0) return end(c), 0;
    size_t of_head = (size_t)wrote < parts[0].iov_len ? (size_t)wrote : parts[0].iov_len;
    c->head_sent += of_head;
    c->out_left -= wrote - of_head;
  }
  if (c->closing) return end(c), 0;
  c->state = HEAD;
  want(c, 0);
  return 1;
}

static int say(struct connection *c, long long length, const char *text) {
  c->head_length = snprintf(c->head, sizeof c->head,
    "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Wed, 25 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Cache-Control: no-store\r\n%sContent-Length: %lld\r\n\r\n%s", c->closing ? "Connection: close\r\n" : "",
    text ? (long long)strlen(text) : length, text ? text : "");
  c->head_sent = 0;
  c->out_left = text ? 0 : length;
  c->state = ANSWER;
  return answer(c);
}

static int received(struct connection *c) {
  char digits[32];
  snprintf(digits, sizeof digits, "%020lld", c->received);
  return say(c, 0, digits);
}

/* The bytes of a body. 0: the connection is gone. */
static int body(struct connection *c, const char *bytes, size_t count) {
  while (count > 0) {
    if (c->state == BODY || c->state == CHUNK_DATA) {
      size_t taken = (long long)count < c->left ? count : (size_t)c->left;
      bytes += taken, count -= taken, c->left -= taken, c->received += taken;
      if (c->left > 0) return 1;
      if (c->state == BODY) return count > 0 ? (end(c), 0) : received(c);
      c->state = CHUNK_END;
      continue;
    }
    char byte = *bytes++;
    count--;
    if (c->state == CHUNK_SIZE) {
      if (byte == '\n') c->state = c->left > 0 ? CHUNK_DATA : TRAILER, c->have = 0;
      else if (byte != '\r') c->left = c->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    } else if (c->state == CHUNK_END) {
      if (byte == '\n') c->state = CHUNK_SIZE, c->left = 0;
    } else if (byte == '\n') { /* the end of the trailers is an empty line */
      if (c->have == 0) return received(c);
      c->have = 0;
    } else if (byte != '\r') c->have++;
  }
  return 1;
}

/* Whole frames, masked, go back unmasked. Small ones only: what does not fit into one write ends the connection. */
static int frames(struct connection *c) {
  static unsigned char out[sizeof c->in];
  unsigned char *in = (unsigned char *)c->in;
  size_t done = 0, ready = 0;
  while (c->have - done >= 2) {
    unsigned char *frame = in + done;
    size_t head = (frame[1] & 127) == 126 ? 4 : 2, length = head == 4 ? frame[2] << 8 | frame[3] : frame[1] & 127;
    if (!(frame[1] & 128) || head + 4 + length > sizeof c->in - 1) return end(c), 0;
    if (c->have - done < head + 4 + length) break;
    memcpy(out + ready, frame, head);
    out[ready + 1] &= 127;
    for (size_t i = 0; i < length; i++) out[ready + head + i] = frame[head + 4 + i] ^ frame[head + (i & 3)];
    ready += head + length;
    done += head + 4 + length;
  }
  memmove(in, in + done, c->have - done);
  c->have -= done;
  return ready == 0 || write(c->fd, out, ready) == (ssize_t)ready ? 1 : (end(c), 0);
}

static int request(struct connection *c) {
  c->in[c->have] = 0;
  char *over = strstr(c->in, "\r\n\r\n");
  if (!over) return c->have == sizeof c->in - 1 ? (end(c), 0) : 1;
  over[2] = 0;
  size_t rest = c->have - (over + 4 - c->in);
  char *path = strchr(c->in, '/');
  const char *connection = field(c->in, "connection:"), *length = field(c->in, "content-length:");
  c->closing = connection && strncasecmp(connection, "close", 5) == 0;
  c->received = 0;
  c->have = 0;
  if (field(c->in, "upgrade:")) {
    c->state = FRAMES; /* the accept value of the sample nonce in RFC 6455, which the load generator sends */
    c->head_length = snprintf(c->head, sizeof c->head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    return write(c->fd, c->head, c->head_length) == (ssize_t)c->head_length ? 1 : (end(c), 0);
  }
  if (length ? atoll(length) > 0 : field(c->in, "transfer-encoding:") != 0) {
    c->left = length ? atoll(length) : 0;
    c->state = length ? BODY : CHUNK_SIZE;
    return body(c, over + 4, rest);
  }
  if (rest > 0 || !path) return end(c), 0;
  if (c->from->breaks && ++c->from->turns % 10 == 0) return end(c), 0;
  return c->in[0] == 'P' ? received(c) : say(c, atoll(path + 1), 0);
}

static void hear(struct connection *c) {
  if (c->state >= BODY && c->state <= TRAILER) {
    ssize_t count = read(c->fd, sink, sizeof sink);
    if (count > 0) body(c, sink, count);
    else if (count == 0 || errno != EAGAIN) end(c);
    return;
  }
  ssize_t count = read(c->fd, c->in + c->have, sizeof c->in - 1 - c->have);
  if (count <= 0) {
    if (count == 0 || errno != EAGAIN) end(c);
    return;
  }
  c->have += count;
  if (c->state == HEAD) request(c);
  else if (c->state == FRAMES) frames(c);
  else end(c);
}

static void take(struct listener *from) {
  for (int fd; (fd = accept4(from->fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    struct connection *c = calloc(1, sizeof *c);
    no_delay(fd);
    c->fd = fd;
    c->from = from;
    watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, c);
  }
}

int main(int count, char **words) {
  settle_in();
  memset(fill, 'x', sizeof fill);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (count < 2 || count > 64) die("usage: backend PORT[!]...");
  for (int i = 1; i < count; i++) {
    listeners[i] = (struct listener){.fd = listen_on(atoi(words[i])), .breaks = strchr(words[i], '!') != 0};
    watch(epoll, EPOLL_CTL_ADD, listeners[i].fd, EPOLLIN, &listeners[i]);
  }
  puts("ready");
  fflush(stdout);
  for (struct epoll_event events[256];;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      void *of = events[i].data.ptr;
      if ((struct listener *)of >= listeners && (struct listener *)of < listeners + 64) take(of);
      else if (((struct connection *)of)->state == ANSWER) answer(of);
      else hear(of);
    }
  }
}

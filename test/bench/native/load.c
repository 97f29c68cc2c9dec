/*
 * The load generator of the benchmark. One thread, one epoll; every answer is framed, its status and each of its bytes are counted, and
 * a call that got anything else is a failed one.
 *
 *   load PORT CONNECTIONS SECONDS [option value]...
 *     call METHOD:PATH:BODY_BYTES:ANSWER_BYTES   what to ask, in turn when there are several; ANSWER_BYTES -1: the count of an upload
 *     hosts N            Host is s0 ... sN-1, in turn; without it, Host is "bench"
 *     field TEXT         one more field in each head, as "x-zidecar-timeout: 5s"
 *     rate R             open loop: R calls a second, each due at its own time whether those before have ended or not, and its latency
 *                        counts from when it was due. Without it, closed loop: each connection asks as soon as it has its answer
 *     close 1            a connection for each call
 *     websocket BYTES    messages of so many bytes and back, in place of calls
 *     hold 1             stays connected after "started", silent, until standard input ends
 *     warm SECONDS       how long to go before measuring; at least until each connection has had an answer
 *
 * A closed loop goes on until a call has ended, at least: on a machine that is busy enough none may in a moment.
 *
 * Prints "started" when measuring begins, and one line of JSON when it is over. Both lines are awaited by measure.ts.
 */
#include "common.h"

enum { IDLE, CONNECTING, WRITING, SHAKING, READING };
enum { OPENING, WARMING, MEASURING, DRAINING };

struct call { char *bytes; size_t length; long long body, answer; };
struct connection {
  int fd, state, waits, answered, upgraded;
  const struct call *call;
  size_t sent;            /* of the head */
  long long body_left;    /* of the request */
  long long answer_left;  /* of the answer; -1: its head has not come */
  size_t have;
  int64_t due;
  char head[4096], count[24]; /* `count`: what the backend says it got of an upload */
};

static int port, connections, close_each, websocket, hold, rate, hosts = 1, epoll, phase, failures_in_a_row;
static double seconds, warm;
static const char *extra = "";
static struct call *calls;
static size_t kinds, turn;
static struct connection *all;
static long long done, failed, bytes_in, unfinished;
static char why[256], sink[1 << 18], fill[1 << 20];
static int64_t began, ends;

/* Latencies in buckets of less than 1 % width. */
enum { STEPS = 128 };
static uint32_t histogram[60 * STEPS];
static int64_t longest, sum;

static void observe(int64_t ns) {
  int above = 63 - __builtin_clzll((uint64_t)ns | 1) - 7, shift = above > 0 ? above : 0;
  histogram[shift * STEPS + (ns >> shift)]++;
  sum += ns;
  if (ns > longest) longest = ns;
}

static double percentile_us(double percent) {
  long long wanted = (long long)(done * percent / 100), seen = 0;
  for (size_t i = 0; i < sizeof histogram / sizeof *histogram; i++) {
    seen += histogram[i];
    if (seen > wanted) {
      int shift = i < 2 * STEPS ? 0 : i / STEPS - 1;
      return (((double)(i - shift * STEPS) + 0.5) * (1LL << shift)) / 1000;
    }
  }
  return longest / 1000.0;
}

static void begin(struct connection *c, int64_t due);

static void want(struct connection *c, int writing) {
  if (c->waits == writing) return;
  c->waits = writing;
  watch(epoll, EPOLL_CTL_MOD, c->fd, writing ? EPOLLOUT : EPOLLIN, c);
}

static void hang_up(struct connection *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->state = IDLE;
  c->upgraded = 0;
}

static int idle_again(struct connection *c) {
  c->state = IDLE;
  if (phase == OPENING ? !c->answered : !hold && !rate && phase != DRAINING) begin(c, now_ns());
  return 0;
}

static void fail(struct connection *c, const char *format, ...) {
  va_list rest;
  if (phase >= MEASURING) failed++;
  if (!*why) {
    va_start(rest, format);
    vsnprintf(why, sizeof why, format, rest);
    va_end(rest);
    for (char *p = why; *p; p++) if (*p == '"' || *p == '\\' || *p < ' ') *p = ' ';
  }
  if (++failures_in_a_row > 1000) die("1000 calls in a row have failed, the first one so: %s", why);
  hang_up(c);
  idle_again(c);
}

static void succeed(struct connection *c) {
  failures_in_a_row = 0;
  int64_t now = now_ns();
  c->answered = 1;
  if (phase == MEASURING || (phase == DRAINING && rate)) {
    done++;
    observe(now - c->due);
  }
  if (close_each) hang_up(c);
  idle_again(c);
}

static void send_on(struct connection *c) {
  while (c->sent < c->call->length || c->body_left > 0) {
    size_t body = c->body_left < (long long)sizeof fill ? (size_t)c->body_left : sizeof fill;
    struct iovec parts[2] = {{c->call->bytes + c->sent, c->call->length - c->sent}, {fill, body}};
    ssize_t wrote = writev(c->fd, parts, 2);
    if (wrote < 0 && errno == EAGAIN) return want(c, 1);
    if (wrote <= 0) return fail(c, "cannot send: %s", strerror(errno));
    size_t of_head = (size_t)wrote < parts[0].iov_len ? (size_t)wrote : parts[0].iov_len;
    c->sent += of_head;
    c->body_left -= wrote - of_head;
  }
  c->state = READING;
  want(c, 0);
}

static void begin(struct connection *c, int64_t due) {
  c->due = due;
  c->call = &calls[turn++ % kinds];
  if (websocket && c->upgraded) c->call = &calls[1];
  else if (websocket) c->call = &calls[0];
  c->sent = c->have = 0;
  c->body_left = c->call->body;
  c->answer_left = -1;
  if (c->fd >= 0) {
    c->state = WRITING;
    return send_on(c);
  }
  c->fd = connect_to(port);
  if (c->fd < 0) return fail(c, "cannot connect: %s", strerror(errno));
  c->state = CONNECTING;
  c->waits = 1;
  watch(epoll, EPOLL_CTL_ADD, c->fd, EPOLLOUT, c);
}

static void hear_body(struct connection *c, const char *bytes, size_t count) {
  if (c->call->answer < 0) memcpy(c->count + 20 - c->answer_left, bytes, count);
  c->answer_left -= count;
  bytes_in += phase == MEASURING ? count : 0;
  if (c->answer_left > 0) return;
  if (c->call->answer < 0 && atoll(c->count) != c->call->body)
    return fail(c, "the backend got %s bytes of %lld", c->count, c->call->body);
  succeed(c);
}

/* A whole head has come. */
static void hear_head(struct connection *c, char *over) {
  size_t rest = c->have - (over + 4 - c->head);
  over[2] = 0;
  int status = strncmp(c->head, "HTTP/1.1 ", 9) == 0 ? atoi(c->head + 9) : 0;
  if (websocket) {
    const char *accept = field(c->head, "sec-websocket-accept:");
    if (status != 101 || rest > 0 || !accept || strncmp(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28) != 0)
      return fail(c, "no websocket: status %d", status);
    c->upgraded = 1;
    return begin(c, now_ns());
  }
  const char *length = field(c->head, "content-length:");
  if (status != 200) return fail(c, "status %d", status);
  if (!length) return fail(c, "an answer without Content-Length");
  long long due = c->call->answer < 0 ? 20 : c->call->answer;
  if (atoll(length) != due) return fail(c, "an answer of %lld bytes in place of %lld", atoll(length), due);
  if ((long long)rest > due) return fail(c, "%zu bytes behind an answer", (size_t)(rest - due));
  c->answer_left = due;
  hear_body(c, over + 4, rest);
}

static void hear(struct connection *c) {
  int in_body = c->answer_left >= 0 || c->upgraded;
  ssize_t count = read(c->fd, in_body ? sink : c->head + c->have, in_body ? sizeof sink : sizeof c->head - 1 - c->have);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    /* a kept connection may end between two calls: the next one opens another */
    if (c->state == IDLE) return hang_up(c);
    return fail(c, c->answer_left > 0 ? "an answer was cut %lld bytes before its end" : "the connection ended without an answer", c->answer_left);
  }
  if (c->state == IDLE) return fail(c, "%zd bytes that nobody asked for", count);
  if (c->state == WRITING) return fail(c, "an answer before its request");
  if (c->upgraded) { /* one frame back: its head is two or four bytes, its length ours */
    if (c->have == 0 && ((unsigned char)sink[0] != 0x82)) return fail(c, "another frame than was sent");
    c->have += count;
    size_t due = websocket + (websocket < 126 ? 2 : 4);
    if (c->have > due) return fail(c, "%zu bytes for a message of %zu", c->have, due);
    bytes_in += phase == MEASURING ? count : 0;
    if (c->have == due) succeed(c);
    return;
  }
  if (in_body) {
    if (count > c->answer_left) return fail(c, "%lld bytes behind an answer", count - c->answer_left);
    return hear_body(c, sink, count);
  }
  c->have += count;
  c->head[c->have] = 0;
  char *over = strstr(c->head, "\r\n\r\n");
  if (over) hear_head(c, over);
  else if (c->have == sizeof c->head - 1) fail(c, "a head of more than 4 KB");
}

static void happened(struct connection *c, uint32_t events) {
  if (c->fd < 0) return;
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return fail(c, "cannot connect: %s", strerror(error));
    c->state = WRITING;
  }
  if (c->state == WRITING && events & EPOLLOUT) send_on(c);
  else hear(c);
}

static void report(void) {
  double lasted = (now_ns() - began) / 1e9;
  printf("{\"calls\":%lld,\"failed\":%lld,\"why\":\"%s\",\"bytes\":%lld,\"seconds\":%.6f,\"unfinished\":%lld,\"latencyUs\":{\"mean\":%.1f,"
    "\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n", done, failed, why, bytes_in, lasted, unfinished,
    done ? sum / 1000.0 / done : 0, percentile_us(50), percentile_us(90), percentile_us(99), percentile_us(99.9), longest / 1000.0);
  fflush(stdout);
}

static void prepare(const char *method, const char *path, long long body, long long answer, int host) {
  char name[32] = "bench", text[1024], length[128] = "";
  if (hosts > 1) snprintf(name, sizeof name, "s%d", host);
  if (body > 0) snprintf(length, sizeof length, "Content-Type: application/octet-stream\r\nContent-Length: %lld\r\n", body);
  int size = snprintf(text, sizeof text,
    "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1.0 (load generator)\r\nAccept: application/json, text/plain;q=0.9, */*;q=0.8\r\n"
    "Accept-Encoding: gzip, br\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
    "Authorization: Bearer c29tZSBvcGFxdWUgdG9rZW4gb2YgdGhlIGFwcA\r\n%s%s%s%s%s\r\n", method, path, name, length,
    extra, *extra ? "\r\n" : "",
    websocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" : "",
    close_each ? "Connection: close\r\n" : "");
  calls = realloc(calls, (kinds + 1) * sizeof *calls);
  calls[kinds++] = (struct call){strdup(text), size, body, answer};
}

static void prepare_message(void) {
  unsigned char *frame = calloc(1, websocket + 16);
  size_t head = 2;
  frame[0] = 0x82; /* one whole binary message, masked with 1 2 3 4 */
  frame[1] = 128 | (websocket < 126 ? websocket : 126);
  if (websocket >= 126) frame[2] = websocket >> 8, frame[3] = websocket & 255, head = 4;
  for (int i = 0; i < 4; i++) frame[head + i] = i + 1;
  for (int i = 0; i < websocket; i++) frame[head + 4 + i] = 'x' ^ ((i & 3) + 1);
  calls = realloc(calls, 2 * sizeof *calls);
  calls[kinds++] = (struct call){(char *)frame, head + 4 + websocket, 0, 0};
}

static void turn_of_events(int64_t until) {
  struct epoll_event events[256];
  int64_t left = until - now_ns();
  struct timespec wait = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
  int ready = epoll_pwait2(epoll, events, 256, &wait, 0);
  for (int i = 0; i < ready; i++) happened(events[i].data.ptr, events[i].events);
}

static int busy(void) {
  int count = 0;
  for (int i = 0; i < connections; i++) count += all[i].state != IDLE;
  return count;
}

int main(int count, char **words) {
  settle_in();
  prctl(PR_SET_TIMERSLACK, 1);
  memset(fill, 'x', sizeof fill);
  if (count < 4 || count % 2) die("usage: load PORT CONNECTIONS SECONDS [option value]...");
  port = atoi(words[1]), connections = atoi(words[2]), seconds = atof(words[3]);
  for (int i = 4; i < count; i += 2) {
    const char *option = words[i], *value = words[i + 1];
    if (!strcmp(option, "hosts")) hosts = atoi(value);
    else if (!strcmp(option, "rate")) rate = atoi(value);
    else if (!strcmp(option, "close")) close_each = atoi(value);
    else if (!strcmp(option, "websocket")) websocket = atoi(value);
    else if (!strcmp(option, "hold")) hold = atoi(value);
    else if (!strcmp(option, "warm")) warm = atof(value);
    else if (!strcmp(option, "field")) extra = value;
    else if (strcmp(option, "call")) die("%s is no option of load", option);
  }
  if (websocket > 8000) die("a message of %d bytes: at most 8000", websocket);
  for (int host = 0; host < hosts; host++) {
    for (int i = 4; i < count; i += 2) {
      char method[16], path[64];
      long long body, answer;
      if (strcmp(words[i], "call")) continue;
      if (sscanf(words[i + 1], "%15[^:]:%63[^:]:%lld:%lld", method, path, &body, &answer) != 4) die("%s is no call", words[i + 1]);
      prepare(method, path, body, answer, host);
    }
  }
  if (!kinds) die("a call is missing");
  if (websocket) kinds = 1, prepare_message();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  all = calloc(connections, sizeof *all);
  for (int i = 0; i < connections; i++) all[i].fd = -1;

  /* not all at one time: a queue of connects that is full would be what is measured */
  int64_t give_up = now_ns() + 60000000000LL;
  for (int opened = 0, answered = 0; answered < connections;) {
    for (; opened < connections && opened - answered < 64; opened++) begin(&all[opened], now_ns());
    turn_of_events(now_ns() + 10000000);
    answered = 0;
    for (int i = 0; i < opened; i++) answered += all[i].answered;
    if (now_ns() > give_up) die("not every connection got an answer within 60 s; %s", why);
  }
  phase = WARMING;
  if (!hold) for (int i = 0; i < connections; i++) begin(&all[i], now_ns());
  for (int64_t until = now_ns() + (int64_t)(warm * 1e9); now_ns() < until;) turn_of_events(until);
  while (rate && busy()) turn_of_events(now_ns() + 10000000);

  phase = MEASURING;
  *why = 0;
  puts("started");
  fflush(stdout);
  began = now_ns();
  ends = began + (int64_t)(seconds * 1e9);
  if (hold) {
    watch(epoll, EPOLL_CTL_ADD, 0, EPOLLIN, 0);
    for (struct epoll_event event; epoll_wait(epoll, &event, 1, -1) == 1 && event.data.ptr;) happened(event.data.ptr, event.events);
    for (int i = 0; i < connections; i++) unfinished += all[i].fd < 0; /* closed though nobody asked for it */
  } else if (rate) {
    long long next = 0, total = (long long)(seconds * rate);
    for (int i = 0, from = 0; next < total && now_ns() < ends + 2000000000LL;) {
      int64_t due = began + next * 1000000000LL / rate;
      if (due > now_ns()) {
        turn_of_events(due);
        continue;
      }
      for (i = 0; i < connections && all[(from + i) % connections].state != IDLE;) i++;
      if (i == connections) {
        turn_of_events(now_ns() + 1000000);
        continue;
      }
      from = (from + i) % connections;
      begin(&all[from++], due);
      next++;
      if (next % 16 == 0) turn_of_events(0);
    }
    phase = DRAINING;
    for (int64_t patience = now_ns() + 1000000000LL; busy() && now_ns() < patience;) turn_of_events(now_ns() + 1000000);
    unfinished = total - next + busy();
  } else {
    int64_t patience = ends + 60000000000LL;
    while (now_ns() < ends || (done + failed == 0 && now_ns() < patience)) turn_of_events(now_ns() < ends ? ends : now_ns() + 10000000);
  }
  report();
}
